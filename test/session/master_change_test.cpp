#include "session/session_world.hpp"

using namespace mooring;
using namespace mooring::test;

// FA12: the storage's epoch has gone up, so that another server may have taken over, and what was read before proves nothing.

namespace {

session_world::setup checked_every(duration interval, std::optional<duration> max_stale = std::nullopt) {
  session_world::setup how;
  how.replicas = 2;
  how.options.check_interval = interval;
  if (max_stale) how.options.max_stale = *max_stale;
  return how;
}

bool is_served(session_world& w, std::string const& id) {
  auto const got = w.run(w.m().get(id, {}));
  BOOST_REQUIRE(got);
  return static_cast<bool>(*got);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(session_after_a_change_of_master)

BOOST_AUTO_TEST_CASE(each_session_is_checked_once_before_it_is_served) {
  session_world w(1, checked_every(60s));
  auto const gone = w.opened();
  auto const kept = w.opened();
  BOOST_TEST(w.run(w.m(1).terminate(gone, {})).has_value());
  BOOST_TEST(is_served(w, gone));  // within the interval
  w.link().take_over();
  BOOST_TEST(!is_served(w, gone));
  auto const before = w.link().calls();
  BOOST_TEST(is_served(w, kept));
  BOOST_TEST(w.link().calls() == before + 1);
  BOOST_TEST(is_served(w, kept));
  BOOST_TEST(w.link().calls() == before + 1);
  BOOST_TEST(w.book->closed() == 1u);
  w.end();
}

// A check that began before the change may end after it, and restores and creations may, too.
BOOST_AUTO_TEST_CASE(what_began_before_the_change_and_ends_after_it_proves_nothing) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    session_world w(seed, checked_every(seed % 2 == 0 ? duration() : duration(60s)));
    auto const id = w.opened({}, open_parameters({"a"}), seed % 3 == 0 ? 1 : 0);
    auto first = w.start(w.m().get(id, {}));
    for (auto steps = w.sim.random(20); steps > 0; --steps) w.sim.step();
    bool const was_running = !first.is_done();
    w.link().take_over();
    auto const before = w.link().calls();
    auto second = w.start(w.m().get(id, {}));
    w.finish(first);
    w.finish(second);
    BOOST_TEST(static_cast<bool>(*second.look()), "seed " << seed);
    BOOST_TEST(w.link().calls() > before, "seed " << seed << (was_running ? ", joined" : ""));
    first.take();
    second.take();
    BOOST_TEST(w.book->opened() == (seed % 3 == 0 ? 2u : 1u), "seed " << seed);
    w.end();
  }
}

BOOST_AUTO_TEST_CASE(a_check_that_fails_lets_a_session_serve_for_max_stale_since_its_last_good_one) {
  session_world w(1, checked_every(60s, 30s));
  auto const id = w.opened();
  w.sim.run_for(20s);
  w.link().take_over();
  w.link().cut_off(true);
  BOOST_TEST(is_served(w, id));
  w.sim.run_for(11s);
  BOOST_TEST(w.run(w.m().get(id, {})).error() == errc::unavailable);
  w.link().cut_off(false);
  BOOST_TEST(is_served(w, id));
  BOOST_TEST(w.book->opened() == 1u);
  w.end();

  session_world strict(1, checked_every(60s, duration()));
  auto const other = strict.opened();
  strict.link().take_over();
  strict.link().cut_off(true);
  BOOST_TEST(strict.run(strict.m().get(other, {})).error() == errc::unavailable);
  strict.end();
}

BOOST_AUTO_TEST_CASE(the_check_ends_with_its_get) {
  session_world w(1, checked_every(60s));
  auto const id = w.opened();
  w.sim.run_for(40s);
  w.link().take_over();
  w.link().fail(1, storage_fault::no_reply);
  auto const begun = w.sim.now();
  BOOST_TEST(w.run(w.m().get(id, {}, call_options{1s})).error() == errc::deadline_exceeded);
  BOOST_TEST((w.sim.now() - begun == 1s));
  w.link().fail(1, storage_fault::no_reply);
  auto cancelled = w.start(w.m().get(id, {}));
  w.sim.run_for(500ms);
  cancelled.cancel();
  w.finish(cancelled);
  BOOST_TEST(cancelled.take().error() == errc::cancelled);
  BOOST_TEST(is_served(w, id));
  BOOST_TEST(w.book->opened() == 1u);
  w.end();
}

// RA45: a read that is refused for its writes, and the plain one after it, share what is left of the deadline.
BOOST_AUTO_TEST_CASE(both_reads_of_the_check_end_with_its_get) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    auto how = checked_every(60s);
    how.link.travel = how.link.reply = 10ms;
    session_world w(seed, std::move(how));
    auto const id = w.opened();
    w.link().take_over();
    w.link().fail(1, storage_fault::server_error);
    w.link().fail(2, storage_fault::no_reply);
    auto const begun = w.sim.now();
    auto const before = w.link().calls();
    BOOST_TEST(w.run(w.m().get(id, {}, call_options{50ms})).has_value(), "seed " << seed);  // stale
    BOOST_TEST((w.sim.now() - begun == 50ms), "seed " << seed);
    BOOST_TEST(w.link().calls() == before + 2, "seed " << seed);
    w.end();
  }
}

BOOST_AUTO_TEST_CASE(a_session_that_is_being_decorated_stays) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    session_world w(seed, checked_every(60s));
    auto const id = w.opened();
    auto decorating = w.start(w.m().decorate(id, {}, adding("x")));
    for (auto steps = w.sim.random(40); steps > 0; --steps) w.sim.step();
    w.link().take_over();
    BOOST_TEST(is_served(w, id), "seed " << seed);
    w.finish(decorating);
    BOOST_TEST(decorating.take().has_value(), "seed " << seed);
    auto const after = w.run(w.m().get(id, {}));
    BOOST_REQUIRE((after && *after));
    BOOST_TEST((*after)->decorations.size() == 1u, "seed " << seed);
    BOOST_TEST(w.book->opened() == 1u, "seed " << seed);
    decorating.take();
    w.end();
  }
}

BOOST_AUTO_TEST_SUITE_END()
