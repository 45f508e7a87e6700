#include "history/session_model.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

namespace mooring::test {
namespace {

using verb = session_model::verb;
using seen = session_model::seen;
using call = session_model::call;
constexpr auto never = operation<call>::never;

bool fits(session_history const& told) {
  session_history history;
  for (auto const& one : told) add_to(history, one);
  return linearization<session_model>::search(history, {}).is_explained;
}

operation<call> created(event_number start, event_number end, session_model::bits backends = 0b11) {
  return {start, end, {verb::create, seen::done, 0, backends, 0}};
}
operation<call> served(event_number start, event_number end, session_model::bits tags, session_model::bits backends = 0b11, unsigned replica = 0) {
  return {start, end, {verb::get, seen::done, tags, backends, replica}};
}

BOOST_AUTO_TEST_SUITE(session_history_rules)

BOOST_AUTO_TEST_CASE(a_session_serves_until_it_is_terminated) {
  BOOST_TEST(fits({created(1, 2), served(3, 4, 0), {5, 6, {verb::terminate, seen::done, 0, 0, 0}}, {7, 8, {verb::get, seen::absent, 0, 0, 1}}}));
}

BOOST_AUTO_TEST_CASE(no_get_is_served_behind_a_termination) {  // RA42
  BOOST_TEST(!fits({created(1, 2), {5, 6, {verb::terminate, seen::done, 0, 0, 0}}, served(7, 8, 0, 0b11, 1)}));
  BOOST_TEST(!fits({created(1, 2), {5, 6, {verb::terminate, seen::done, 0, 0, 0}}, {7, 8, {verb::validate, seen::done, 0, 0, 1}}}));
  BOOST_TEST(!fits({created(1, 2), {5, 6, {verb::terminate, seen::done, 0, 0, 0}}, {7, 8, {verb::decorate, seen::done, 1, 0, 1}}}));
}

BOOST_AUTO_TEST_CASE(a_get_that_overlaps_the_termination_may_be_served_or_not) {
  BOOST_TEST(fits({created(1, 2), {5, 8, {verb::terminate, seen::done, 0, 0, 0}}, served(6, 7, 0)}));
  BOOST_TEST(fits({created(1, 2), {5, 8, {verb::terminate, seen::done, 0, 0, 0}}, {6, 7, {verb::get, seen::absent, 0, 0, 0}}}));
}

BOOST_AUTO_TEST_CASE(only_one_creation_of_an_id_succeeds) {  // RA04, RA43
  BOOST_TEST(!fits({created(1, 4), created(2, 3)}));
  BOOST_TEST(!fits({created(1, 2), {3, 4, {verb::terminate, seen::done, 0, 0, 0}}, created(5, 6)}));
}

BOOST_AUTO_TEST_CASE(a_stranger_ends_an_id_and_no_session) {
  operation<call> const revoked{3, 4, {verb::revoke, seen::done, 0, 0, 0}};
  BOOST_TEST(fits({revoked, {5, 6, {verb::get, seen::absent, 0, 0, 1}}}));
  BOOST_TEST(!fits({revoked, created(5, 6)}));
  BOOST_TEST(!fits({created(1, 2), revoked}));
  BOOST_TEST(fits({created(1, 2), {3, never, {verb::revoke, seen::lost, 0, 0, 0}}, served(5, 6, 0)}));
}

BOOST_AUTO_TEST_CASE(every_acknowledged_decoration_shows) {  // RA25
  operation<call> const first{3, 6, {verb::decorate, seen::done, 1, 0, 0}};
  operation<call> const second{4, 7, {verb::decorate, seen::done, 2, 0, 1}};
  BOOST_TEST(fits({created(1, 2), first, second, served(8, 9, 3)}));
  BOOST_TEST(!fits({created(1, 2), first, second, served(8, 9, 2)}));
  BOOST_TEST(!fits({created(1, 2), first, first, served(8, 9, 1)}), "one tag twice");
}

BOOST_AUTO_TEST_CASE(a_lost_decoration_counts_either_way) {  // RA41
  operation<call> const lost{3, never, {verb::decorate, seen::lost, 1, 0, 0}};
  BOOST_TEST(fits({created(1, 2), lost, served(8, 9, 0), served(10, 11, 1)}));
  BOOST_TEST(!fits({created(1, 2), lost, served(8, 9, 1), served(10, 11, 0)}));
}

BOOST_AUTO_TEST_CASE(a_decoration_that_a_termination_overtook_is_told_of_that) {  // SM36, RA07
  operation<call> const overtaken{3, 10, {verb::decorate, seen::absent, 1, 0, 0}};
  operation<call> const ended{7, 8, {verb::terminate, seen::done, 0, 0, 1}};
  operation<call> const gone{11, 12, {verb::get, seen::absent, 0, 0, 1}};
  BOOST_TEST(fits({created(1, 2), overtaken, ended, gone}), "before its write");
  BOOST_TEST(fits({created(1, 2), overtaken, served(5, 6, 1, 0b11, 1), ended, gone}), "behind its write");
  BOOST_TEST(!fits({created(1, 2), overtaken, served(5, 6, 1, 0b11, 1), gone}), "nobody ended the session");
  BOOST_TEST(!fits({created(1, 2), overtaken, served(11, 12, 1, 0b11, 1)}), "the session lives on");
  BOOST_TEST(!fits({created(1, 2), {4, 10, {verb::decorate, seen::absent, 1, 0, 0}}, served(3, 3, 1, 0b11, 1), ended}), "its write is seen before it began");
  BOOST_TEST(!fits({created(1, 2), overtaken, served(4, 5, 1, 0b11, 1), served(6, 6, 0, 0b11, 1), ended}), "its write is undone");
  BOOST_TEST(!fits({created(2, 5), overtaken, served(11, 12, 1, 0b11, 1)}), "it was told so of a session in the making");
  operation<call> const other{4, 9, {verb::decorate, seen::done, 2, 0, 1}};
  BOOST_TEST(!fits({created(1, 2), overtaken, other, served(11, 12, 2, 0b11, 1)}), "only one of two that live on may be lost");
}

BOOST_AUTO_TEST_CASE(an_absence_is_for_good) {  // RA06
  BOOST_TEST(!fits({{1, 2, {verb::get, seen::absent, 0, 0, 0}}, created(3, 4)}));
  BOOST_TEST(!fits({created(1, 4), {2, 3, {verb::get, seen::absent, 0, 0, 0}}}));
}

BOOST_AUTO_TEST_CASE(a_backend_that_was_taken_off_stays_off) {  // RA11, RA12
  operation<call> const first{3, 6, {verb::notify, seen::done, 0, 1, 0}};
  operation<call> const second{4, 7, {verb::notify, seen::done, 0, 2, 1}};
  BOOST_TEST(fits({created(1, 2), first, second, served(8, 9, 0, 0)}));
  BOOST_TEST(!fits({created(1, 2), first, second, served(8, 9, 0, 1)}));
}

BOOST_AUTO_TEST_CASE(a_notification_for_a_dead_session_revives_nothing) {  // RA10
  operation<call> const ended{3, 4, {verb::terminate, seen::done, 0, 0, 0}};
  operation<call> const told{5, 6, {verb::notify, seen::done, 0, 1, 1}};
  BOOST_TEST(fits({created(1, 2), ended, told, {7, 8, {verb::get, seen::absent, 0, 0, 1}}}));
  BOOST_TEST(!fits({created(1, 2), ended, told, served(7, 8, 0, 2, 1)}));
}

BOOST_AUTO_TEST_CASE(a_live_session_is_never_reported_absent_or_not_ready) {  // RA06, RA33
  BOOST_TEST(!fits({created(1, 2), {3, 4, {verb::get, seen::absent, 0, 0, 0}}}));
  BOOST_TEST(!fits({created(1, 2), {3, 4, {verb::get, seen::not_ready, 0, 0, 0}}}));
  BOOST_TEST(fits({created(1, 4), {2, 3, {verb::get, seen::not_ready, 0, 0, 0}}}));
  BOOST_TEST(fits({created(1, 2), {3, never, {verb::expire, seen::lost, 0, 0, 0}}, {5, 6, {verb::get, seen::absent, 0, 0, 0}}}));
}

BOOST_AUTO_TEST_CASE(the_text_names_replica_outcome_and_sets) {
  BOOST_TEST(session_model::describe({verb::get, seen::done, 0b101, 0b10, 2}) == "replica 2 get: done tags {0,2} backends {1}");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace mooring::test
