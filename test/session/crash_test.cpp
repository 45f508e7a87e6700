#include "session/session_world.hpp"

#include <functional>

using namespace mooring;
using namespace mooring::test;

// FA14: one of two replicas is killed after each step of an operation in turn: nothing more leaves it, and nothing that comes back is heard.

namespace {

/** Two replicas, of which the first may be killed. */
struct crash_world : session_world {
  explicit crash_world(std::uint64_t seed) : session_world(seed, with_replicas(2)) {
    link(0).on_call([this](storage_operation, std::string const& id) {
      if (first_id.empty()) first_id = id;
    });
  }

  // What it has sent already is carried out.
  void kill_first() {
    link(0).cut_off(true);
    replicas[0].manager.reset();
    sim.run_for(10s);
  }

  std::size_t records() { return store->table.size(sim.now()); }

  void end_second() {
    auto ending = start(shutdown_of(m(1)));
    finish(ending);
    sim.run_for(30s);
    BOOST_TEST(book->is_never_closed_twice());
  }

  std::string first_id;  // that the first replica asked the storage about: minting tries once more, with another
};

// Runs `begin` and kills the first replica after 0, 1, 2, ... steps, until it had ended before; then `look` sees what is left.
template <class T>
void kill_at_every_step(std::function<call<T>(crash_world&, std::string const& id)> begin, bool needs_session,
                        std::function<void(crash_world&, std::string const& id, std::optional<result<>> ended)> look) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    bool has_ended = false;
    for (std::size_t steps = 0; !has_ended && steps < 1000; ++steps) {
      BOOST_TEST_INFO_SCOPE("seed " << seed << ", killed after " << steps << " steps");
      crash_world w(seed);
      auto const id = needs_session ? w.opened(named("alice"), open_parameters({"a", "b"}), seed % 2) : std::string();
      auto running = begin(w, id);
      for (std::size_t i = 0; i < steps && !running.is_done(); ++i) w.sim.step();
      has_ended = running.is_done();
      std::optional<result<>> ended;
      if (has_ended) ended = running.look().has_error() ? result<>(running.look().error()) : result<>();
      if (has_ended) running.take();
      w.kill_first();
      look(w, id, ended);
      w.end_second();
    }
    BOOST_TEST(has_ended);
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(session_crashes)

BOOST_AUTO_TEST_CASE(creation_leaves_a_session_that_another_serves_or_a_placeholder_that_expires) {
  std::size_t nothing = 0, placeholders = 0, sessions = 0;
  kill_at_every_step<result<opened_session<test_session>>>(
      [](crash_world& w, std::string const&) { return w.start(w.m(0).open(named("alice"), open_parameters({"a"}))); }, false,
      [&](crash_world& w, std::string const&, std::optional<result<>> ended) {
        auto const got = w.first_id.empty() ? result<test_lease>() : w.run(w.m(1).get(w.first_id, named("alice")));
        bool const is_live = got && *got;
        sessions += is_live;
        placeholders += !got && got.error() == errc::not_ready;
        nothing += got && !*got;
        BOOST_TEST((got || got.error() == errc::not_ready));
        BOOST_TEST((!ended || is_live));
        BOOST_TEST(w.records() == (got && !*got ? 0U : 1U));
        w.sim.run_for(60s);
        BOOST_TEST(w.records() == (is_live ? 1U : 0U));
      });
  BOOST_TEST(nothing > 0U);
  BOOST_TEST(placeholders > 0U);
  BOOST_TEST(sessions > 0U);
}

BOOST_AUTO_TEST_CASE(change_leaves_the_record_as_it_was_or_as_it_was_to_be) {
  std::size_t before = 0, after = 0;
  kill_at_every_step<result<test_lease>>([](crash_world& w, std::string const& id) { return w.start(w.m(0).decorate(id, named("alice"), adding("x"))); }, true,
                                         [&](crash_world& w, std::string const& id, std::optional<result<>> ended) {
                                           auto const got = w.run(w.m(1).get(id, named("alice")));
                                           BOOST_REQUIRE((got && *got));
                                           bool const is_changed = (*got)->request.data.contains("x");
                                           BOOST_TEST((!ended || is_changed));
                                           (is_changed ? after : before) += 1;
                                         });
  BOOST_TEST(before > 0U);
  BOOST_TEST(after > 0U);
}

BOOST_AUTO_TEST_CASE(lost_backend_is_off_the_list_or_still_on_it) {
  std::size_t before = 0, after = 0;
  kill_at_every_step<result<>>([](crash_world& w, std::string const& id) { return w.start(w.m(0).notify_backend_expired(id, named("alice"), "a")); }, true,
                               [&](crash_world& w, std::string const& id, std::optional<result<>> ended) {
                                 auto const got = w.run(w.m(1).get(id, named("alice")));
                                 BOOST_REQUIRE((got && *got));
                                 bool const is_off = (*got)->request.backends == std::vector<std::string>{"b"};
                                 BOOST_TEST((!ended || is_off));
                                 (is_off ? after : before) += 1;
                               });
  BOOST_TEST(before > 0U);
  BOOST_TEST(after > 0U);
}

BOOST_AUTO_TEST_CASE(termination_leaves_a_session_that_another_serves_or_nothing) {
  std::size_t live = 0, gone = 0;
  kill_at_every_step<result<termination>>([](crash_world& w, std::string const& id) { return w.start(w.m(0).terminate(id, named("alice"))); }, true,
                                          [&](crash_world& w, std::string const& id, std::optional<result<>> ended) {
                                            auto const got = w.run(w.m(1).get(id, named("alice")));
                                            BOOST_REQUIRE(got.has_value());
                                            BOOST_TEST((!ended || !*got));
                                            (*got ? live : gone) += 1;
                                          });
  BOOST_TEST(live > 0U);
  BOOST_TEST(gone > 0U);
}

BOOST_AUTO_TEST_CASE(restore_leaves_a_session_that_another_serves) {
  kill_at_every_step<result<test_lease>>([](crash_world& w, std::string const& id) { return w.start(w.m(0).get(id, named("alice"))); }, true,
                                         [](crash_world& w, std::string const& id, std::optional<result<>>) {
                                           auto const got = w.run(w.m(1).get(id, named("alice")));
                                           BOOST_TEST((got && *got));
                                         });
}

BOOST_AUTO_TEST_SUITE_END()
