#include <mooring/core/clock.hpp>

#include "simulation/simulation.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <vector>

namespace mooring::test {
namespace {

using namespace std::chrono_literals;

struct woken {
  int on_time = 0;
  int cancelled = 0;
  time_point when{};
};

awaitable<void> nap(duration span, woken& seen) {
  auto const ex = co_await asio::this_coro::executor;
  auto const slept = co_await sleep_for(span);
  seen.when = clock_of(ex).now();
  if (slept) ++seen.on_time;
  else if (slept.error() == errc::cancelled) ++seen.cancelled;
}

auto rethrow = [](std::exception_ptr failure) {
  if (failure) std::rethrow_exception(failure);
};

BOOST_AUTO_TEST_SUITE(clock)

BOOST_AUTO_TEST_CASE(sleepers_wake_at_their_moment_in_virtual_time) {
  simulation world(1);
  auto const start = world.now();
  woken early, late;
  asio::co_spawn(world, nap(1h, late), rethrow);
  asio::co_spawn(world, nap(5ms, early), rethrow);
  BOOST_TEST(world.run());
  BOOST_TEST(early.on_time == 1);
  BOOST_TEST(late.on_time == 1);
  BOOST_TEST((early.when == start + 5ms));
  BOOST_TEST((late.when == start + 1h));
}

BOOST_AUTO_TEST_CASE(a_cancelled_sleeper_wakes_at_once_and_leaves_no_alarm) {
  simulation world(1);
  woken seen;
  asio::cancellation_signal signal;
  asio::co_spawn(world, nap(1h, seen), asio::bind_cancellation_slot(signal.slot(), rethrow));
  auto const start = world.now();
  world.run_for(1s);
  signal.emit(asio::cancellation_type::terminal);
  BOOST_TEST(world.run());
  BOOST_TEST(seen.cancelled == 1);
  BOOST_TEST((seen.when == start + 1s));
  BOOST_TEST(world.outstanding() == 0U);
}

BOOST_AUTO_TEST_CASE(cancelled_at_the_moment_itself_a_sleeper_wakes_once) {
  int on_time = 0, cancelled = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    simulation world(seed);
    woken seen;
    asio::cancellation_signal signal;
    asio::co_spawn(world, nap(1ms, seen), asio::bind_cancellation_slot(signal.slot(), rethrow));
    asio::any_completion_handler<void()> cancel = [&signal] { signal.emit(asio::cancellation_type::terminal); };
    clock_of(world).schedule(world.now() + 1ms, world.get_executor(), std::move(cancel));
    BOOST_TEST_REQUIRE(world.run());
    BOOST_TEST_REQUIRE(seen.on_time + seen.cancelled == 1);
    on_time += seen.on_time;
    cancelled += seen.cancelled;
  }
  BOOST_TEST(on_time > 0);  // both orders were met, or the race was never run
  BOOST_TEST(cancelled > 0);
}

BOOST_AUTO_TEST_CASE(a_context_that_ends_drops_its_sleepers) {
  for (std::uint64_t cut = 0; cut < 12; ++cut) {
    woken seen;
    {
      simulation world(cut);
      asio::co_spawn(world, nap(1h, seen), rethrow);
      asio::co_spawn(world, nap(1ms, seen), rethrow);
      for (std::uint64_t i = 0; i < cut; ++i) world.step();
    }
    BOOST_TEST(seen.on_time + seen.cancelled <= 2);
  }
  woken seen;
  {
    asio::io_context io;
    asio::co_spawn(io, nap(1h, seen), rethrow);
    io.poll();
  }
  BOOST_TEST(seen.on_time + seen.cancelled == 0);
}

BOOST_AUTO_TEST_CASE(an_alarm_taken_back_never_runs_and_frees_the_context) {
  asio::io_context io;
  auto& clock = clock_of(io);
  bool ran = false;
  auto const alarm = clock.schedule(clock.now() + 1h, io.get_executor(), [&ran] { ran = true; });
  BOOST_TEST(clock.cancel(alarm));
  BOOST_TEST(!clock.cancel(alarm));
  BOOST_TEST(!clock.cancel({}));
  io.run();  // returns: nothing is outstanding
  BOOST_TEST(!ran);
}

BOOST_AUTO_TEST_CASE(alarms_of_real_time_fire_in_order_and_not_early) {
  asio::io_context io;
  auto& clock = clock_of(io);
  auto const start = clock.now();
  std::vector<int> order;
  clock.schedule(start + 3ms, io.get_executor(), [&] { order.push_back(3); });
  clock.schedule(start + 1ms, io.get_executor(), [&] { order.push_back(1); });
  clock.schedule(start - 1h, io.get_executor(), [&] { order.push_back(0); });
  io.run();
  BOOST_TEST((clock.now() >= start + 3ms));
  BOOST_TEST(order == (std::vector{0, 1, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_default_clock_bears_threads) {
  std::atomic<int> fired = 0, taken_back = 0;
  {
    asio::thread_pool pool(4);
    auto& clock = clock_of(pool);
    for (int i = 0; i < 4; ++i) {
      asio::post(pool, [&, i] {
        for (int k = 0; k < 500; ++k) {
          auto const alarm = clock.schedule(clock.now() + std::chrono::microseconds((k * 7 + i) % 50), pool.get_executor(), [&fired] { ++fired; });
          if (k % 2 && clock.cancel(alarm)) ++taken_back;
        }
      });
    }
    pool.join();
  }
  BOOST_TEST(fired + taken_back == 2000);
}

BOOST_AUTO_TEST_CASE(recent_time_is_never_ahead_and_hardly_behind) {
  asio::io_context io;
  auto& clock = clock_of(io);
  for (int i = 0; i < 1000; ++i) {
    auto const before = clock.now();
    auto const recent = clock.recent();
    BOOST_TEST_REQUIRE((recent <= clock.now()));
    BOOST_TEST_REQUIRE((recent >= before - 20ms));
  }
}

BOOST_AUTO_TEST_CASE(the_end_of_time_does_not_overflow) {
  BOOST_TEST((saturating_add(time_point::max() - 1ns, 1h) == time_point::max()));
  BOOST_TEST((saturating_add(time_point(5ns), duration::max()) > time_point(1h)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace mooring::test
