#include "simulation/simulation.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/test/unit_test.hpp>

#include <set>
#include <string>
#include <vector>

namespace mooring::test {
namespace {

using namespace std::chrono_literals;

// A lost update on purpose: read, wait, write. What the simulation is for is to find it.
awaitable<void> increment(int& shared) {
  int const read = shared;
  auto const slept = co_await sleep_for(1ms);
  static_cast<void>(slept);
  shared = read + 1;
}

awaitable<void> late_increment(int& shared, simulation& world) {
  auto const slept = co_await sleep_for(std::chrono::milliseconds(world.random(3)));
  static_cast<void>(slept);
  co_await increment(shared);
}

auto rethrow = [](std::exception_ptr failure) {
  if (failure) std::rethrow_exception(failure);
};

struct seen {
  int value;
  std::uint64_t trace;
  friend bool operator==(seen const&, seen const&) = default;
};

seen run(std::uint64_t seed) {
  simulation world(seed);
  int shared = 0;
  asio::co_spawn(world, late_increment(shared, world), rethrow);
  asio::co_spawn(world, late_increment(shared, world), rethrow);
  BOOST_TEST_REQUIRE(world.run());
  return {shared, world.trace()};
}

BOOST_AUTO_TEST_SUITE(simulation_)

// RA53: one seed gives one schedule, so a planted race is found and replayed.
BOOST_AUTO_TEST_CASE(a_planted_race_is_found_and_its_seed_replays_it) {
  int lost = 0, kept = 0;
  std::set<std::uint64_t> schedules;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    auto const first = run(seed);
    (first.value == 1 ? lost : kept)++;
    schedules.insert(first.trace);
    BOOST_TEST_REQUIRE((run(seed) == first));
  }
  BOOST_TEST(lost > 0);
  BOOST_TEST(kept > 0);
  BOOST_TEST(schedules.size() > 10U);
}

BOOST_AUTO_TEST_CASE(nothing_runs_inline_and_a_strand_keeps_its_order) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    simulation world(seed);
    auto const strand = asio::make_strand(world.get_executor());
    std::vector<int> order;
    for (int i = 0; i < 5; ++i) asio::post(strand, [&order, i] { order.push_back(i); });
    BOOST_TEST_REQUIRE(order.empty());
    world.run();
    BOOST_TEST_REQUIRE(order == (std::vector{0, 1, 2, 3, 4}), boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(every_order_of_ready_handlers_is_met) {
  std::set<std::vector<int>> orders;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    simulation world(seed);
    std::vector<int> order;
    for (int i = 0; i < 4; ++i) asio::post(world.lane(static_cast<unsigned>(i)), [&, i] {
      BOOST_TEST_REQUIRE(world.current_lane() == static_cast<unsigned>(i));
      order.push_back(i);
    });
    world.run();
    orders.insert(order);
  }
  BOOST_TEST(orders.size() == 24U);
}

BOOST_AUTO_TEST_CASE(time_moves_only_when_nothing_is_ready) {
  simulation world(3);
  auto const start = world.now();
  std::vector<duration> when;
  for (auto const span : {5ms, 1ms, 0ms}) clock_of(world).schedule(start + span, world.get_executor(), [&] { when.push_back(world.now() - start); });
  world.run_until(start + 2ms);
  BOOST_TEST((world.now() == start + 2ms));
  BOOST_TEST(when.size() == 2U);
  world.run();
  BOOST_TEST_REQUIRE(when.size() == 3U);
  BOOST_TEST((when[0] == 0ms && when[1] == 1ms && when[2] == 5ms));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace mooring::test
