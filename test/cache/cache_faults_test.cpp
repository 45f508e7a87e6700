#include "cache/cache_world.hpp"

#include <array>
#include <stdexcept>
#include <utility>

// The fail-loops: one get among two is cancelled, out of time, failed by each callback, and overtaken by each other operation, at each of its steps.

namespace mooring::test {
namespace {

enum class kind { hit, expired, miss };
constexpr std::array kinds{kind::hit, kind::expired, kind::miss};

/** Two gets of one key, of which the second is patient. */
struct scene {
  scene(kind k, std::uint64_t seed, call_options of_one = {}) : w(seed) {
    w.check_time = w.load_time = 2ms;
    w.dispose_time = 1ms;
    if (k != kind::miss) w.put("a");
    w.on_check = [k](std::string const&, thing_ptr const& value) {
      return result<verdict>(k == kind::expired && value->number == 1 ? verdict::expired : verdict::alive);
    };
    usual = k == kind::expired ? 2 : 1;
    from = w.sim.now();
    w.get(one, "a", of_one, 1);
    w.get(other, "a", {}, 2);
  }

  // False: the first get had ended before.
  bool step(std::size_t times) {
    for (std::size_t i = 0; i < times && !one.got.is_done; ++i)
      if (!w.sim.step()) break;
    return !one.got.is_done;
  }

  void end() {
    BOOST_TEST(w.sim.run());
    one.got.leased.release();
    other.got.leased.release();
    w.end();
  }

  world w;
  call one;
  call other;
  int usual = 0;  // the number of the value that both get when nothing happens
  time_point from;
};

constexpr std::size_t most_steps = 200;

}  // namespace

BOOST_AUTO_TEST_SUITE(cache_faults)

// CA29, RA45
BOOST_AUTO_TEST_CASE(a_get_that_is_cancelled_at_any_step_ends_and_harms_nobody) {
  std::size_t cancelled = 0;
  for (auto const k : kinds) {
    for (auto const type : {asio::cancellation_type::terminal, asio::cancellation_type::partial, asio::cancellation_type::total}) {
      for (std::uint64_t seed = 0; seed < 20; ++seed) {
        bool is_in_time = true;
        for (std::size_t steps = 0; steps < most_steps && is_in_time; ++steps) {
          scene s(k, seed);
          is_in_time = s.step(steps);
          s.one.signal.emit(type);
          BOOST_TEST(s.w.sim.run());
          // Cancelled before its first step it never ran.
          if (s.one.got.is_done) BOOST_TEST((s.one.got.error == errc::cancelled || s.one.got.number() == s.usual));
          else BOOST_TEST(steps <= 8U);
          BOOST_TEST(s.other.got.number() == s.usual);
          BOOST_TEST(s.w.loads - s.w.loads_cancelled <= 1);  // the first's alone may have been given up before the second came
          cancelled += s.one.got.error == errc::cancelled;
          s.end();
        }
      }
    }
  }
  BOOST_TEST(cancelled > 300U);
}

// CA28, CA31, RA45
BOOST_AUTO_TEST_CASE(a_get_whose_time_runs_out_at_any_moment_ends_then_and_harms_nobody) {
  for (auto const k : kinds) {
    bool is_whole = false;
    for (int i = 0; i < 100 && !is_whole; ++i) {
      auto const deadline = i * 250us;
      scene s(k, static_cast<std::uint64_t>(i), {.deadline = deadline});
      BOOST_TEST(s.w.sim.run());
      BOOST_REQUIRE(s.one.got.is_done);
      is_whole = !s.one.got.error;
      if (is_whole) BOOST_TEST(s.one.got.number() == s.usual);
      else BOOST_TEST((s.one.got.error == errc::deadline_exceeded && s.one.got.when == s.from + deadline));
      BOOST_TEST(s.other.got.number() == s.usual);
      BOOST_TEST(s.w.loads <= 1);
      s.end();
    }
    BOOST_TEST(is_whole);
  }
}

// CA03, CA07, CA12, CA42
BOOST_AUTO_TEST_CASE(a_callback_that_fails_at_any_call_fails_no_more_than_that_call) {
  for (auto const k : kinds) {
    for (bool const is_thrown : {false, true}) {
      for (int failing = 1; failing <= 3; ++failing) {
        scene s(k, static_cast<std::uint64_t>(failing));
        int calls = 0;
        bool is_load_failed = false;
        auto const fails = [&] {
          if (++calls != failing) return false;
          if (is_thrown) throw std::runtime_error("by the test");
          return true;
        };
        s.w.on_check = [&, usual = std::exchange(s.w.on_check, nullptr)](std::string const& key, thing_ptr const& value) {
          return fails() ? result<verdict>(make_error_code(errc::unavailable)) : usual(key, value);
        };
        s.w.on_load = [&](std::string const& key) {
          is_load_failed = is_load_failed || calls + 1 == failing;
          return fails() ? result<std::optional<thing_ptr>>(make_error_code(errc::unavailable)) : result<std::optional<thing_ptr>>(std::optional(s.w.make_thing(key)));
        };
        BOOST_TEST(s.w.sim.run());
        for (auto const* each : {&s.one.got, &s.other.got}) {
          BOOST_TEST(each->is_done);
          // A failed check is transient: what is cached serves.
          if (is_load_failed) BOOST_TEST((each->error == (is_thrown ? errc::load_failed : errc::unavailable)));
          else BOOST_TEST((each->is_value() && each->number() <= s.usual));
        }
        s.w.on_load = nullptr;
        s.w.on_check = nullptr;
        auto next = s.w.get_now("a");
        BOOST_TEST(next.is_value());
        next.leased.release();
        s.end();
      }
    }
  }
}

// CA35, CA36, CA37, CA38, CA45, RA16, RA18, RA19
BOOST_AUTO_TEST_CASE(a_get_that_is_overtaken_at_any_step_gets_what_holds_then) {
  enum class event { set, erase, erase_and_set, close };
  for (auto const k : kinds) {
    for (auto const what : {event::set, event::erase, event::erase_and_set, event::close}) {
      for (std::size_t round = 0, steps = 0; round < 20 && steps < most_steps; ++steps) {
        scene s(k, round);
        bool const is_in_time = s.step(steps);
        int const made_before = s.w.made;
        int fresh = 0;
        bool is_closed = false;
        if (what == event::erase || what == event::erase_and_set) s.w.cache->erase("a", disposal_reason::terminated);
        if (what == event::set || what == event::erase_and_set) fresh = s.w.put("a");
        if (what == event::close) asio::co_spawn(s.w.sim.get_executor(), s.w.close_and_tell(&is_closed), rethrow);
        if (what == event::close) s.w.is_closing = true;
        call late;
        if (what != event::close) s.w.get(late, "a", {}, 3);
        BOOST_TEST(s.w.sim.run());
        for (auto const* each : {&s.one.got, &s.other.got}) {
          BOOST_TEST_INFO_SCOPE("kind " << static_cast<int>(k) << ", event " << static_cast<int>(what) << ", step " << steps);
          BOOST_REQUIRE(each->is_done);
          if (what == event::close) BOOST_TEST((each->error == errc::closed || each->number() == s.usual));
          else if (fresh != 0) BOOST_TEST((each->number() == fresh || each->number() == s.usual));
          else BOOST_TEST(each->is_value());
        }
        // Begun after the event: nothing older is seen.
        if (fresh != 0) BOOST_TEST(late.got.number() == fresh);
        if (what == event::erase) BOOST_TEST(late.got.number() > made_before);
        if (what != event::close) late.got.leased.release();
        s.one.got.leased.release();
        s.other.got.leased.release();
        BOOST_TEST(s.w.sim.run());
        if (what == event::close) BOOST_TEST(is_closed);
        s.end();
        if (is_in_time) continue;
        ++round;
        steps = 0;
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace mooring::test
