#include "core/gathering.hpp"

#include "simulation/simulation.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace mooring::test {
namespace {

using detail::gathering;

/** What is carried, and what owns whoever carries it. */
struct owner {
  std::shared_ptr<gathering<std::shared_ptr<owner>>> carrier;
};

BOOST_AUTO_TEST_SUITE(gathering_)

BOOST_AUTO_TEST_CASE(all_that_come_in_time_are_taken_together_in_their_order) {
  simulation world(1);
  std::vector<std::vector<int>> taken;
  executor const here = world.get_executor();
  gathering<int> numbers([&taken](executor const&, std::vector<int> all) { taken.push_back(std::move(all)); });
  for (int i = 0; i < 3; ++i) numbers.add(here, i);
  BOOST_TEST(taken.empty());
  BOOST_TEST(world.run());
  numbers.add(here, 3);
  BOOST_TEST(world.run());
  BOOST_TEST((taken == std::vector<std::vector<int>>{{0, 1, 2}, {3}}));
}

BOOST_AUTO_TEST_CASE(what_is_added_while_others_are_taken_comes_in_a_later_step) {
  simulation world(1);
  std::vector<std::size_t> sizes;
  std::optional<gathering<int>> numbers;
  numbers.emplace([&](executor const& on, std::vector<int> all) {
    sizes.push_back(all.size());
    if (sizes.size() == 1) numbers->add(on, 2);
    BOOST_TEST(sizes.size() <= 2U);
  });
  numbers->add(world.get_executor(), 0);
  numbers->add(world.get_executor(), 1);
  BOOST_TEST(world.run());
  BOOST_TEST((sizes == std::vector<std::size_t>{2, 1}));
}

BOOST_AUTO_TEST_CASE(each_executor_gets_its_own_and_none_is_held_beyond_its_post) {
  std::vector<std::vector<int>> taken;
  gathering<int> numbers([&taken](executor const&, std::vector<int> all) { taken.push_back(std::move(all)); });
  simulation lasting(1);
  {
    asio::io_context other;
    auto const strand = executor(asio::make_strand(other));
    for (int i = 0; i < 2; ++i) numbers.add(lasting.get_executor(), i);
    for (int i = 2; i < 4; ++i) numbers.add(strand, i);
    other.run();
    numbers.add(strand, 4);
  }
  numbers.add(lasting.get_executor(), 5);
  BOOST_TEST(lasting.run());
  std::sort(taken.begin(), taken.end());
  BOOST_TEST((taken == std::vector<std::vector<int>>{{0, 1}, {2, 3}, {5}}));
}

BOOST_AUTO_TEST_CASE(many_threads_add_and_each_thing_is_taken_once_in_its_threads_order) {
  constexpr int threads = 4;
  constexpr int each = 20'000;
  std::mutex mutex;
  std::vector<std::vector<int>> seen(threads);
  {
    asio::thread_pool pool(1);
    gathering<int> numbers([&](executor const&, std::vector<int> all) {
      std::lock_guard const lock(mutex);
      for (int const one : all) seen[static_cast<std::size_t>(one / each)].push_back(one % each);
    });
    std::vector<std::thread> adding;
    for (int t = 0; t < threads; ++t)
      adding.emplace_back([&numbers, &pool, t] {
        for (int i = 0; i < each; ++i) numbers.add(pool.get_executor(), t * each + i);
      });
    for (auto& one : adding) one.join();
    pool.join();
  }
  for (auto const& one : seen) {
    BOOST_TEST_REQUIRE(one.size() == static_cast<std::size_t>(each));
    bool is_in_order = true;
    for (int i = 0; i < each; ++i) is_in_order = is_in_order && one[static_cast<std::size_t>(i)] == i;
    BOOST_TEST(is_in_order);
  }
}

BOOST_AUTO_TEST_CASE(what_was_not_taken_dies_with_the_context_even_if_it_owns_who_carries_it) {
  std::optional<simulation> world(std::in_place, 1U);
  auto thing = std::make_shared<owner>();
  thing->carrier = std::make_shared<gathering<std::shared_ptr<owner>>>([](executor const&, std::vector<std::shared_ptr<owner>> const&) {});
  auto const carrier = thing->carrier.get();
  std::weak_ptr<owner> const seen = thing;
  carrier->add(world->get_executor(), std::move(thing));
  BOOST_TEST(!seen.expired());
  world.reset();
  BOOST_TEST(seen.expired());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace mooring::test
