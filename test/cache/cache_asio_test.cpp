#include <mooring/cache/validating_cache.hpp>
#include <mooring/core/clock.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

// On Asio's own context, which runs at once what is dispatched to it in one of its own steps. (The simulation never does: there each step is a step of its own.)

namespace mooring::test {
namespace {

using namespace std::chrono_literals;

using number = std::shared_ptr<int>;
using number_cache = validating_cache<std::string, number>;

struct asked {
  int loads = 0;
  int most_loads = 0;
  int running = 0;
  int checks = 0;
  int check_bodies = 0;
  int disposals = 0;
};

awaitable<result<std::optional<number>>> slow_load(asked* seen) {
  ++seen->loads;
  seen->most_loads = std::max(seen->most_loads, ++seen->running);
  auto const slept = co_await sleep_for(5ms);
  --seen->running;
  if (!slept) co_return slept.error();
  co_return std::optional<number>(std::make_shared<int>(1));
}

awaitable<result<verdict>> slow_check(asked* seen, duration takes) {
  ++seen->check_bodies;
  auto const slept = co_await sleep_for(takes);
  if (!slept) co_return slept.error();
  co_return verdict::alive;
}

awaitable<result<verdict>> endless_check(asio::io_context* on) {
  asio::steady_timer timer(*on, 1h);
  co_await timer.async_wait(asio::use_awaitable);
  co_return verdict::alive;
}

struct asio_world {
  explicit asio_world(cache_options options = {}) : context(std::make_unique<asio::io_context>()) {
    cache_callbacks<std::string, number> callbacks;
    callbacks.load = [this](std::string) { return load_answer<number>(slow_load(&seen)); };
    callbacks.check = [this](std::string const&, number const&) {
      ++seen.checks;
      return check();
    };
    callbacks.dispose = [this](std::string, number, disposal_reason) { return dispose(); };
    cache = *number_cache::make(context->get_executor(), std::move(callbacks), std::move(options));
  }

  awaitable<void> dispose() {
    ++seen.disposals;
    co_return;
  }

  void put(std::string key) { BOOST_REQUIRE(cache->set(std::move(key), std::make_shared<int>(1))); }

  static awaitable<void> get(number_cache* from, std::string key, call_options with, error_code* told) {
    auto const got = co_await from->get(std::move(key), with);
    *told = got ? error_code() : got.error();
  }

  asked seen;
  std::function<check_answer()> check = [this] { return check_answer(slow_check(&seen, 5ms)); };
  std::unique_ptr<asio::io_context> context;
  std::unique_ptr<number_cache> cache;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(cache_on_asio)

// CA45
BOOST_AUTO_TEST_CASE(no_disposal_begins_after_the_destructor) {
  asio_world w;
  w.put("a");
  BOOST_TEST(w.cache->erase("a"));
  w.cache.reset();
  w.context->run();
  BOOST_TEST(w.seen.disposals == 0);
}

// CA45
BOOST_AUTO_TEST_CASE(no_check_begins_after_the_destructor) {
  asio_world w;
  w.put("a");
  error_code told;
  asio::co_spawn(*w.context, asio_world::get(w.cache.get(), "a", {1s}, &told), asio::detached);
  asio::post(*w.context, [&w] { w.cache.reset(); });
  w.context->run();
  BOOST_TEST(w.seen.check_bodies == 0);
  BOOST_TEST((told == errc::closed));
}

// CA45, CA29: who is about to take a check over finds that the cache has gone, or that the value was set anew.
BOOST_AUTO_TEST_CASE(an_heir_checks_only_what_is_still_to_be_checked) {
  for (bool const is_destroyed : {true, false}) {
    asio_world w;
    w.check = [&w] { return check_answer(slow_check(&w.seen, 50ms)); };
    w.put("a");
    error_code first = errc::invalid_argument;
    error_code second = errc::invalid_argument;
    asio::cancellation_signal signal;
    asio::co_spawn(*w.context, asio_world::get(w.cache.get(), "a", {}, &first), asio::bind_cancellation_slot(signal.slot(), asio::detached));
    asio::co_spawn(*w.context, asio_world::get(w.cache.get(), "a", {}, &second), asio::detached);
    while (w.cache->stats().waiters == 0) w.context->run_one();
    signal.emit(asio::cancellation_type::terminal);
    while (first == errc::invalid_argument) w.context->run_one();
    BOOST_TEST((first == errc::cancelled));
    BOOST_REQUIRE((second == errc::invalid_argument));
    if (is_destroyed) w.cache.reset();
    else w.put("a");
    w.context->restart();
    w.context->run();
    BOOST_TEST(w.seen.checks == 1);
    BOOST_TEST((is_destroyed ? second == errc::closed : !second));
  }
}

// CA45, C8: each of them would pass the check on to the next one in its own destructor, on one stack.
BOOST_AUTO_TEST_CASE(any_number_of_waiters_may_end_with_their_context) {
  constexpr std::size_t many = 16'000;
  asio_world w;
  w.check = [on = w.context.get()] { return check_answer(endless_check(on)); };
  w.put("a");
  std::vector<error_code> told(many);
  for (auto& one : told) asio::co_spawn(asio::make_strand(*w.context), asio_world::get(w.cache.get(), "a", {}, &one), asio::detached);
  while (w.cache->stats().waiters < many - 1) w.context->run_one();
  w.context.reset();
  BOOST_TEST(w.cache->stats().waiters == 0U);
  // Its context has gone, which is to outlive it: as if the process ended here. Kept in sight, so that it is no leak.
  static auto const* const kept = w.cache.release();
  BOOST_TEST(kept != nullptr);
}

// CA34
BOOST_AUTO_TEST_CASE(loads_of_what_a_check_ended_at_once_are_bounded_too) {
  cache_options options;
  options.max_flights = 2;
  asio_world w(options);
  w.check = [] { return check_answer(verdict::expired); };
  std::vector<error_code> told(10);
  for (std::size_t i = 0; i < told.size(); ++i) w.put(std::to_string(i));
  for (std::size_t i = 0; i < told.size(); ++i)
    asio::co_spawn(*w.context, asio_world::get(w.cache.get(), std::to_string(i), {}, &told[i]), asio::detached);
  w.context->run();
  BOOST_TEST(w.seen.most_loads == 2);
  BOOST_TEST(std::count(told.begin(), told.end(), make_error_code(errc::busy)) == 8);
  BOOST_TEST(w.cache->stats().busy == 8U);
}

// CA44
BOOST_AUTO_TEST_CASE(a_check_that_nobody_waits_for_any_more_has_not_failed) {
  asio_world w;
  w.check = [&w] { return check_answer(slow_check(&w.seen, 1h)); };
  w.put("a");
  error_code told;
  asio::co_spawn(*w.context, asio_world::get(w.cache.get(), "a", {5ms}, &told), asio::detached);
  w.context->run();
  BOOST_TEST((told == errc::deadline_exceeded));
  BOOST_TEST(w.cache->stats().checks_failed == 0U);
  BOOST_TEST(w.cache->stats().checks_abandoned == 1U);
}

// CA36
BOOST_AUTO_TEST_CASE(end_flights_leaves_a_cached_value_alone) {
  asio_world w;
  error_code told;
  asio::co_spawn(*w.context, asio_world::get(w.cache.get(), "a", {1s}, &told), asio::detached);
  while (w.seen.loads == 0) w.context->run_one();
  BOOST_TEST(w.cache->end_flights("a"));
  w.context->run();
  BOOST_TEST(!told);
  BOOST_TEST(w.seen.loads == 2);
  BOOST_TEST(w.seen.disposals == 1);  // lost_race
  BOOST_TEST(!w.cache->end_flights("a"));
  BOOST_TEST(w.cache->size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace mooring::test
