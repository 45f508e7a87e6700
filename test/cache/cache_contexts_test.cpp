#include "cache/cache_world.hpp"

// A get may be called on another context than the cache's, with a clock of its own, and either context may end first.

namespace mooring::test {
namespace {

void get_on(simulation& context, world& w, call& of, std::string key, call_options with = {}) {
  asio::co_spawn(context.get_executor(), w.fetch(&of.got, std::move(key), with), rethrow);
}

awaitable<void> ask(thing_cache* cache, error_code* told) {
  call_options with;
  with.deadline = 50ms;
  auto const got = co_await cache->get("a", with);
  if (!got) *told = got.error();
}

}  // namespace

// CA28
BOOST_AUTO_TEST_CASE(a_deadline_is_kept_by_the_clock_of_its_caller) {
  world w(1);
  simulation other(2);
  other.run_for(1h);
  w.load_time = 30ms;
  call one;
  get_on(other, w, one, "a", {.deadline = 50ms});
  auto const from = other.now();
  BOOST_TEST(other.run());
  BOOST_TEST((one.got.error == errc::deadline_exceeded));
  BOOST_TEST((other.now() - from == 50ms));
  BOOST_TEST(w.sim.run());
  w.end();
}

// CA45, RA51
BOOST_AUTO_TEST_CASE(a_callers_context_that_ends_takes_its_deadlines_along) {
  world w(1);
  w.load_time = 1s;
  call patient;
  w.get(patient, "a");
  w.sim.run_for(1ms);
  auto const outstanding = w.sim.outstanding();
  call gone;
  {
    simulation other(2);
    get_on(other, w, gone, "a", {.deadline = 50ms});
    other.run_for(1ms);
    BOOST_TEST(w.cache->stats().waiters == 2U);
  }
  BOOST_TEST(w.cache->stats().waiters == 1U);
  BOOST_TEST(w.sim.outstanding() == outstanding);
  BOOST_TEST(w.sim.run());
  BOOST_TEST(!gone.got.is_done);
  BOOST_TEST(patient.got.is_value());
  patient.got.leased.release();
  w.end();
}

// CA45
BOOST_AUTO_TEST_CASE(a_get_with_a_deadline_outlives_the_cache_and_its_context) {
  simulation other(2);
  error_code told;
  {
    world w(1);
    w.load_time = 1s;
    asio::co_spawn(other.get_executor(), ask(w.cache.get(), &told), rethrow);
    other.run_for(1ms);
    w.sim.run_for(1ms);
    BOOST_TEST(w.cache->stats().waiters == 1U);
  }
  BOOST_TEST(other.run());
  BOOST_TEST((told == errc::closed));
}

// CA29: a check that is lost with its context is taken over as one whose get was cancelled
BOOST_AUTO_TEST_CASE(a_check_that_ends_with_its_context_is_taken_over_by_a_waiter) {
  for (bool const has_deadline : {false, true}) {
    world w(1);
    auto const number = w.put("a");
    w.check_time = 20ms;
    call gone;
    call patient;
    {
      simulation other(2);
      get_on(other, w, gone, "a", {.deadline = 1s});
      other.run_for(1ms);
      call_options with;
      if (has_deadline) with.deadline = 1s;
      w.get(patient, "a", with);
      w.sim.run_for(1ms);
      BOOST_TEST(w.cache->stats().waiters == 2U);
      BOOST_TEST(w.checks == 1);
    }
    BOOST_TEST(w.sim.run());
    BOOST_TEST(!gone.got.is_done);
    BOOST_TEST(patient.got.number() == number);
    BOOST_TEST(w.checks == 2);
    patient.got.leased.release();
    w.end();
  }
}

}  // namespace mooring::test
