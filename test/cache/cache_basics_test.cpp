#include "cache/cache_world.hpp"

#include <limits>

namespace mooring::test {
namespace {

template <class Change>
std::string refusal(Change change) {
  simulation sim(1);
  cache_options options;
  cache_callbacks<std::string, thing_ptr> callbacks;
  callbacks.load = [](std::string key) -> load_answer<thing_ptr> { return std::make_shared<thing>(key, 1); };
  callbacks.check = [](std::string const&, thing_ptr const&) { return verdict::alive; };
  change(callbacks, options);
  std::string why = "untouched";
  auto const made = thing_cache::make(sim.get_executor(), callbacks, options, &why);
  BOOST_TEST(made.has_value() == why.empty());
  if (!made) BOOST_TEST((made.error() == errc::invalid_argument));
  return why;
}

}  // namespace

// CA01
BOOST_AUTO_TEST_CASE(a_cache_refuses_missing_callbacks_and_options_outside_their_range) {
  BOOST_TEST(refusal([](auto&, auto&) {}) == "");
  BOOST_TEST(refusal([](auto& c, auto&) { c.load = nullptr; }).find("load") != std::string::npos);
  BOOST_TEST(refusal([](auto& c, auto&) { c.check = nullptr; }).find("check") != std::string::npos);
  BOOST_TEST(refusal([](auto&, auto& o) { o.capacity_entries = 0; }).find("capacity_entries is 0") != std::string::npos);
  BOOST_TEST(refusal([](auto&, auto& o) { o.capacity_entries = static_cast<std::size_t>(-5); }).find("capacity_entries") != std::string::npos);
  BOOST_TEST(refusal([](auto&, auto& o) { o.capacity_entries = 1; }) == "");
  BOOST_TEST(refusal([](auto&, auto& o) { o.capacity_entries = unbounded; }) == "");
  BOOST_TEST(refusal([](auto&, auto& o) { o.max_stale = -1ms; }).find("max_stale is -1 ms") != std::string::npos);
  BOOST_TEST(refusal([](auto&, auto& o) { o.check_interval = -1ns; }).find("check_interval") != std::string::npos);
  BOOST_TEST(refusal([](auto&, auto& o) { o.negative_ttl = -1s; }).find("negative_ttl") != std::string::npos);
  BOOST_TEST(refusal([](auto&, auto& o) { o.failure_backoff = -1s; }).find("failure_backoff") != std::string::npos);
  BOOST_TEST(refusal([](auto&, auto& o) { o.failure_backoff_limit = 1ms; }).find("failure_backoff_limit") != std::string::npos);
  BOOST_TEST(refusal([](auto&, auto& o) { o.load_timeout = -1s; }).find("load_timeout") != std::string::npos);
  BOOST_TEST(refusal([](auto&, auto& o) { o.drain_deadline = -1s; }).find("drain_deadline") != std::string::npos);
  BOOST_TEST(refusal([](auto&, auto& o) { o.max_flights = 0; }).find("max_flights") != std::string::npos);
  BOOST_TEST(refusal([](auto&, auto& o) { o.max_waiters = static_cast<std::size_t>(-1); }).find("max_waiters") != std::string::npos);
}

// CA01: dispose is optional, and `unbounded` evicts nothing
BOOST_AUTO_TEST_CASE(an_unbounded_cache_without_dispose_keeps_everything) {
  simulation sim(1);
  cache_options options;
  options.capacity_entries = unbounded;
  cache_callbacks<std::string, thing_ptr> callbacks;
  callbacks.load = [](std::string) -> load_answer<thing_ptr> { return std::nullopt; };
  callbacks.check = [](std::string const&, thing_ptr const&) { return verdict::alive; };
  auto const made = thing_cache::make(sim.get_executor(), callbacks, options);
  BOOST_REQUIRE(made.has_value());
  auto& cache = **made;
  std::weak_ptr<thing> watched;
  for (int i = 0; i < 3000; ++i) {
    auto const value = std::make_shared<thing>(std::to_string(i), i);
    if (i == 7) watched = value;
    BOOST_TEST(cache.set(std::to_string(i), value).has_value());
  }
  BOOST_TEST(cache.size() == 3000U);
  BOOST_TEST(!watched.expired());
  BOOST_TEST(cache.erase("7"));
  BOOST_TEST(watched.expired());
  BOOST_TEST(cache.stats().disposed(disposal_reason::terminated) == 1U);
  sim.run();
}

// CA02
BOOST_AUTO_TEST_CASE(a_miss_loads_once_and_the_next_get_does_not) {
  world w(1);
  auto first = w.get_now("a");
  auto second = w.get_now("a");
  BOOST_TEST(first.is_value());
  BOOST_TEST(first.number() == 1);
  BOOST_TEST(second.number() == 1);
  BOOST_TEST(w.loads == 1);
  BOOST_TEST((*first.leased)->key == "a");
}

// CA03
BOOST_AUTO_TEST_CASE(a_failed_load_tells_all_its_waiters_and_leaves_nothing) {
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    world w(seed);
    w.on_load = [](auto const&) { return make_error_code(errc::unavailable); };
    std::list<call> all(5);
    unsigned lane = 0;
    for (auto& each : all) w.get(each, "a", {}, lane++);
    BOOST_TEST(w.sim.run());
    for (auto const& each : all) BOOST_TEST((each.got.error == errc::unavailable));
    BOOST_TEST(w.loads == 1);
    BOOST_TEST(w.cache->size() == 0U);
    w.on_load = nullptr;
    BOOST_TEST(w.get_now("a").is_value());
    BOOST_TEST(w.loads == 2);
  }
}

// CA04
BOOST_AUTO_TEST_CASE(failures_are_remembered_for_a_pause_that_doubles_up_to_its_limit) {
  auto options = world::plain();
  options.failure_backoff = 100ms;
  options.failure_backoff_limit = 350ms;
  world w(1, options);
  w.load_time = 0ns;
  w.on_load = [](auto const&) { return make_error_code(errc::unavailable); };
  for (auto const pause : {100ms, 200ms, 350ms, 350ms}) {
    auto const before = w.loads;
    BOOST_TEST((w.get_now("a").error == errc::unavailable));
    BOOST_TEST(w.loads == before + 1);
    w.sim.run_for(pause - 1ms);
    BOOST_TEST((w.get_now("a").error == errc::unavailable));
    BOOST_TEST(w.loads == before + 1);
    w.sim.run_for(1ms);
  }
  BOOST_TEST(w.cache->stats().backoff_refusals == 4U);
  w.on_load = nullptr;
  BOOST_TEST(w.get_now("a").is_value());
  BOOST_TEST(w.cache->erase("a"));
  // A success has reset the pause.
  w.on_load = [](auto const&) { return make_error_code(errc::unavailable); };
  auto const before = w.loads;
  BOOST_TEST((w.get_now("a").error == errc::unavailable));
  w.sim.run_for(100ms);
  BOOST_TEST((w.get_now("a").error == errc::unavailable));
  BOOST_TEST(w.loads == before + 2);
  w.end();
}

// CA05, CA06
BOOST_AUTO_TEST_CASE(an_absence_is_an_empty_answer_that_is_remembered_for_a_while) {
  auto options = world::plain(1);
  options.negative_ttl = 100ms;
  options.negative_entries = 2;
  world w(1, options);
  w.load_time = 0ns;
  w.on_load = [](auto const&) { return result<std::optional<thing_ptr>>(std::optional<thing_ptr>()); };
  auto const kept = w.put("kept");
  for (auto const* key : {"a", "b", "a", "b"}) BOOST_TEST(w.get_now(key).is_empty());
  BOOST_TEST(w.loads == 2);
  BOOST_TEST(w.cache->stats().negatives == 2U);
  BOOST_TEST(w.cache->stats().negative_hits == 2U);
  BOOST_TEST(w.cache->size() == 1U);
  BOOST_TEST((*w.cache->peek("kept"))->number == kept);

  BOOST_TEST(w.get_now("c").is_empty());  // a third pushes the oldest out
  BOOST_TEST(w.cache->stats().negatives == 2U);
  BOOST_TEST(w.get_now("a").is_empty());
  BOOST_TEST(w.loads == 4);

  w.sim.run_for(99ms);
  BOOST_TEST(w.get_now("a").is_empty());
  BOOST_TEST(w.loads == 4);
  w.sim.run_for(1ms);
  BOOST_TEST(w.get_now("a").is_empty());
  BOOST_TEST(w.loads == 5);

  auto const set = w.put("a");  // forgotten at once
  BOOST_TEST(w.get_now("a").number() == set);
  BOOST_TEST(w.loads == 5);
  BOOST_TEST(w.cache->erase("a"));
  BOOST_TEST(w.get_now("a").is_empty());
  BOOST_TEST(w.loads == 6);
  w.end();
}

// CA07
BOOST_AUTO_TEST_CASE(callbacks_that_throw_leave_the_cache_usable) {
  std::vector<std::string> lines;
  auto options = world::plain();
  options.log = [&](severity, std::string_view line) {
    lines.emplace_back(line);
    throw 1;
  };
  world w(1, options);
  w.on_load = [](auto const&) -> result<std::optional<thing_ptr>> { throw std::runtime_error("no load"); };
  BOOST_TEST((w.get_now("a").error == errc::load_failed));
  w.on_load = nullptr;
  BOOST_TEST(w.get_now("a").number() == 1);
  w.on_check = [](auto const&, auto const&) -> result<verdict> { throw std::runtime_error("no check"); };
  BOOST_TEST(w.get_now("a").number() == 1);  // served stale
  w.check_time = 1ms;
  BOOST_TEST(w.get_now("a").number() == 1);
  BOOST_TEST(w.get_now("a", {.deadline = 1s}).number() == 1);
  w.on_check = nullptr;
  w.on_dispose = [](auto const&, auto const&, auto) { throw std::runtime_error("no dispose"); };
  BOOST_TEST(w.cache->erase("a"));
  w.sim.run();
  BOOST_TEST(w.cache->stats().dispose_failures == 1U);
  BOOST_TEST(w.get_now("a").number() == 2);
  BOOST_TEST(lines.size() == 5U);
  w.on_dispose = nullptr;
  w.end();
}

namespace {

struct loud {
  int number;
  int print;  // what it prints as
  friend bool operator==(loud const&, loud const&) = default;
};

struct same_hash {
  std::size_t operator()(loud const&) const noexcept { return 42; }
};

}  // namespace

// CA08
BOOST_AUTO_TEST_CASE(unequal_keys_never_share_a_flight_even_if_they_hash_and_print_alike) {
  simulation sim(1);
  int loads = 0;
  cache_callbacks<loud, std::shared_ptr<int>> callbacks;
  using loaded = result<std::optional<std::shared_ptr<int>>>;
  callbacks.load = [&](loud key) -> awaitable<loaded> {
    ++loads;
    auto const slept = co_await sleep_for(1ms);
    BOOST_TEST(slept.has_value());
    co_return std::optional(std::make_shared<int>(key.number));
  };
  callbacks.check = [](loud const&, std::shared_ptr<int> const&) { return verdict::alive; };
  auto const made = validating_cache<loud, std::shared_ptr<int>, same_hash>::make(sim.get_executor(), callbacks);
  BOOST_REQUIRE(made.has_value());
  auto& cache = **made;
  std::vector<int> seen(20);
  auto one = [&cache, &seen](int index) -> awaitable<void> {  // outlives its coroutines (C3)
    auto got = co_await cache.get(loud(index % 10, 7));
    BOOST_REQUIRE(got.has_value());
    seen[static_cast<std::size_t>(index)] = ***got;
  };
  for (int i = 0; i < 20; ++i) asio::co_spawn(sim.get_executor(), one(i), rethrow);
  sim.run();
  for (int i = 0; i < 20; ++i) BOOST_TEST(seen[static_cast<std::size_t>(i)] == i % 10);
  BOOST_TEST(loads == 10);
  BOOST_TEST(cache.size() == 10U);
  BOOST_TEST(**cache.peek(loud{3, 7}) == 3);
  BOOST_TEST(cache.erase(loud{3, 7}));
  BOOST_TEST(!cache.peek(loud{3, 7}));
}

// CA09, CA15
BOOST_AUTO_TEST_CASE(a_hit_is_checked_and_loads_nothing) {
  for (auto const check_time : {0ms, 2ms}) {
    world w(1);
    auto const number = w.put("a");
    w.check_time = check_time;
    BOOST_TEST(w.get_now("a").number() == number);
    BOOST_TEST(w.get_now("a", {.deadline = 1s}).number() == number);
    BOOST_TEST(w.checks == 2);
    BOOST_TEST(w.loads == 0);
    BOOST_TEST(w.cache->stats().hits == 2U);
    BOOST_TEST(w.cache->stats().checks_alive == 2U);
    w.end();
  }
}

// CA10, CA11
BOOST_AUTO_TEST_CASE(an_expired_hit_is_disposed_of_and_loaded_again_in_the_same_get) {
  for (auto const check_time : {0ms, 2ms}) {
    for (auto const deadline : {std::optional<duration>(), std::optional<duration>(1s)}) {
      call_options with;
      with.deadline = deadline;
      world w(1);
      w.check_time = check_time;
      BOOST_TEST(w.get_now("a", with).number() == 1);
      w.on_check = [](auto const&, auto const& value) { return value->number == 1 ? verdict::expired : verdict::alive; };
      BOOST_TEST(w.get_now("a", with).number() == 2);
      BOOST_TEST((w.end_of(1) == disposal_reason::expired));
      BOOST_TEST(w.disposed_keys.back() == "a");
      BOOST_TEST(w.loads == 2);
      BOOST_TEST((*w.cache->peek("a"))->number == 2);
      BOOST_TEST(w.cache->stats().misses == 2U);
      BOOST_TEST(w.cache->stats().hits == 0U);

      w.on_check = [](auto const&, auto const&) { return verdict::expired; };
      w.on_load = [](auto const&) { return make_error_code(errc::unavailable); };
      BOOST_TEST((w.get_now("a", with).error == errc::unavailable));
      BOOST_TEST((w.end_of(2) == disposal_reason::expired));
      auto const third = w.put("a");
      w.on_load = [](auto const&) { return result<std::optional<thing_ptr>>(std::optional<thing_ptr>()); };
      BOOST_TEST(w.get_now("a", with).is_empty());
      BOOST_TEST((w.end_of(third) == disposal_reason::expired));
      w.end();
    }
  }
}

// CA12, CA13, RA31
BOOST_AUTO_TEST_CASE(a_check_that_fails_is_forgiven_up_to_max_stale) {
  for (auto const check_time : {0ms, 2ms}) {
    auto options = world::plain();
    options.max_stale = 100ms;
    world w(1, options);
    w.check_time = check_time;
    auto const number = w.put("a");
    w.sim.run_for(50ms);
    BOOST_TEST(w.get_now("a").number() == number);  // checked well: the clock starts here
    auto const good = w.sim.now();
    w.on_check = [](auto const&, auto const&) { return make_error_code(errc::unavailable); };
    w.sim.run_until(good + 100ms - check_time);
    BOOST_TEST(w.get_now("a").number() == number);
    BOOST_TEST(w.cache->stats().stale_hits == 1U);
    w.sim.run_for(1ms);
    BOOST_TEST((w.get_now("a").error == errc::unavailable));
    BOOST_TEST(w.cache->size() == 1U);
    BOOST_TEST(!w.end_of(number));
    w.on_check = nullptr;
    BOOST_TEST(w.get_now("a").number() == number);
    BOOST_TEST(w.loads == 0);
    BOOST_TEST(w.made == 1);
    w.end();
  }
}

// CA12, CA13: without max_stale nothing unchecked is served
BOOST_AUTO_TEST_CASE(without_max_stale_a_failing_check_is_the_answer) {
  auto options = world::plain();
  options.max_stale = 0ms;
  world w(1, options);
  w.put("a");
  w.on_check = [](auto const&, auto const&) { return make_error_code(errc::unavailable); };
  BOOST_TEST((w.get_now("a").error == errc::unavailable));
  BOOST_TEST(w.cache->size() == 1U);
  w.end();
}

// CA14
BOOST_AUTO_TEST_CASE(a_check_counts_for_its_interval_and_no_longer) {
  auto options = world::plain();
  options.check_interval = 100ms;
  world w(1, options);
  w.load_time = 0ns;
  BOOST_TEST(w.get_now("a").number() == 1);
  w.sim.run_for(100ms);
  BOOST_TEST(w.get_now("a").number() == 1);
  BOOST_TEST(w.checks == 0);
  w.sim.run_for(1ns);
  BOOST_TEST(w.get_now("a").number() == 1);
  BOOST_TEST(w.checks == 1);
  BOOST_TEST(w.get_now("a").number() == 1);
  BOOST_TEST(w.checks == 1);
  BOOST_TEST(w.cache->stats().hits == 3U);

  world strict(1);
  strict.put("a");
  for (int i = 1; i <= 3; ++i) {
    BOOST_TEST(strict.get_now("a").is_value());
    BOOST_TEST(strict.checks == i);
  }
}

// CA17
BOOST_AUTO_TEST_CASE(try_get_answers_only_what_it_can_tell_at_once) {
  world w(1);
  BOOST_TEST(!w.cache->try_get("a"));
  BOOST_TEST(w.loads == 0);
  auto const number = w.put("a");
  {
    auto const hit = w.cache->try_get("a");
    BOOST_TEST(static_cast<bool>(hit));
    BOOST_TEST((*hit.leased)->number == number);
  }
  w.check_time = 1ms;
  BOOST_TEST(!w.cache->try_get("a"));
  call slow;
  w.get(slow, "a");
  w.sim.step();
  w.sim.step();
  BOOST_TEST(w.cache->stats().flights == 1U);
  w.check_time = 0ms;
  BOOST_TEST(!w.cache->try_get("a"));  // a check is running
  BOOST_TEST(w.sim.run());
  w.on_check = [](auto const&, auto const&) { return verdict::expired; };
  BOOST_TEST(!w.cache->try_get("a"));
  w.on_check = [](auto const&, auto const&) { return make_error_code(errc::unavailable); };
  BOOST_TEST(!w.cache->try_get("a"));
  BOOST_TEST(w.cache->size() == 1U);
  BOOST_TEST(w.loads == 0);
  BOOST_TEST(w.disposals.empty());
  BOOST_TEST(w.sim.outstanding() == 0U);
  slow.got.leased.release();
  w.end();
}

// CA18, CA19
BOOST_AUTO_TEST_CASE(set_stores_replaces_wraps_and_recognizes_the_same_object) {
  world w(1);
  auto const first = w.put("a");
  BOOST_TEST(w.get_now("a").number() == first);
  auto const second = w.put("a");
  w.sim.run();
  BOOST_TEST((w.end_of(first) == disposal_reason::replaced));
  BOOST_TEST(w.get_now("a").number() == second);
  BOOST_TEST(w.loads == 0);

  auto const same = *w.cache->peek("a");
  BOOST_TEST(w.cache->set("a", same).has_value());
  w.sim.run();
  BOOST_TEST(!w.end_of(second));

  auto const outer = w.make_thing("a");
  ++w.wrapped;
  BOOST_TEST(w.cache->set("a", outer, old_value::wrapped).has_value());
  w.sim.run();
  BOOST_TEST(!w.end_of(second));
  BOOST_TEST(w.get_now("a").number() == outer->number);
  w.end();
}

// CA20, CA21
BOOST_AUTO_TEST_CASE(conditional_changes_happen_only_while_the_entry_is_still_the_expected_value) {
  world w(1);
  auto const first = w.make_thing("a");
  BOOST_TEST(w.cache->set("a", first).has_value());
  auto const second = w.make_thing("a");
  BOOST_TEST(w.cache->set_if("a", first, second).is_stored());
  auto const third = w.make_thing("a");
  auto refused = w.cache->set_if("a", first, third);
  BOOST_TEST(!refused.is_stored());
  BOOST_TEST((refused.refused.value() == third));
  BOOST_TEST(!refused.stored);
  BOOST_TEST(!w.cache->set_if("b", first, third).is_stored());
  BOOST_TEST((*w.cache->peek("a") == second));
  BOOST_TEST(!w.cache->erase_if("a", first));
  BOOST_TEST(!w.cache->erase_if("b", first));
  BOOST_TEST(w.cache->erase_if("a", second, disposal_reason::expired));
  BOOST_TEST(!w.cache->erase("a"));
  w.sim.run();
  BOOST_TEST((w.end_of(first->number) == disposal_reason::replaced));
  BOOST_TEST((w.end_of(second->number) == disposal_reason::expired));
  BOOST_TEST(!w.end_of(third->number));
  ++w.wrapped;  // the refused one was handed back
  w.end();
}

// CA21, CA38: what was made outside is stored only if nothing came between
BOOST_AUTO_TEST_CASE(a_value_made_outside_is_refused_after_a_set_or_erase_of_its_key) {
  world w(1);
  auto const clean = w.cache->begin("a");
  auto const other = w.cache->begin("b");
  BOOST_TEST(clean.is_current());
  auto const first = w.make_thing("a");
  BOOST_TEST(w.cache->set_if(clean, first).is_stored());
  BOOST_TEST(!clean.is_current());
  BOOST_TEST(other.is_current());
  auto const second = w.make_thing("a");
  BOOST_TEST(!w.cache->set_if(clean, second).is_stored());

  auto const before_erase = w.cache->begin("a");
  BOOST_TEST(w.cache->erase("a"));
  BOOST_TEST(!w.cache->set_if(before_erase, second).is_stored());
  auto const again = w.cache->begin("a");
  BOOST_TEST(!w.cache->erase("a"));  // nothing was cached, a generation began all the same
  BOOST_TEST(!w.cache->set_if(again, second).is_stored());
  auto const loaded = w.cache->begin("a");
  BOOST_TEST(w.get_now("a").is_value());
  BOOST_TEST(loaded.is_current());
  BOOST_TEST(w.cache->set_if(loaded, second).is_stored());
  w.end();
  BOOST_TEST(!other.is_current());
  auto const late = w.cache->begin("c");
  BOOST_TEST(!late.is_current());
}

// CA22, CA23
BOOST_AUTO_TEST_CASE(the_least_recently_used_entry_leaves_and_peek_is_no_use) {
  world w(1, world::plain(3));
  w.load_time = 0ns;
  for (auto const* key : {"a", "b", "c"}) w.put(key);
  BOOST_TEST(w.disposals.empty());
  BOOST_TEST(w.get_now("a").is_value());  // order now: a c b
  BOOST_TEST(static_cast<bool>(w.cache->peek("b")));
  w.put("c");                             // c a b
  w.sim.run();
  auto const order = w.cache->keys();
  BOOST_TEST(order == (std::vector<std::string>{"c", "a", "b"}), boost::test_tools::per_element());
  auto const loads = w.loads;
  w.put("d");
  w.sim.run();
  BOOST_TEST(!w.cache->peek("b"));
  BOOST_TEST((w.end_of(2) == disposal_reason::capacity));
  BOOST_TEST(w.get_now("e").is_value());
  BOOST_TEST(!w.cache->peek("a"));
  BOOST_TEST(w.loads == loads + 1);
  BOOST_TEST(static_cast<bool>(w.cache->try_get("c")));
  w.put("f");
  BOOST_TEST(!w.cache->peek("d"));
  BOOST_TEST(static_cast<bool>(w.cache->peek("c")));
  w.end();
}

// CA23: a capacity of one
BOOST_AUTO_TEST_CASE(a_cache_of_one_entry_works) {
  world w(1, world::plain(1));
  for (auto const* key : {"a", "b", "a"}) {
    BOOST_TEST(w.get_now(key).is_value());
    BOOST_TEST(w.cache->size() == 1U);
  }
  BOOST_TEST(w.loads == 3);
  BOOST_TEST(w.cache->stats().disposed(disposal_reason::capacity) == 2U);
  w.end();
}

// CA25, CA40
BOOST_AUTO_TEST_CASE(a_victim_is_one_that_nobody_leases_if_there_is_one) {
  world w(1, world::plain(3));
  std::vector<lease<thing_ptr>> held;
  for (auto const* key : {"a", "b", "c"}) {
    w.put(key);
    held.push_back(w.cache->peek(key));
  }
  held[1].release();
  w.put("d");
  w.sim.run();
  BOOST_TEST((w.end_of(2) == disposal_reason::capacity));  // b, though a is older
  auto const d = w.cache->peek("d");
  w.put("e");                                              // all are leased: a leaves, and is closed later
  w.sim.run_for(1s);
  BOOST_TEST(!w.cache->peek("a"));
  BOOST_TEST(!w.end_of(1));
  BOOST_TEST(w.cache->size() == 3U);
  BOOST_TEST(w.cache->stats().draining == 1U);
  BOOST_TEST((*held[0])->number == 1);
  BOOST_TEST(!(*held[0])->is_closed);
  held[0].release();
  w.sim.run_for(1ms);
  BOOST_TEST((w.end_of(1) == disposal_reason::capacity));
  BOOST_TEST(w.sim.outstanding() == 0U);  // the drain alarm was taken back
}

}  // namespace mooring::test
