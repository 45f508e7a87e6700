#include "history/linearization.hpp"
#include "history/register_model.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

namespace mooring::test {
namespace {

using verb = register_model::verb;
using seen = register_model::seen;
using call = register_model::call;
using calls = std::vector<operation<call>>;
constexpr auto never = operation<call>::never;

bool fits(calls const& history) { return linearization<register_model>::search(history, 0).is_explained; }

BOOST_AUTO_TEST_SUITE(register_history)

BOOST_AUTO_TEST_CASE(an_empty_history_is_explained) { BOOST_TEST(fits({})); }

BOOST_AUTO_TEST_CASE(calls_in_a_row_must_follow_the_model) {
  BOOST_TEST(fits({{1, 2, {verb::create, seen::written, 0, 7}}, {3, 4, {verb::read, seen::found, 0, 7}}, {5, 6, {verb::erase, seen::removed, 0, 0}}}));
  BOOST_TEST(!fits({{1, 2, {verb::create, seen::written, 0, 7}}, {3, 4, {verb::read, seen::absent, 0, 0}}}));
  BOOST_TEST(!fits({{1, 2, {verb::create, seen::written, 0, 7}}, {3, 4, {verb::read, seen::found, 0, 8}}}));
  BOOST_TEST(!fits({{1, 2, {verb::erase, seen::removed, 0, 0}}}));
}

BOOST_AUTO_TEST_CASE(overlapping_calls_may_come_in_either_order) {
  BOOST_TEST(fits({{1, 4, {verb::create, seen::written, 0, 7}}, {2, 3, {verb::read, seen::absent, 0, 0}}}));
  BOOST_TEST(fits({{1, 4, {verb::create, seen::written, 0, 7}}, {2, 3, {verb::read, seen::found, 0, 7}}}));
  // Two readers one after the other may not see time go back.
  BOOST_TEST(!fits({{1, 8, {verb::create, seen::written, 0, 7}}, {2, 3, {verb::read, seen::found, 0, 7}}, {4, 5, {verb::read, seen::absent, 0, 0}}}));
}

BOOST_AUTO_TEST_CASE(of_two_updates_on_one_revision_only_one_can_be_written) {  // RA25
  calls history{{1, 2, {verb::create, seen::written, 0, 7}}, {3, 6, {verb::update_if, seen::written, 7, 8}}, {4, 5, {verb::update_if, seen::written, 7, 9}}};
  BOOST_TEST(!fits(history));
  history.back().call.outcome = seen::conflict;
  BOOST_TEST(fits(history));
}

BOOST_AUTO_TEST_CASE(two_creates_without_an_absence_between_them_cannot_both_be_written) {  // RA43
  calls history{{1, 4, {verb::create, seen::written, 0, 7}}, {2, 3, {verb::create, seen::written, 0, 8}}};
  BOOST_TEST(!fits(history));
  history.push_back({2, 5, {verb::erase, seen::removed, 0, 0}});
  BOOST_TEST(fits(history));
}

BOOST_AUTO_TEST_CASE(nothing_is_found_behind_an_erase) {  // RA42
  BOOST_TEST(!fits({{1, 2, {verb::create, seen::written, 0, 7}}, {3, 4, {verb::erase, seen::removed, 0, 0}}, {5, 6, {verb::update_if, seen::written, 7, 8}}}));
  BOOST_TEST(fits({{1, 2, {verb::create, seen::written, 0, 7}}, {3, 4, {verb::erase, seen::removed, 0, 0}}, {5, 6, {verb::update_if, seen::absent, 7, 0}}}));
}

BOOST_AUTO_TEST_CASE(a_lost_write_counts_either_way_and_as_late_as_it_likes) {  // RA40, RA41
  operation<call> const made{1, 2, {verb::create, seen::written, 0, 7}};
  operation<call> const lost{3, never, {verb::update_if, seen::lost, 7, 8}};
  BOOST_TEST(fits({made, lost, {5, 6, {verb::read, seen::found, 0, 7}}}));
  BOOST_TEST(fits({made, lost, {5, 6, {verb::read, seen::found, 0, 7}}, {7, 8, {verb::read, seen::found, 0, 8}}}));
  BOOST_TEST(!fits({made, lost, {5, 6, {verb::read, seen::found, 0, 8}}, {7, 8, {verb::read, seen::found, 0, 7}}}));
  BOOST_TEST(!fits({made, lost, {5, 6, {verb::read, seen::found, 0, 9}}}));
}

BOOST_AUTO_TEST_CASE(a_lost_write_has_no_effect_before_it_began) {
  BOOST_TEST(!fits({{1, 2, {verb::create, seen::written, 0, 7}}, {3, 4, {verb::read, seen::found, 0, 8}}, {5, never, {verb::update_if, seen::lost, 7, 8}}}));
}

BOOST_AUTO_TEST_CASE(an_optional_write_counts_either_way_but_not_behind_its_end) {
  operation<call> const made{1, 2, {verb::create, seen::written, 0, 7}};
  operation<call> const optional{3, 6, {verb::update_if, seen::lost, 7, 8}, true};
  BOOST_TEST(fits({made, optional, {4, 5, {verb::read, seen::found, 0, 7}}, {7, 8, {verb::read, seen::found, 0, 7}}}));
  BOOST_TEST(fits({made, optional, {4, 5, {verb::read, seen::found, 0, 7}}, {7, 8, {verb::read, seen::found, 0, 8}}}));
  BOOST_TEST(!fits({made, optional, {7, 8, {verb::read, seen::found, 0, 7}}, {9, 10, {verb::read, seen::found, 0, 8}}}));
}

BOOST_AUTO_TEST_CASE(each_outcome_of_each_verb_needs_its_state) {
  struct row {
    register_model::state before;
    call made;
    std::optional<register_model::state> behind;
  };
  std::vector<row> const rows{
      {0, {verb::create, seen::written, 0, 5}, 5},      {4, {verb::create, seen::written, 0, 5}, std::nullopt}, {4, {verb::create, seen::exists, 0, 5}, 4},
      {0, {verb::create, seen::exists, 0, 5}, std::nullopt}, {4, {verb::update, seen::written, 0, 5}, 5},       {0, {verb::update, seen::written, 0, 5}, std::nullopt},
      {0, {verb::update, seen::absent, 0, 5}, 0},       {4, {verb::update, seen::absent, 0, 5}, std::nullopt}, {4, {verb::update_if, seen::written, 4, 5}, 5},
      {4, {verb::update_if, seen::written, 3, 5}, std::nullopt}, {4, {verb::update_if, seen::conflict, 3, 5}, 4}, {4, {verb::update_if, seen::conflict, 4, 5}, std::nullopt},
      {0, {verb::update_if, seen::absent, 4, 5}, 0},    {0, {verb::update_if, seen::conflict, 4, 5}, std::nullopt}, {0, {verb::store, seen::written, 0, 5}, 5},
      {4, {verb::store, seen::written, 0, 5}, 5},       {4, {verb::erase, seen::removed, 0, 0}, 0},            {0, {verb::erase, seen::removed, 0, 0}, std::nullopt},
      {0, {verb::erase, seen::absent, 0, 0}, 0},        {4, {verb::erase, seen::absent, 0, 0}, std::nullopt},  {4, {verb::erase_if, seen::removed, 4, 0}, 0},
      {4, {verb::erase_if, seen::removed, 3, 0}, std::nullopt}, {4, {verb::erase_if, seen::conflict, 3, 0}, 4}, {4, {verb::expire, seen::lost, 0, 0}, 0},
      {4, {verb::read, seen::found, 0, 4}, 4},          {4, {verb::read, seen::found, 0, 5}, std::nullopt},    {0, {verb::read, seen::absent, 0, 0}, 0},
      {4, {verb::read, seen::absent, 0, 0}, std::nullopt},
  };
  for (auto const& one : rows)
    BOOST_TEST((register_model::apply(one.before, one.made) == one.behind), one.before << " " << register_model::describe(one.made));
}

BOOST_AUTO_TEST_CASE(the_text_names_each_call_and_what_did_not_fit) {
  auto const text = unexplained<register_model>({{1, 2, {verb::create, seen::written, 0, 7}}, {3, 4, {verb::read, seen::absent, 0, 0}}});
  BOOST_TEST(text.find("1  [1, 2] create: written 7") != std::string::npos, text);
  BOOST_TEST(text.find("-  [3, 4] read: absent") != std::string::npos, text);
  BOOST_TEST(unexplained<register_model>({}).empty());
}

BOOST_AUTO_TEST_CASE(a_long_history_of_overlapping_writers_is_searched_in_few_situations) {
  calls history;
  register_model::token last = 0;
  for (event_number i = 0; i < 200; ++i) {
    history.push_back({10 * i, 10 * i + 25, {i == 0 ? verb::create : verb::update_if, seen::written, last, i + 1}});
    last = i + 1;
  }
  auto const found = linearization<register_model>::search(history, 0);
  BOOST_TEST(found.is_explained);
  BOOST_TEST(found.visited < 2000u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace mooring::test
