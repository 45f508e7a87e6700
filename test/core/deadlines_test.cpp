#include "core/deadlines.hpp"

#include "simulation/simulation.hpp"

#include <boost/test/unit_test.hpp>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace mooring::test {
namespace {

using namespace std::chrono_literals;
using detail::deadlines;

struct caller {
  deadlines<caller>::place place;
  int number = 0;
  std::shared_ptr<void> owned;
};

struct fixture {
  fixture() {
    all.emplace(clock_of(world), executor(world.get_executor()), [this](std::shared_ptr<caller> const& late) {
      seen.emplace_back(late->number, world.now() - start);
      all->remove(late->place);
    });
  }

  std::shared_ptr<caller> add(int number, duration span) {
    auto made = std::make_shared<caller>();
    made->number = number;
    made->place = all->add(world.now() + span, made);
    return made;
  }

  simulation world{1};
  time_point const start = world.now();
  std::vector<std::pair<int, duration>> seen;
  std::optional<deadlines<caller>> all;
};

using expected = std::vector<std::pair<int, duration>>;

BOOST_FIXTURE_TEST_SUITE(deadlines_, fixture)

BOOST_AUTO_TEST_CASE(each_passes_at_its_moment_whatever_order_they_came_in) {
  for (auto const& [number, span] : {std::pair(1, 30ms), std::pair(2, 10ms), std::pair(3, 20ms), std::pair(4, 20ms), std::pair(5, 40ms)}) add(number, span);
  BOOST_TEST(world.run());
  BOOST_TEST((seen == expected{{2, 10ms}, {3, 20ms}, {4, 20ms}, {1, 30ms}, {5, 40ms}}));
}

BOOST_AUTO_TEST_CASE(one_that_was_removed_never_passes) {
  auto const first = add(1, 10ms);
  add(2, 20ms);
  auto const last = add(3, 30ms);
  all->remove(first->place);
  all->remove(last->place);
  all->remove(last->place);
  BOOST_TEST(world.run());
  BOOST_TEST((seen == expected{{2, 20ms}}));
}

BOOST_AUTO_TEST_CASE(with_the_last_of_them_the_alarm_goes) {
  auto const first = add(1, 1h);
  auto const second = add(2, 2h);
  all->remove(first->place);
  all->remove(second->place);
  BOOST_TEST(world.run());
  BOOST_TEST((world.now() == start));
  add(3, 5ms);
  BOOST_TEST(world.run());
  BOOST_TEST((seen == expected{{3, 5ms}}));
}

BOOST_AUTO_TEST_CASE(one_that_is_over_already_passes_at_once_and_not_inside_the_call) {
  add(1, -1ms);
  BOOST_TEST(seen.empty());
  BOOST_TEST(world.run());
  BOOST_TEST((seen == expected{{1, 0ms}}));
}

BOOST_AUTO_TEST_CASE(one_may_be_removed_and_another_added_while_one_passes) {
  auto const gone = std::make_shared<std::shared_ptr<caller>>();
  all.emplace(clock_of(world), executor(world.get_executor()), [this, gone](std::shared_ptr<caller> const& late) {
    seen.emplace_back(late->number, world.now() - start);
    all->remove(late->place);
    if (late->number == 1) {
      all->remove((*gone)->place);
      add(3, 10ms);
    }
  });
  add(1, 10ms);
  *gone = add(2, 20ms);
  BOOST_TEST(world.run());
  BOOST_TEST((seen == expected{{1, 10ms}, {3, 20ms}}));
}

BOOST_AUTO_TEST_CASE(those_who_wait_die_with_the_context_even_if_they_own_the_deadlines) {
  std::optional<simulation> other(std::in_place, 1U);
  auto const owned = std::make_shared<deadlines<caller>>(clock_of(*other), executor(other->get_executor()), [](std::shared_ptr<caller> const&) {});
  std::weak_ptr<caller> waiting;
  {
    auto const made = std::make_shared<caller>();
    waiting = made;
    made->owned = owned;
    made->place = owned->add(other->now() + 1h, made);
  }
  BOOST_TEST(!waiting.expired());
  other.reset();
  BOOST_TEST(waiting.expired());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace mooring::test
