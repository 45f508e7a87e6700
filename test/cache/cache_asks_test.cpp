#include "cache/cache_world.hpp"

// Checks that answer at once: a get asks them under a lease, without a flight.

namespace mooring::test {

// CA33, CA37
BOOST_AUTO_TEST_CASE(a_set_within_a_check_that_answers_at_once_wins) {
  for (auto const said : {verdict::alive, verdict::expired}) {
    world w(1);
    auto const old = w.put("a");
    int fresh = 0;
    w.on_check = [&](auto const&, auto const&) -> result<verdict> {
      if (fresh == 0) fresh = w.put("a");
      return said;
    };
    BOOST_TEST(w.get_now("a").number() == fresh);
    BOOST_TEST(w.loads == 0);
    BOOST_TEST(w.checks == 1);
    BOOST_TEST((w.end_of(old) == disposal_reason::replaced));
    auto const seen = w.cache->stats();
    BOOST_TEST(seen.hits == 1U);
    BOOST_TEST(seen.checks_alive + seen.checks_expired == 1U);
    w.end();
  }
}

// CA33, CA37, CA38
BOOST_AUTO_TEST_CASE(after_an_erase_within_a_check_that_answers_at_once_the_value_is_loaded_anew) {
  for (auto const said : {verdict::alive, verdict::expired}) {
    world w(1);
    auto const old = w.put("a");
    w.on_check = [&](auto const&, auto const&) -> result<verdict> {
      w.cache->erase("a");
      return said;
    };
    auto const got = w.get_now("a");
    BOOST_TEST(got.is_value());
    BOOST_TEST(got.number() != old);
    BOOST_TEST(w.loads == 1);
    BOOST_TEST((w.end_of(old) == disposal_reason::terminated));
    BOOST_TEST(w.cache->stats().hits == 0U);
    BOOST_TEST(w.cache->stats().misses == 1U);
    const_cast<answer&>(got).leased.release();
    w.end();
  }
}

// CA15, CA41
BOOST_AUTO_TEST_CASE(a_value_is_not_closed_while_it_is_asked_about_even_without_time_to_drain) {
  auto options = world::plain();
  options.drain_deadline = 0ns;
  world w(1, options);
  auto const old = w.put("a");
  w.on_check = [&](auto const&, auto const&) -> result<verdict> {
    w.cache->erase("a");
    BOOST_TEST(w.cache->stats().draining == 1U);
    BOOST_TEST(w.cache->stats().disposing == 0U);
    return verdict::alive;
  };
  BOOST_TEST(w.get_now("a").is_value());
  BOOST_TEST((w.end_of(old) == disposal_reason::terminated));
  w.end();
}

// CA17
BOOST_AUTO_TEST_CASE(a_try_get_whose_value_is_not_accepted_asks_nothing_and_is_no_use) {
  world w(1);
  w.put("a");
  w.put("b");
  BOOST_TEST(!w.cache->try_get_if("a", [](thing_ptr const& value) { return value->key != "a"; }));
  BOOST_TEST(w.checks == 0);
  BOOST_TEST(w.cache->stats().hits == 0U);
  BOOST_TEST(w.cache->keys().front() == "b");
  BOOST_TEST(static_cast<bool>(w.cache->try_get_if("a", [](thing_ptr const& value) { return value->key == "a"; })));
  BOOST_TEST(w.checks == 1);
  BOOST_TEST(w.cache->keys().front() == "a");
  w.end();
}

// CA17, CA44
BOOST_AUTO_TEST_CASE(a_try_get_that_cannot_tell_counts_no_hit_and_leaves_the_entry) {
  world w(1);
  w.put("a");
  w.on_check = [](auto const&, auto const&) -> result<verdict> { return verdict::expired; };
  BOOST_TEST(!w.cache->try_get("a"));
  w.check_time = 1ms;
  BOOST_TEST(!w.cache->try_get("a"));
  auto const seen = w.cache->stats();
  BOOST_TEST(seen.hits == 0U);
  BOOST_TEST(seen.checks_alive == 0U);
  BOOST_TEST(seen.checks_abandoned == 2U);
  BOOST_TEST(seen.size == 1U);
  w.end();
}

// CA16, CA27: what checks did last decides how they are asked, not what comes of it
BOOST_AUTO_TEST_CASE(checks_that_turn_from_at_once_to_later_and_back_are_shared_whenever_they_take_time) {
  world w(1);
  w.put("a");
  for (int round = 0; round < 3; ++round) {
    w.check_time = 0ms;
    for (int i = 0; i < 3; ++i) BOOST_TEST(w.get_now("a").is_value());
    BOOST_TEST(w.checks == 3);
    w.checks = 0;
    w.check_time = 5ms;
    for (int i = 0; i < 2; ++i) {
      call first, second;
      w.get(first, "a");
      w.get(second, "a");
      BOOST_TEST(w.sim.run());
      BOOST_TEST(first.got.is_value());
      BOOST_TEST(second.got.is_value());
    }
    BOOST_TEST(w.checks == 2);
    w.checks = 0;
  }
  BOOST_TEST(w.loads == 0);
  w.end();
}

}  // namespace mooring::test
