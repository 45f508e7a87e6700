#include "cache/cache_world.hpp"

#include <boost/asio/post.hpp>

namespace mooring::test {
namespace {

constexpr std::uint64_t seeds = 1000;

void at(world& w, duration after, std::function<void()> act, unsigned lane = 0) {
  clock_of(w.sim).schedule(w.sim.now() + after, w.sim.lane(lane), [act = std::move(act)] { act(); });
}

void cancel_at(world& w, duration after, call& which, unsigned lane) {
  at(w, after, [&which] { which.signal.emit(asio::cancellation_type::terminal); }, lane);
}

void release(std::list<call>& all) {
  for (auto& each : all) each.got.leased.release();
}

}  // namespace

// CA26, RA44
BOOST_AUTO_TEST_CASE(concurrent_misses_run_one_load_and_get_the_same_value) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    world w(seed);
    std::list<call> all(10);
    for (auto& each : all) w.get(each, "a", {}, static_cast<unsigned>(w.sim.random(3)));
    BOOST_TEST(w.sim.run());
    BOOST_TEST(w.loads == 1);
    for (auto const& each : all) BOOST_TEST(each.got.number() == 1);
    auto const seen = w.cache->stats();
    BOOST_TEST(seen.misses == 1U);
    BOOST_TEST(seen.joins == 9U);
    BOOST_TEST(seen.loads_found == 1U);
    release(all);
    w.end();
  }
}

// CA26
BOOST_AUTO_TEST_CASE(ten_thousand_misses_run_one_load) {
  world w(1);
  std::list<call> all(10'000);
  for (auto& each : all) w.get(each, "a");
  BOOST_TEST(w.sim.run());
  BOOST_TEST(w.loads == 1);
  for (auto const& each : all) BOOST_REQUIRE(each.got.number() == 1);
  release(all);
  w.end();
}

// CA27, RA44
BOOST_AUTO_TEST_CASE(concurrent_gets_of_an_entry_share_one_check_and_one_load) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    world w(seed);
    auto const old = w.put("a");
    w.check_time = 5ms;
    bool const expires = seed % 2 == 0;
    if (expires) w.on_check = [&](auto const&, auto const& v) { return v->number == old ? verdict::expired : verdict::alive; };
    std::list<call> all(8);
    for (auto& each : all) {
      call_options with;
      if (w.sim.random(2) == 0) with.deadline = 1s;
      w.get(each, "a", with, static_cast<unsigned>(w.sim.random(3)));
    }
    BOOST_TEST(w.sim.run());
    BOOST_TEST(w.checks == 1);
    BOOST_TEST(w.loads == (expires ? 1 : 0));
    for (auto const& each : all) BOOST_TEST(each.got.number() == (expires ? 2 : old));
    release(all);
    w.end();
  }
}

// CA28, RA45
BOOST_AUTO_TEST_CASE(a_waiter_ends_at_its_own_deadline_and_the_load_goes_on_for_the_others) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    for (bool const is_check : {false, true}) {
      world w(seed);
      if (is_check) w.put("a");
      w.check_time = 10ms;
      call brief;
      call patient;
      call late;
      auto const from = w.sim.now();
      w.get(brief, "a", {.deadline = 3ms}, 1);
      w.get(patient, "a", {}, 2);
      at(w, 1ms, [&] { w.get(late, "a", {.deadline = 4ms}); });
      BOOST_TEST(w.sim.run());
      BOOST_TEST((brief.got.error == errc::deadline_exceeded));
      BOOST_TEST((brief.got.when == from + 3ms));
      BOOST_TEST((late.got.error == errc::deadline_exceeded));
      BOOST_TEST((late.got.when == from + 5ms));
      BOOST_TEST(patient.got.number() == 1);
      BOOST_TEST((patient.got.when == from + 10ms));
      BOOST_TEST(w.loads == (is_check ? 0 : 1));
      patient.got.leased.release();
      w.end();
    }
  }
}

// CA29, RA20
BOOST_AUTO_TEST_CASE(cancelling_the_get_that_began_a_flight_ends_that_get_only) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    for (bool const is_check : {false, true}) {
      world w(seed);
      if (is_check) w.put("a");
      w.check_time = 10ms;
      call first;
      call second;
      call third;
      w.get(first, "a", {}, 1);
      at(w, 1ms, [&] { w.get(second, "a", {}, 2); });
      at(w, 2ms, [&] { w.get(third, "a", {}, 3); });
      cancel_at(w, 4ms, first, 1);
      bool const both = seed % 2 == 0;
      if (both) cancel_at(w, 6ms, second, 2);
      auto const from = w.sim.now();
      BOOST_TEST(w.sim.run());
      BOOST_TEST((first.got.error == errc::cancelled));
      BOOST_TEST((first.got.when == from + 4ms));
      if (both) BOOST_TEST((second.got.error == errc::cancelled));
      else BOOST_TEST(second.got.number() == 1);
      BOOST_TEST(third.got.number() == 1);
      if (is_check) {
        // Taken over: each cancelled check was followed by another waiter's.
        BOOST_TEST(w.checks == (both ? 3 : 2));
        BOOST_TEST(w.checks_cancelled == (both ? 2 : 1));
        BOOST_TEST(w.loads == 0);
      } else {
        BOOST_TEST(w.loads == 1);
        BOOST_TEST(w.loads_cancelled == 0);
        BOOST_TEST((third.got.when == from + 10ms));
      }
      second.got.leased.release();
      third.got.leased.release();
      w.end();
    }
  }
}

// CA29: the deadline of the get that runs a check
BOOST_AUTO_TEST_CASE(a_check_outlives_the_deadline_of_the_get_that_began_it) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    world w(seed);
    w.put("a");
    w.check_time = 10ms;
    call first;
    call second;
    w.get(first, "a", {.deadline = 4ms}, 1);
    at(w, 1ms, [&] { w.get(second, "a", {}, 2); });
    auto const from = w.sim.now();
    BOOST_TEST(w.sim.run());
    BOOST_TEST((first.got.error == errc::deadline_exceeded));
    BOOST_TEST((first.got.when == from + 4ms));
    BOOST_TEST(second.got.number() == 1);
    BOOST_TEST(w.loads == 0);
    second.got.leased.release();
    w.end();
  }
}

// CA30, RA35
BOOST_AUTO_TEST_CASE(the_last_waiter_takes_the_load_with_it) {
  int cached = 0;
  int lost = 0;
  int stopped = 0;
  for (std::uint64_t seed = 1; seed <= 2 * seeds; ++seed) {
    world w(seed);
    call first;
    call second;
    w.get(first, "a", {.deadline = 10ms}, 1);  // as the load completes
    w.get(second, "a", {}, 2);
    cancel_at(w, seed % 2 == 0 ? 10ms : 5ms, second, 2);
    BOOST_TEST(w.sim.run());
    auto const seen = w.cache->stats();
    BOOST_TEST(seen.loads_found + seen.loads_cancelled == 1U);
    cached += static_cast<int>(seen.size);
    lost += static_cast<int>(seen.disposed(disposal_reason::lost_race));
    stopped += static_cast<int>(seen.loads_cancelled);
    if (seen.size == 0) {
      auto const loads = w.loads;
      auto fresh = w.get_now("a");
      BOOST_TEST(fresh.is_value());
      BOOST_TEST(w.loads == loads + 1);
    }
    first.got.leased.release();
    second.got.leased.release();
    w.end();
  }
  // Every outcome of the race was met.
  BOOST_TEST(cached > 0);
  BOOST_TEST(lost + stopped > 0);
}

// CA29: Asio's state of a coroutine forgets a cancellation when one follows that the coroutine does not heed
BOOST_AUTO_TEST_CASE(a_check_cancelled_twice_is_no_failure_of_the_value) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    auto options = world::plain();
    options.max_stale = seed % 2 == 0 ? duration(1h) : duration(0ns);
    world w(seed, options);
    w.put("a");
    w.check_time = 10ms;
    call first;
    call second;
    w.get(first, "a", {}, 1);
    at(w, 1ms, [&] { w.get(second, "a", {}, 2); });
    auto const twice = [&] {
      first.signal.emit(asio::cancellation_type::terminal);
      first.signal.emit(asio::cancellation_type::total);
    };
    at(w, 4ms, twice, 1);
    auto const from = w.sim.now();
    BOOST_TEST(w.sim.run());
    BOOST_TEST((first.got.error == errc::cancelled));
    BOOST_TEST(second.got.number() == 1);
    BOOST_TEST((second.got.when == from + 14ms));
    BOOST_TEST(w.checks == 2);
    BOOST_TEST(w.cache->stats().stale_hits == 0U);
    second.got.leased.release();
    w.end();
  }
}

// CA30: a value that is made in spite of the cancellation
BOOST_AUTO_TEST_CASE(a_cancelled_load_that_makes_a_value_has_it_disposed_of) {
  simulation sim(1);
  std::vector<disposal_reason> ended;
  cache_callbacks<std::string, thing_ptr> callbacks;
  using loaded = result<std::optional<thing_ptr>>;
  callbacks.load = [](std::string key) -> awaitable<loaded> {
    auto const slept = co_await sleep_for(10ms);
    co_return std::optional(std::make_shared<thing>(key, slept ? 1 : 2));
  };
  callbacks.check = [](std::string const&, thing_ptr const&) { return verdict::alive; };
  callbacks.dispose = [&](std::string, thing_ptr value, disposal_reason reason) -> awaitable<void> {
    BOOST_TEST(value->number == 2);
    ended.push_back(reason);
    co_return;
  };
  auto const made = thing_cache::make(sim.get_executor(), callbacks, world::plain());
  BOOST_REQUIRE(made.has_value());
  error_code end;
  auto one = [&]() -> awaitable<void> {
    auto const got = co_await (*made)->get("a", {.deadline = 3ms});
    end = got ? error_code() : got.error();
  };
  asio::co_spawn(sim.get_executor(), one, rethrow);
  sim.run();
  BOOST_TEST((end == errc::deadline_exceeded));
  BOOST_TEST((ended == std::vector{disposal_reason::lost_race}));
  BOOST_TEST((*made)->size() == 0U);
}

// CA31
BOOST_AUTO_TEST_CASE(a_get_that_is_over_before_it_begins_starts_no_load) {
  for (auto const deadline : {0ms, -5ms}) {
    world w(1);
    BOOST_TEST((w.get_now("a", {.deadline = deadline}).error == errc::deadline_exceeded));
    BOOST_TEST(w.loads == 0);
  }
  world w(1);
  asio::cancellation_signal signal;
  error_code end;
  auto one = [&]() -> awaitable<void> {
    co_await asio::this_coro::throw_if_cancelled(false);
    auto const slept = co_await sleep_for(1ms);  // cancelled here
    BOOST_TEST(!slept.has_value());
    auto const got = co_await w.cache->get("a");
    end = got ? error_code() : got.error();
  };
  asio::co_spawn(w.sim.get_executor(), one, asio::bind_cancellation_slot(signal.slot(), rethrow));
  at(w, 500us, [&] { signal.emit(asio::cancellation_type::terminal); });
  BOOST_TEST(w.sim.run());
  BOOST_TEST((end == errc::cancelled));
  BOOST_TEST(w.loads == 0);
  w.end();
}

// CA31
BOOST_AUTO_TEST_CASE(a_load_that_exceeds_its_timeout_ends_for_all_its_waiters) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    auto options = world::plain();
    options.load_timeout = 20ms;
    world w(seed, options);
    w.load_time = 50ms;
    std::list<call> all(4);
    auto const from = w.sim.now();
    for (auto& each : all) w.get(each, "a", {}, static_cast<unsigned>(w.sim.random(3)));
    BOOST_TEST(w.sim.run());
    for (auto const& each : all) {
      BOOST_TEST((each.got.error == errc::deadline_exceeded));
      BOOST_TEST((each.got.when == from + 20ms));
    }
    BOOST_TEST(w.loads_cancelled == 1);
    BOOST_TEST(w.cache->stats().loads_failed == 1U);
    BOOST_TEST(w.cache->stats().loads_cancelled == 0U);
    w.load_time = 5ms;
    BOOST_TEST(w.get_now("a").is_value());
    w.end();
  }
}

// CA32, RA52: the lanes of load, dispose and check are asserted by the world as they run
BOOST_AUTO_TEST_CASE(waiters_resume_on_their_own_executors_with_one_post_for_each) {
  world w(1);
  std::list<call> all(9);
  unsigned lane = 0;
  for (auto& each : all) w.get(each, "a", {}, lane++ % 3);
  w.sim.run_until(w.sim.now() + 9ms);
  BOOST_TEST(w.cache->stats().waiters == 9U);
  while (!all.front().got.is_done && w.cache->stats().waiters != 0) w.sim.step();
  // The load has ended in that step: nobody ran inside it, and three posts wake the nine.
  for (auto const& each : all) BOOST_TEST(!each.got.is_done);
  BOOST_TEST(w.sim.outstanding() <= 3U + 1U);  // and the end of the load's own task
  BOOST_TEST(w.sim.run());
  lane = 0;
  for (auto const& each : all) {
    BOOST_TEST(each.got.is_value());
    BOOST_TEST(each.got.lane == lane++ % 3);
  }
}

// CA32: a check runs in the get that needs it, also when that get has a deadline
BOOST_AUTO_TEST_CASE(a_check_runs_on_the_executor_of_its_get) {
  for (auto const deadline : {std::optional<duration>(), std::optional<duration>(1s)}) {
    world w(1);
    w.put("a");
    w.check_time = 1ms;
    std::vector<unsigned> lanes;
    w.on_check = [&](auto const&, auto const&) {
      lanes.push_back(w.sim.current_lane());
      return verdict::alive;
    };
    call one;
    call_options with;
    with.deadline = deadline;
    w.get(one, "a", with, 5);
    BOOST_TEST(w.sim.run());
    BOOST_TEST(one.got.is_value());
    BOOST_TEST(lanes == std::vector<unsigned>{5}, boost::test_tools::per_element());
  }
}

// CA33
BOOST_AUTO_TEST_CASE(callbacks_may_use_the_cache) {
  for (auto const check_time : {0ms, 1ms}) {
    world w(1);
    w.check_time = check_time;
    w.on_load = [&](std::string const& key) -> result<std::optional<thing_ptr>> {
      BOOST_TEST(!w.cache->peek(key));
      if (key == "sets") w.put(key);
      if (key == "erases" && w.loads == 2) w.cache->erase(key);
      return std::optional(w.make_thing(key));
    };
    auto set = w.get_now("sets");
    BOOST_TEST(set.number() == 1);  // what the load set, not what it returned
    BOOST_TEST((w.end_of(2) == disposal_reason::lost_race));
    auto erased = w.get_now("erases");
    BOOST_TEST(erased.number() == 4);
    BOOST_TEST((w.end_of(3) == disposal_reason::lost_race));
    BOOST_TEST(w.loads == 3);

    int turn = 0;
    w.on_check = [&](std::string const& key, thing_ptr const& value) {
      BOOST_TEST(w.cache->peek(key)->get() == value.get());
      if (++turn == 1) w.put(key);
      if (turn == 2) w.cache->erase(key);
      return verdict::alive;
    };
    auto checked = w.get_now("sets");
    BOOST_TEST(checked.number() == 5);
    checked.leased.release();
    checked = w.get_now("sets");
    BOOST_TEST(checked.number() == 6);  // erased under its check: loaded afresh; that load set 6 and returned 7
    w.on_check = nullptr;
    w.on_dispose = [&](std::string const& key, auto const&, auto) {
      if (key != "erases") return;
      BOOST_TEST(!w.cache->peek(key));
      w.put("other");
      w.cache->erase("other");
    };
    w.cache->erase("erases");
    set.leased.release();
    erased.leased.release();
    checked.leased.release();
    w.sim.run();
    w.end();
  }
}

// CA34
BOOST_AUTO_TEST_CASE(beyond_its_bounds_a_get_is_busy_and_nobody_else_notices) {
  auto options = world::plain();
  options.max_flights = 2;
  options.max_waiters = 3;
  world w(1, options);
  std::list<call> all(6);
  auto next = all.begin();
  for (auto const* key : {"a", "a", "a", "b"}) {
    w.get(*next++, key);
    w.sim.run_for(1ms);
  }
  auto& fourth_waiter = *next++;
  auto& third_flight = *next++;
  w.get(fourth_waiter, "a");
  w.get(third_flight, "c");
  w.sim.run_for(0ms);
  BOOST_TEST((fourth_waiter.got.error == errc::busy));
  BOOST_TEST((third_flight.got.error == errc::busy));
  BOOST_TEST(w.cache->stats().busy == 2U);
  BOOST_TEST(w.sim.run());
  next = all.begin();
  for (int i = 0; i < 4; ++i) BOOST_TEST((next++)->got.is_value());
  BOOST_TEST(w.loads == 2);
  release(all);
  w.end();
}

// CA35, CA39, RA16, RA17
BOOST_AUTO_TEST_CASE(a_set_during_a_load_wins_even_if_capacity_evicts_it_at_once) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    world w(seed, world::plain(1));
    std::list<call> all(4);
    for (auto& each : all) w.get(each, "a", {}, static_cast<unsigned>(w.sim.random(3)));
    int set = 0;
    bool const is_evicted = seed % 2 == 0;
    at(w, duration(w.sim.random(10'000'001)), [&] {
      set = w.put("a");
      if (is_evicted) w.put("b");
    });
    BOOST_TEST(w.sim.run());
    auto const seen = w.cache->stats();
    if (seen.disposed(disposal_reason::lost_race) == 1) {
      BOOST_TEST(w.loads == 1);
      for (auto const& each : all) BOOST_TEST(each.got.number() == set);
    } else {
      for (auto const& each : all) BOOST_TEST(each.got.is_value());  // the load was first
    }
    release(all);
    w.end();
  }
}

// CA36, RA19, RA44
BOOST_AUTO_TEST_CASE(an_erase_during_a_load_keeps_its_value_out_and_loads_once_more) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    world w(seed);
    std::list<call> all(4);
    for (auto& each : all) w.get(each, "a", {}, static_cast<unsigned>(w.sim.random(3)));
    std::list<call> later(2);
    at(w, 5ms, [&] {
      BOOST_TEST(!w.cache->erase("a"));
      for (auto& each : later) w.get(each, "a");
    });
    BOOST_TEST(w.sim.run());
    BOOST_TEST(w.loads == 2);
    BOOST_TEST(w.made == 2);
    BOOST_TEST((w.end_of(1) == disposal_reason::lost_race));
    for (auto const& each : all) BOOST_TEST(each.got.number() == 2);
    for (auto const& each : later) BOOST_TEST(each.got.number() == 2);
    release(all);
    release(later);
    w.end();
  }
}

// CA37, CA38, RA18, RA19
BOOST_AUTO_TEST_CASE(a_set_or_erase_during_a_check_decides_what_its_waiters_get) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    world w(seed);
    auto const old = w.put("a");
    w.check_time = 10ms;
    auto const at_the_end = seed % 2 == 0 ? verdict::expired : verdict::alive;
    w.on_check = [&](auto const&, auto const& value) { return value->number == old ? at_the_end : verdict::alive; };
    std::list<call> all(4);
    for (auto& each : all) {
      call_options with;
      if (w.sim.random(2) == 0) with.deadline = 1s;
      w.get(each, "a", with, static_cast<unsigned>(w.sim.random(3)));
    }
    bool const is_set = seed % 4 < 2;
    call later;
    at(w, 5ms, [&] {
      if (is_set) w.put("a");
      else w.cache->erase("a");
      w.get(later, "a");
    });
    BOOST_TEST(w.sim.run());
    for (auto const& each : all) BOOST_TEST(each.got.number() == 2);
    BOOST_TEST(later.got.number() == 2);
    BOOST_TEST(w.loads == (is_set ? 0 : 1));
    BOOST_TEST((w.end_of(old) == (is_set ? disposal_reason::replaced : disposal_reason::terminated)));
    if (is_set) BOOST_TEST(w.checks == 2);  // the later get began its own
    release(all);
    later.got.leased.release();
    w.end();
  }
}

// CA38
BOOST_AUTO_TEST_CASE(a_get_after_a_set_or_erase_never_joins_an_older_flight) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    world w(seed);
    call before;
    call after;
    w.get(before, "a", {}, 1);
    int barrier = 0;
    at(w, 3ms, [&] {
      if (seed % 2 == 0) w.put("a");
      else w.cache->erase("a");
      barrier = w.made;
      w.get(after, "a", {}, 2);
    });
    BOOST_TEST(w.sim.run());
    // What was loaded before is number 2 after a set, and 1 after an erase: both later than the barrier, so the ledger decides.
    BOOST_TEST((w.end_of(seed % 2 == 0 ? 2 : 1) == disposal_reason::lost_race));
    BOOST_TEST(after.got.number() == (seed % 2 == 0 ? 1 : 2));
    before.got.leased.release();
    after.got.leased.release();
    w.end();
  }
}

// RA36
BOOST_AUTO_TEST_CASE(of_two_sets_at_once_one_value_stays_and_the_other_is_closed_once) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    world w(seed);
    for (unsigned i = 0; i < 2; ++i) asio::post(w.sim.lane(i), [&] { w.put("a"); });
    BOOST_TEST(w.sim.run());
    BOOST_TEST(w.cache->size() == 1U);
    BOOST_TEST((*w.cache->peek("a"))->number == 2);
    BOOST_TEST((w.end_of(1) == disposal_reason::replaced));
    w.end();
  }
}

// RA44: eviction is no new generation
BOOST_AUTO_TEST_CASE(an_entry_that_is_evicted_under_its_check_is_still_checked_once) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    world w(seed, world::plain(1));
    auto const first = w.put("a");
    w.check_time = 10ms;
    bool const expires = seed % 2 == 0;
    w.on_check = [&](auto const&, auto const& v) { return expires && v->number == first ? verdict::expired : verdict::alive; };
    call before;
    call after;
    w.get(before, "a");
    at(w, 3ms, [&] { w.put("b"); });  // the only entry is under its check, and leaves all the same
    at(w, 5ms, [&] {
      BOOST_TEST(!w.cache->peek("a"));
      w.get(after, "a");
    });
    BOOST_TEST(w.sim.run());
    BOOST_TEST(w.checks == 1);
    BOOST_TEST(before.got.number() == (expires ? 3 : first));
    BOOST_TEST(after.got.number() == (expires ? 3 : first));
    BOOST_TEST(w.loads == (expires ? 1 : 0));
    before.got.leased.release();
    after.got.leased.release();
    w.end();
    BOOST_TEST((w.end_of(first) == disposal_reason::capacity));
  }
}

// A lease is handed out on a value that is open: of one that was evicted and drained under its check another is loaded.
BOOST_AUTO_TEST_CASE(an_entry_that_is_evicted_and_drained_under_its_check_is_loaded_again) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    auto options = world::plain(1);
    options.drain_deadline = 2ms;
    world w(seed, options);
    auto const first = w.put("a");
    w.check_time = 10ms;
    call before;
    call joins;
    w.get(before, "a", seed % 2 == 0 ? call_options{} : call_options{1s}, static_cast<unsigned>(w.sim.random(3)));
    at(w, 2ms, [&] { w.get(joins, "a"); });
    at(w, 3ms, [&] { w.put("b"); });
    w.sim.run_for(50ms);
    BOOST_TEST(w.loads == 1);
    BOOST_TEST(before.got.number() == 3);
    BOOST_TEST(joins.got.number() == 3);
    BOOST_TEST(!before.got.leased.is_revoked());
    BOOST_TEST(!joins.got.leased.is_revoked());
    before.got.leased.release();
    joins.got.leased.release();
    BOOST_TEST(w.sim.run());
    w.end();
    BOOST_TEST((w.end_of(first) == disposal_reason::capacity));
  }
}

// CA12: its own last good check counts, though it has left the cache.
BOOST_AUTO_TEST_CASE(an_entry_that_is_evicted_under_a_failing_check_is_served_stale_as_long_as_a_cached_one) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    auto options = world::plain(1);
    options.max_stale = 100ms;
    world w(seed, options);
    auto const first = w.put("a");
    w.sim.run_for(50ms);
    BOOST_TEST(w.get_now("a").number() == first);
    auto const good = w.sim.now();
    w.check_time = 10ms;
    w.on_check = [](auto const&, auto const&) { return make_error_code(errc::unavailable); };
    auto const age = duration(70ms + 1ms * w.sim.random(60));  // at the end of the check
    w.sim.run_until(good + age - 10ms);
    call one;
    w.get(one, "a");
    at(w, 3ms, [&] { w.put("b"); });
    BOOST_TEST(w.sim.run());
    BOOST_TEST(!w.cache->peek("a"));
    if (age <= 100ms) BOOST_TEST(one.got.number() == first);
    else BOOST_TEST((one.got.error == errc::unavailable));
    one.got.leased.release();
    w.end();
  }
}

}  // namespace mooring::test
