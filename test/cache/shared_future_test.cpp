#include <mooring/cache/shared_future.hpp>

#include "simulation/simulation.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <list>
#include <thread>
#include <vector>

namespace mooring::test {
namespace {

using namespace std::chrono_literals;

struct waiting {
  int times = 0;
  int value = 0;
  error_code error;
  unsigned lane = 0;
  asio::cancellation_signal signal;
};

// A coroutine that is cancelled before its first step never runs, and co_spawn says so by an exception.
void rethrow(std::exception_ptr failure) {
  try {
    if (failure) std::rethrow_exception(failure);
  } catch (boost::system::system_error const& thrown) {
    if (thrown.code() != asio::error::operation_aborted) throw;
  }
}

awaitable<void> await_it(simulation* sim, shared_future<int> future, waiting* seen, call_options call) {
  auto const got = co_await future.wait(call);
  ++seen->times;
  seen->lane = sim->current_lane();
  if (got) seen->value = *got;
  else seen->error = got.error();
}

void start(simulation& sim, shared_future<int> future, waiting& seen, unsigned lane = 0, call_options call = {}) {
  asio::co_spawn(sim.lane(lane), await_it(&sim, std::move(future), &seen, call), asio::bind_cancellation_slot(seen.signal.slot(), rethrow));
}

}  // namespace

// CA46
BOOST_AUTO_TEST_CASE(a_shared_future_gives_its_first_completion_to_every_waiter_on_its_own_executor) {
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    simulation sim(seed);
    shared_promise<int> promise;
    std::list<waiting> all(20);
    unsigned lane = 0;
    for (auto& each : all) {
      auto const at = std::chrono::milliseconds(sim.random(4));
      auto const on = lane++ % 3;
      clock_of(sim).schedule(sim.now() + at, sim.get_executor(), [&sim, &each, future = promise.get_future(), on] { start(sim, future, each, on); });
    }
    bool first = false;
    bool second = true;
    clock_of(sim).schedule(sim.now() + 2ms, sim.get_executor(), [&] {
      first = promise.complete(7);
      second = promise.complete(8);
    });
    BOOST_TEST(sim.run());
    BOOST_TEST(first);
    BOOST_TEST(!second);
    lane = 0;
    for (auto const& each : all) {
      BOOST_TEST(each.times == 1);
      BOOST_TEST(each.value == 7);
      BOOST_TEST(each.lane == lane++ % 3);
    }
  }
}

// CA46
BOOST_AUTO_TEST_CASE(a_promise_that_is_dropped_without_completing_ends_all_with_closed) {
  simulation sim(1);
  waiting early;
  waiting late;
  shared_future<int> future;
  {
    shared_promise<int> promise;
    future = promise.get_future();
    start(sim, future, early);
    sim.run();
    BOOST_TEST(early.times == 0);
    BOOST_TEST(!future.is_ready());
  }
  BOOST_TEST(future.is_ready());
  BOOST_TEST(early.times == 0);  // never inside the completer's stack
  start(sim, future, late);
  sim.run();
  BOOST_TEST((early.error == errc::closed));
  BOOST_TEST((late.error == errc::closed));
  waiting none;
  start(sim, shared_future<int>(), none);
  sim.run();
  BOOST_TEST((none.error == errc::closed));
}

// CA47
BOOST_AUTO_TEST_CASE(a_cancelled_waiter_leaves_at_once_and_disturbs_no_other) {
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    simulation sim(seed);
    shared_promise<int> promise;
    std::list<waiting> all(5);
    for (auto& each : all) start(sim, promise.get_future(), each, 1);
    auto const type = std::vector{asio::cancellation_type::terminal, asio::cancellation_type::partial, asio::cancellation_type::total}[seed % 3];
    // A coroutine spawned by co_spawn hears terminal cancellation only.
    bool const is_heard = type == asio::cancellation_type::terminal;
    auto const from = sim.now();
    asio::post(sim.lane(1), [&] { all.front().signal.emit(type); });
    clock_of(sim).schedule(sim.now() + 5ms, sim.get_executor(), [&] {
      if (is_heard && all.front().times == 1) BOOST_TEST((all.front().error == errc::cancelled));
      promise.complete(3);
    });
    sim.run();
    BOOST_TEST((sim.now() - from == 5ms));
    int cancelled = 0;
    for (auto const& each : all) {
      BOOST_TEST(each.times <= 1);
      if (each.error == errc::cancelled) ++cancelled;
      else if (each.times == 1) BOOST_TEST(each.value == 3);
    }
    // Cancelled before its first step, the coroutine never runs, and co_spawn reports that.
    BOOST_TEST(cancelled <= 1);
    for (auto each = std::next(all.begin()); each != all.end(); ++each) BOOST_TEST(each->value == 3);
  }
}

// CA46: each waiter has its own deadline
BOOST_AUTO_TEST_CASE(a_waiter_of_a_shared_future_ends_at_its_own_deadline) {
  simulation sim(4);
  shared_promise<int> promise;
  waiting brief;
  waiting patient;
  waiting none;
  auto const from = sim.now();
  start(sim, promise.get_future(), brief, 0, {.deadline = 3ms});
  start(sim, promise.get_future(), patient, 0, {.deadline = 30ms});
  start(sim, promise.get_future(), none, 0, {.deadline = 0ms});
  sim.run_until(from + 5ms);
  BOOST_TEST((brief.error == errc::deadline_exceeded));
  BOOST_TEST((none.error == errc::deadline_exceeded));
  promise.complete(1);
  sim.run();
  BOOST_TEST(patient.value == 1);
  BOOST_TEST((sim.now() == from + 5ms));  // the alarm of the patient one was taken back
}

// CA46, CA47: teardown after every step
BOOST_AUTO_TEST_CASE(a_context_that_ends_frees_the_waiters_of_a_shared_future) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    for (std::uint64_t cut = 0;; ++cut) {
      shared_promise<int> promise;  // outlives the context
      std::list<waiting> all(4);
      simulation sim(seed);
      for (auto& each : all) start(sim, promise.get_future(), each, 0, {.deadline = 9ms});
      asio::post(sim.lane(0), [&] { all.front().signal.emit(asio::cancellation_type::terminal); });
      clock_of(sim).schedule(sim.now() + 5ms, sim.get_executor(), [&] { promise.complete(3); });
      if (sim.run(cut)) break;
    }
  }
}

// CA46, CA47
BOOST_AUTO_TEST_CASE(threads_complete_cancel_and_wait_at_once) {
  for (int round = 0; round < 200; ++round) {
    asio::thread_pool pool(4);
    auto promise = std::make_unique<shared_promise<int>>();
    auto const future = promise->get_future();
    std::vector<std::future<result<int>>> ends;
    for (int i = 0; i < 16; ++i) {
      auto wait = [](shared_future<int> f, call_options call) -> awaitable<result<int>> { co_return co_await f.wait(call); };
      call_options call;
      if (i % 4 == 0) call.deadline = std::chrono::microseconds(50);
      ends.push_back(asio::co_spawn(pool, wait(future, call), asio::use_future));
    }
    asio::post(pool, [&] {
      if (round % 2 == 0) promise->complete(5);
      promise.reset();
    });
    for (auto& each : ends) {
      auto const got = each.get();
      bool const is_value = got && *got == 5 && round % 2 == 0;
      bool const is_closed = !got && got.error() == errc::closed && round % 2 == 1;
      bool const is_late = !got && got.error() == errc::deadline_exceeded;
      BOOST_TEST((is_value || is_closed || is_late));
    }
    pool.join();
  }
}

}  // namespace mooring::test
