#include "cache/cache_world.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <thread>

namespace mooring::test {
namespace {

constexpr std::uint64_t seeds = 1000;

void at(world& w, duration after, std::function<void()> act) {
  clock_of(w.sim).schedule(w.sim.now() + after, w.sim.get_executor(), [act = std::move(act)] { act(); });
}

}  // namespace

// CA40, CA42, RA22
BOOST_AUTO_TEST_CASE(a_leased_value_stays_usable_however_its_entry_ends) {
  for (auto const reason : {disposal_reason::capacity, disposal_reason::expired, disposal_reason::replaced, disposal_reason::terminated,
                            disposal_reason::shutdown}) {
    world w(1, world::plain(1));
    auto const number = w.put("a");
    auto held = w.cache->peek("a");
    auto again = held.share();
    call again_loaded;
    switch (reason) {
      case disposal_reason::capacity: w.put("b"); break;
      case disposal_reason::expired:
        w.on_check = [&](auto const&, auto const& v) { return v->number == number ? verdict::expired : verdict::alive; };
        w.get(again_loaded, "a");
        w.sim.run_for(50ms);
        BOOST_TEST(again_loaded.got.is_value());
        break;
      case disposal_reason::replaced: w.put("a"); break;
      case disposal_reason::terminated: w.cache->erase("a"); break;
      default: asio::co_spawn(w.sim.get_executor(), w.cache->close(), rethrow); break;
    }
    w.sim.run_for(5s);
    BOOST_TEST(!w.end_of(number));
    BOOST_TEST((*held)->number == number);
    BOOST_TEST(!held.is_revoked());
    BOOST_TEST(!held.status());
    held.release();
    w.sim.run_for(1ms);
    BOOST_TEST(!w.end_of(number));
    again.release();
    w.sim.run_for(1ms);
    BOOST_TEST((w.end_of(number) == reason));
    again_loaded.got.leased.release();
    w.end();
  }
}

// CA40
BOOST_AUTO_TEST_CASE(a_lease_may_be_released_after_the_cache_and_its_context_are_gone) {
  for (bool const is_terminated : {false, true}) {
    lease<thing_ptr> held;
    std::weak_ptr<thing> watched;
    {
      world w(1);
      w.put("a");
      held = w.cache->peek("a");
      watched = *held;
      if (is_terminated) w.cache->erase("a");
      w.sim.run_for(1ms);
    }
    BOOST_TEST((*held)->number == 1);
    BOOST_TEST(!watched.expired());
    std::thread([&] { held.release(); }).join();
    BOOST_TEST(watched.expired());
  }
}

// CA41
BOOST_AUTO_TEST_CASE(at_the_drain_deadline_a_value_is_closed_under_its_leases) {
  auto options = world::plain();
  options.drain_deadline = 100ms;
  world w(1, options);
  auto const first = w.put("a");
  auto held = w.cache->peek("a");
  auto other = w.cache->peek("a");
  auto const from = w.sim.now();
  w.cache->erase("a");
  w.sim.run_for(60ms);
  auto const second = w.put("b");
  auto younger = w.cache->peek("b");
  w.cache->erase("b");
  w.sim.run_until(from + 99ms);
  BOOST_TEST(!w.end_of(first));
  w.sim.run_until(from + 100ms);
  BOOST_TEST((w.end_of(first) == disposal_reason::terminated));
  BOOST_TEST(held.is_revoked());
  BOOST_TEST(other.is_revoked());
  BOOST_TEST((held.status() == errc::revoked));
  BOOST_TEST((*held)->number == first);  // readable to the end
  BOOST_TEST(!younger.is_revoked());
  w.sim.run_until(from + 159ms);
  BOOST_TEST(!w.end_of(second));
  w.sim.run_until(from + 160ms);
  BOOST_TEST((w.end_of(second) == disposal_reason::terminated));
  held.release();
  other.release();
  younger.release();
  w.sim.run();
  w.end();
}

// CA41: with a deadline of zero leases keep nothing open
BOOST_AUTO_TEST_CASE(without_a_drain_deadline_a_value_that_leaves_is_closed_at_once) {
  auto options = world::plain();
  options.drain_deadline = 0ms;
  world w(1, options);
  auto const number = w.put("a");
  auto held = w.cache->peek("a");
  w.cache->erase("a");
  BOOST_TEST(held.is_revoked());
  w.sim.run();
  BOOST_TEST((w.end_of(number) == disposal_reason::terminated));
  held.release();
  w.end();
}

// CA15, CA41: the leases are revoked at the deadline, the value is closed when its check has ended
BOOST_AUTO_TEST_CASE(a_value_is_not_closed_while_its_check_runs) {
  for (bool const is_destroyed : {false, true}) {
    auto options = world::plain();
    options.drain_deadline = 10ms;
    world w(1, options);
    auto const number = w.put("a");
    w.check_time = 30ms;
    call one;
    w.get(one, "a");
    w.sim.run_for(1ms);
    auto held = w.cache->peek("a");
    w.cache->erase("a");
    auto const other = w.put("b");  // a second value drains meanwhile, and is due on its own
    auto held_too = w.cache->peek("b");
    w.sim.run_for(5ms);
    w.cache->erase("b");
    w.sim.run_for(5ms);
    BOOST_TEST(held.is_revoked());
    BOOST_TEST(!held_too.is_revoked());
    BOOST_TEST(!w.end_of(number));
    w.sim.run_for(5ms);
    BOOST_TEST((w.end_of(other) == disposal_reason::terminated));
    BOOST_TEST(!w.end_of(number));
    if (is_destroyed) w.cache.reset();
    w.sim.run_for(15ms);
    held.release();
    held_too.release();
    if (is_destroyed) {
      BOOST_TEST(w.sim.run());
      BOOST_TEST((one.got.error == errc::closed));
      BOOST_TEST(!w.end_of(number));
      continue;
    }
    BOOST_TEST((w.end_of(number) == disposal_reason::terminated));
    w.sim.run();
    BOOST_TEST(one.got.number() == 3);  // looked again, and loaded
    one.got.leased.release();
    w.end();
  }
}

// CA43, RA23
BOOST_AUTO_TEST_CASE(a_dispose_that_hangs_or_fails_holds_up_nothing_else) {
  world w(1, world::plain(2));
  int hung = 0;
  w.dispose_time = 24h;
  w.put("hangs");
  w.cache->erase("hangs");
  w.sim.run_for(1ms);
  hung = w.cache->stats().disposing == 1;
  BOOST_TEST(hung == 1);
  w.dispose_time = 0ms;
  w.on_dispose = [](auto const&, auto const& v, auto) {
    if (v->number == 2) throw std::runtime_error("no");
  };
  for (auto const* key : {"a", "b", "c", "d"}) w.put(key);
  call one;
  w.get(one, "e");
  w.sim.run_for(20ms);
  BOOST_TEST(one.got.is_value());
  BOOST_TEST(w.disposals.size() == 4U);
  BOOST_TEST(w.cache->stats().dispose_failures == 1U);
  BOOST_TEST(w.cache->stats().disposing == 1U);
  one.got.leased.release();
  w.end();  // cancelled at the drain deadline
  BOOST_TEST(w.cache->stats().dispose_failures == 2U);
}

// CA45, RA51
BOOST_AUTO_TEST_CASE(closing_ends_waiters_and_closes_every_value) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    world w(seed);
    w.put("a");
    w.put("b");
    auto held = w.cache->peek("b");
    w.check_time = 20ms;
    w.load_time = 20ms;
    std::list<call> all(6);
    int i = 0;
    for (auto& each : all) {
      call_options with;
      if (w.sim.random(2) == 0) with.deadline = 50ms;
      w.get(each, i++ % 2 == 0 ? "a" : "c", with, static_cast<unsigned>(w.sim.random(3)));
    }
    bool first = false;
    bool second = false;
    auto const from = w.sim.now();
    at(w, duration(w.sim.random(5'000'000)), [&] {
      asio::co_spawn(w.sim.get_executor(), w.close_and_tell(&first), rethrow);
      asio::co_spawn(w.sim.get_executor(), w.close_and_tell(&second), rethrow);
    });
    at(w, 10ms, [&] {
      BOOST_TEST(!w.cache->peek("a"));
      BOOST_TEST((w.cache->set("late", w.make_thing("late")).error() == errc::closed));
      ++w.wrapped;  // never taken
      BOOST_TEST(!w.cache->erase("a"));
      BOOST_TEST(!w.cache->try_get("a"));
    });
    at(w, 30ms, [&] {
      BOOST_TEST(!first);
      BOOST_TEST(!second);
      held.release();
    });
    BOOST_TEST(w.sim.run());
    BOOST_TEST(first);
    BOOST_TEST(second);
    BOOST_TEST((w.sim.now() - from == 30ms));
    for (auto const& each : all) BOOST_TEST((each.got.error == errc::closed));
    BOOST_TEST((w.end_of(1) == disposal_reason::shutdown));
    BOOST_TEST((w.end_of(2) == disposal_reason::shutdown));
    BOOST_TEST((w.get_now("a").error == errc::closed));
    w.end();  // once more
  }
}

// CA45
BOOST_AUTO_TEST_CASE(closing_ends_at_its_deadline_with_leases_and_hung_disposals) {
  for (auto const deadline : {std::optional<duration>(), std::optional<duration>(3s), std::optional<duration>(0s)}) {
    world w(1);
    auto const hung = w.put("hung");
    w.on_dispose = [&](auto const&, auto const& v, auto) { w.dispose_time = v->number == hung ? duration(24h) : duration(0); };
    w.cache->erase("hung");
    w.sim.run_for(1ms);
    auto const leased = w.put("leased");
    auto const idle = w.put("idle");
    auto held = w.cache->peek("leased");
    bool is_closed = false;
    call_options with;
    with.deadline = deadline;
    auto const from = w.sim.now();
    asio::co_spawn(w.sim.get_executor(), w.close_and_tell(&is_closed, with), rethrow);
    BOOST_TEST(w.sim.run());
    BOOST_TEST(is_closed);
    BOOST_TEST((w.sim.now() - from == deadline.value_or(10s)));
    BOOST_TEST(held.is_revoked());
    BOOST_TEST((w.end_of(leased) == disposal_reason::shutdown));
    BOOST_TEST((w.end_of(idle) == disposal_reason::shutdown));
    BOOST_TEST(w.cache->stats().dispose_failures == 1U);
    held.release();
    w.check_conserved();
  }
}

// CA45: a closer that is given up takes the alarms of the others along
BOOST_AUTO_TEST_CASE(closing_gives_up_for_all_closers_at_once) {
  simulation sim(1);
  cache_callbacks<std::string, thing_ptr> callbacks;
  callbacks.load = [](std::string) -> load_answer<thing_ptr> { return std::nullopt; };
  callbacks.check = [](std::string const&, thing_ptr const&) -> check_answer { return verdict::alive; };
  callbacks.dispose = [](std::string, thing_ptr, disposal_reason) -> awaitable<void> {
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    auto const slept = co_await sleep_for(5s);
    BOOST_TEST(slept.has_value());
  };
  auto const made = thing_cache::make(sim.get_executor(), std::move(callbacks));
  BOOST_REQUIRE(made.has_value());
  auto& cache = **made;
  BOOST_TEST(cache.set("a", std::make_shared<thing>("a", 1)).has_value());
  auto const from = sim.now();
  auto close = [](thing_cache* which, simulation* on, duration deadline, time_point* ended) -> awaitable<void> {
    call_options with;
    with.deadline = deadline;
    co_await which->close(with);
    *ended = on->now();
  };
  time_point patient;
  time_point brief;
  asio::co_spawn(sim.get_executor(), close(&cache, &sim, 1h, &patient), rethrow);
  asio::co_spawn(sim.get_executor(), close(&cache, &sim, 1s, &brief), rethrow);
  BOOST_TEST(sim.run());
  BOOST_TEST((brief - from == 2s));  // and a second more for what ignores its cancellation
  BOOST_TEST((patient - from == 2s));
  BOOST_TEST((sim.now() - from == 5s));
}

// CA45: a cancelled closer still has everything closed
BOOST_AUTO_TEST_CASE(cancelling_the_caller_of_close_does_not_stop_the_closing) {
  world w(1);
  auto const number = w.put("a");
  auto held = w.cache->peek("a");
  asio::cancellation_signal signal;
  bool is_closed = false;
  asio::co_spawn(w.sim.get_executor(), w.close_and_tell(&is_closed), asio::bind_cancellation_slot(signal.slot(), rethrow));
  w.sim.run_for(1ms);
  signal.emit(asio::cancellation_type::terminal);
  w.sim.run_for(1ms);
  BOOST_TEST(!is_closed);
  held.release();
  BOOST_TEST(w.sim.run());
  BOOST_TEST((w.end_of(number) == disposal_reason::shutdown));
  w.check_conserved();
}

// CA45
BOOST_AUTO_TEST_CASE(destroying_without_closing_ends_waiters_and_calls_nothing_back) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    world w(seed);
    w.put("a");
    w.put("b");
    auto held = w.cache->peek("b");
    std::weak_ptr<thing> const watched = *held;
    w.check_time = 20ms;
    std::list<call> all(6);
    int i = 0;
    for (auto& each : all) {
      call_options with;
      if (i % 3 == 0) with.deadline = 50ms;
      w.get(each, i++ % 2 == 0 ? "a" : "c", with, static_cast<unsigned>(w.sim.random(3)));
    }
    at(w, duration(1 + w.sim.random(5'000'000)), [&] { w.cache.reset(); });
    BOOST_TEST(w.sim.run());
    for (auto const& each : all) BOOST_TEST((each.got.error == errc::closed));
    BOOST_TEST(w.disposals.empty());
    BOOST_TEST((*held)->number == 2);
    held.release();
    BOOST_TEST(watched.expired());
  }
}

// CA44
BOOST_AUTO_TEST_CASE(statistics_count_each_event_once) {
  auto options = world::plain(2);
  options.negative_ttl = 1s;
  options.failure_backoff = 1s;
  world w(1, options);
  BOOST_TEST(w.get_now("a").is_value());                                      // miss, found
  BOOST_TEST(w.get_now("a").is_value());                                      // hit, alive
  w.on_check = [](auto const&, auto const&) { return make_error_code(errc::unavailable); };
  BOOST_TEST(w.get_now("a").is_value());                                      // hit, stale
  w.on_check = [](auto const&, auto const&) { return verdict::expired; };
  BOOST_TEST(w.get_now("a").is_value());                                      // miss, found
  w.on_load = [](auto const&) { return result<std::optional<thing_ptr>>(std::optional<thing_ptr>()); };
  BOOST_TEST(w.get_now("n").is_empty());                                      // miss, empty
  BOOST_TEST(w.get_now("n").is_empty());                                      // negative
  w.on_load = [](auto const&) { return make_error_code(errc::unavailable); };
  BOOST_TEST((w.get_now("f").error == errc::unavailable));                    // miss, failed
  BOOST_TEST((w.get_now("f").error == errc::unavailable));                    // backoff
  w.put("b");
  w.put("c");                                                                 // evicts a
  auto held = w.cache->peek("b");
  w.cache->erase("b");                                                        // drains
  call one;
  call two;
  w.get(one, "slow");
  w.get(two, "slow");                                                         // miss and join
  w.sim.run_for(1ms);
  auto const seen = w.cache->stats();
  BOOST_TEST(seen.hits == 2U);
  BOOST_TEST(seen.stale_hits == 1U);
  BOOST_TEST(seen.misses == 5U);
  BOOST_TEST(seen.joins == 1U);
  BOOST_TEST(seen.negative_hits == 1U);
  BOOST_TEST(seen.backoff_refusals == 1U);
  BOOST_TEST(seen.loads_found == 2U);
  BOOST_TEST(seen.loads_empty == 1U);
  BOOST_TEST(seen.loads_failed == 1U);
  BOOST_TEST(seen.loads_cancelled == 0U);
  BOOST_TEST(seen.checks_alive == 1U);
  BOOST_TEST(seen.checks_expired == 1U);
  BOOST_TEST(seen.checks_failed == 1U);
  BOOST_TEST(seen.checks_abandoned == 0U);
  BOOST_TEST(seen.busy == 0U);
  BOOST_TEST(seen.disposed(disposal_reason::expired) == 1U);
  BOOST_TEST(seen.disposed(disposal_reason::capacity) == 1U);
  BOOST_TEST(seen.disposed(disposal_reason::terminated) == 1U);
  BOOST_TEST(seen.size == 1U);
  BOOST_TEST(seen.flights == 1U);
  BOOST_TEST(seen.waiters == 2U);
  BOOST_TEST(seen.draining == 1U);
  BOOST_TEST(seen.disposing == 0U);
  BOOST_TEST(seen.negatives == 2U);
  held.release();
  w.end();
}

// CA42
BOOST_AUTO_TEST_CASE(every_reason_has_a_name_of_its_own) {
  std::vector<std::string> names;
  for (int i = 0; i < disposal_reasons; ++i) names.emplace_back(name_of(static_cast<disposal_reason>(i)));
  BOOST_TEST(names == (std::vector<std::string>{"capacity", "expired", "replaced", "terminated", "lost_race", "shutdown"}),
             boost::test_tools::per_element());
}

}  // namespace mooring::test
