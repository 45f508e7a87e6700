#include "session/session_world.hpp"

#include <map>

using namespace mooring;
using namespace mooring::test;

BOOST_AUTO_TEST_SUITE(session_ending)

// SM49
BOOST_AUTO_TEST_CASE(sweep_closes_what_is_gone_or_stale_without_sliding_and_with_bounded_concurrency) {
  auto how = with_replicas(2);
  how.options.sweep_interval = 1min;
  how.options.sweep_concurrency = 3;
  how.link = {0ns, 10ms, 0ns, 5s, 0};
  session_world w(1, how);
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(w.opened());
  BOOST_TEST(w.run(w.m(1).terminate(ids[0], {})).has_value());
  BOOST_TEST(w.run(w.m(1).notify_backend_expired(ids[1], {}, "a")).has_value());
  auto const slid = w.link().calls(storage_operation::load) + w.link().calls(storage_operation::touch);
  auto const swept = w.link().calls(storage_operation::peek);
  w.sim.run_for(67s);
  BOOST_TEST(w.book->closed() == 2u);
  BOOST_TEST(w.link().calls(storage_operation::peek) == swept + 20);
  BOOST_TEST(w.link().calls(storage_operation::load) + w.link().calls(storage_operation::touch) == slid);
  // Not slid: what nobody asks for expires, and the next sweep closes it.
  w.sim.run_for(32min);
  BOOST_TEST(w.book->open() == 0u);
  w.end();
}

// SM51: a creation that has not come to its factory is not waited for
BOOST_AUTO_TEST_CASE(shutdown_ends_a_creation_that_still_reads) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    auto how = with_replicas(1);
    how.link = {1ms, 3ms, 0ns, 5s, 0};
    session_world w(seed, how);
    auto const id = *w.run(w.m().generate());
    w.f().hangs_in_open = true;
    auto creating = w.start(w.m().create(id, {}, open_parameters({"a"})));
    for (std::uint64_t i = w.sim.random(10); i > 0; --i) w.sim.step();
    auto const begun = w.sim.now();
    auto ending = w.start(session_world::shutdown_of(w.m()));
    w.finish(ending);
    BOOST_TEST((w.sim.now() - begun < 1s), "seed " << seed);
    w.finish(creating);
    BOOST_TEST((!creating.look() && creating.look().error() == errc::closed), "seed " << seed);
    w.end();
  }
}

// SM51, RA51: what a factory makes in the moment of a forced shutdown is closed too
BOOST_AUTO_TEST_CASE(session_made_at_the_deadline_of_a_shutdown_is_closed) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    auto how = with_replicas(2);
    how.link = {0ns, 0ns, 0ns, 5s, 0};
    session_world w(seed, how);
    auto const id = w.opened();
    w.f(1).exact_latency = 101ms;  // a shutdown waits for the last millisecond whatever it has used up before
    w.f(1).ignores_cancellation = true;
    auto getting = w.start(w.m(1).get(id, {}));
    while (w.f(1).running == 0) w.sim.step();
    auto ending = w.start(session_world::shutdown_of(w.m(1), call_options{100ms}));
    w.finish(ending);
    w.finish(getting);
    static_cast<void>(getting.take());
    w.end();
  }
}

// SM50
BOOST_AUTO_TEST_CASE(observer_hears_of_all_and_cannot_break_the_manager) {
  std::map<int, std::size_t> seen;
  std::map<std::string, std::size_t> operations;
  auto how = with_replicas(2);
  how.options.observer = [&](manager_event const& event) {
    ++seen[static_cast<int>(event.what)];
    ++operations[event.operation];
    throw std::runtime_error("a bad observer");
  };
  session_world w(1, how);
  auto const id = w.opened(named("alice"));
  static_cast<void>(w.run(w.m(1).get(id, named("alice"))));
  static_cast<void>(w.run(w.m(1).get(id, named("bob"))));
  static_cast<void>(w.run(w.m(1).terminate(id, named("alice"))));
  w.sim.run_for(1s);
  using kind = manager_event::kind;
  BOOST_TEST(seen[static_cast<int>(kind::created)] == 1u);
  BOOST_TEST(seen[static_cast<int>(kind::restored)] == 1u);
  BOOST_TEST(seen[static_cast<int>(kind::closed)] == 1u);
  BOOST_TEST(seen[static_cast<int>(kind::refused)] == 1u);
  BOOST_TEST(operations["create"] == 1u);
  BOOST_TEST(operations["update"] == 1u);
  BOOST_TEST(operations["erase"] == 1u);
  w.end();
}

// SM51, SM62, RA34
BOOST_AUTO_TEST_CASE(shutdown_drains_leases_closes_all_and_leaves_the_records) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    session_world w(seed, with_replicas(2));
    auto opened = w.run(w.m().open({}, open_parameters()));
    auto const idle = w.opened();
    auto const begun = w.sim.now();
    auto one = w.start(session_world::shutdown_of(w.m()));
    auto two = w.start(session_world::shutdown_of(w.m()));
    w.sim.run_for(2s);
    BOOST_TEST(!one.is_done());
    BOOST_TEST(!opened->lease->is_closed);
    BOOST_TEST(w.book->closed_for(disposal_reason::shutdown) == 1u);
    BOOST_TEST(w.run(w.m().get(idle, {})).error() == errc::closed);
    BOOST_TEST(w.run(w.m().open({}, open_parameters())).error() == errc::closed);
    BOOST_TEST(w.run(w.m().generate()).error() == errc::closed);
    BOOST_TEST(w.run(w.m().validate(idle, {})).error() == errc::closed);
    BOOST_TEST(w.run(w.m().terminate(idle, {})).error() == errc::closed);
    bool const is_released = seed % 2 == 0;
    if (is_released) opened->lease.release();
    w.finish(one);
    w.finish(two);
    BOOST_TEST((is_released ? w.sim.now() - begun < 3s : w.sim.now() - begun <= 10s + 10ms));
    if (!is_released) BOOST_TEST(opened->lease.status() == errc::revoked);
    BOOST_TEST(w.book->closed_for(disposal_reason::shutdown) == 2u);
    auto three = w.start(session_world::shutdown_of(w.m()));
    w.finish(three);
    for (auto const& id : {opened->id, idle}) BOOST_TEST(static_cast<bool>(*w.run(w.m(1).get(id, {}))));
    w.end();
  }
}

// RA34: before first use, and without.
BOOST_AUTO_TEST_CASE(shutdown_before_first_use_and_destruction_without_it_are_safe) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    session_world w(seed, with_replicas(2));
    w.replicas[0].manager.reset();
    auto one = w.start(session_world::shutdown_of(w.m(1)));
    w.finish(one);
    w.replicas[1].manager.reset();
    w.replicas.clear();
    BOOST_TEST(w.sim.run(10'000));
  }
}

// RA37
BOOST_AUTO_TEST_CASE(get_and_create_against_shutdown_end_with_a_lease_or_closed_and_leave_nothing_open) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    session_world w(seed, with_replicas(2));
    auto const id = w.opened({}, open_parameters({"a"}), 1);
    auto const minted = *w.run(w.m().generate());
    auto getting = w.start(w.m().get(id, {}));
    auto creating = w.start(w.m().create(minted, {}, open_parameters({"a"})));
    for (auto i = w.sim.random(40); i > 0; --i) w.sim.step();
    auto ending = w.start(session_world::shutdown_of(w.m()));
    w.finish(getting);
    w.finish(creating);
    if (!getting.look()) BOOST_TEST(getting.look().error() == errc::closed);
    if (!creating.look()) BOOST_TEST((creating.look().error() == errc::closed || creating.look().error() == errc::ambiguous));
    static_cast<void>(getting.take());
    static_cast<void>(creating.take());
    w.finish(ending);
    w.sim.run_for(61s);
    if (auto const left = w.record(minted)) BOOST_TEST((*state_of(left->value) == record_state::live));
    BOOST_TEST(w.m().stats().open_sessions == 0u);
    w.end();
  }
}

// RA38
BOOST_AUTO_TEST_CASE(two_terminates_both_succeed_and_each_replica_closes_once) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    session_world w(seed, with_replicas(2));
    auto const id = w.opened();
    BOOST_TEST(static_cast<bool>(*w.run(w.m(1).get(id, {}))));
    auto one = w.start(w.m(0).terminate(id, {}));
    auto two = w.start(w.m(seed % 2).terminate(id, {}));
    w.finish(one);
    w.finish(two);
    BOOST_TEST(one.look().has_value());
    BOOST_TEST(two.look().has_value());
    BOOST_TEST(one.look()->existed + two.look()->existed == 1);
    BOOST_TEST(!*w.run(w.m(1).get(id, {})));
    w.sim.run_for(1s);
    BOOST_TEST(w.book->is_balanced());
    w.end();
  }
}

// RA13: each storage operation has a whole deadline, however slow the one before it was.
BOOST_AUTO_TEST_CASE(slow_read_leaves_the_write_its_whole_deadline) {
  auto how = with_replicas(1);
  session_world w(1, how);
  auto const id = w.opened({}, open_parameters({"a", "b", "c", "d", "e", "f", "g", "h"}));
  w.link().set_options({4900ms, 0ns, 0ns, 5s, 0});
  bool was_beyond_one = false;
  for (auto const& backend : {"a", "b", "c", "d", "e", "f", "g", "h"}) {
    auto const begun = w.sim.now();
    BOOST_TEST(w.run(w.m().notify_backend_expired(id, {}, backend)).has_value());
    was_beyond_one = was_beyond_one || w.sim.now() - begun > 5s;
    auto const minted = w.run(w.m().generate());
    BOOST_REQUIRE(minted);
    BOOST_TEST(w.run(w.m().create(*minted, {}, open_parameters())).has_value());
  }
  BOOST_TEST(was_beyond_one);
  BOOST_TEST(read_record(w.record(id)->value)->backends.empty());
  // A deadline of the call's own is for each operation too.
  w.link().set_options({90ms, 0ns, 0ns, 5s, 0});
  for (int i = 0; i < 20; ++i) BOOST_TEST(w.run(w.m().terminate("unknown", {}, {.deadline = 100ms})).has_value());
  BOOST_TEST(w.run(w.m().terminate("unknown", {}, {.deadline = 0ns})).error() == errc::deadline_exceeded);
  w.link().set_options({});
  w.end();
}

// SM52 to SM59: with a storage that never answers, each operation ends when its own steps' deadlines have passed.
BOOST_AUTO_TEST_CASE(silent_storage_ends_every_operation_at_its_deadline) {
  session_world w(1);
  auto const id = w.opened();
  auto const minted = *w.run(w.m().generate());
  w.link().decide([](storage_operation, std::size_t) { return storage_fault::no_request; });
  auto const took = [&](auto&& work) {
    auto const begun = w.sim.now();
    auto const ended = w.run(std::move(work));
    BOOST_TEST(ended.has_error());
    return w.sim.now() - begun;
  };
  // Ambiguous writes are taken back: 5 s more for each attempt.
  BOOST_TEST((took(w.m().generate()) == 20s));                                   // SM53
  BOOST_TEST((took(w.m().create(minted, {}, open_parameters())) == 5s));         // SM54: its read
  BOOST_TEST((took(w.m().validate("other", {})) == 3s));                         // SM56
  BOOST_TEST((took(w.m().get("other", {})) == 3s));                              // SM56
  BOOST_TEST((took(w.m().notify_backend_expired(id, {}, "a")) == 5s));           // SM58
  BOOST_TEST((took(w.m().terminate(id, {})) == 10s));                            // SM59: erase, confirm
  w.link().decide(nullptr);
  w.end();
}

// RA45: a call's own deadline is that of each of its storage operations, of hints and inner gets too.
BOOST_AUTO_TEST_CASE(silent_storage_ends_every_operation_at_the_deadline_of_its_own) {
  session_world w(1);
  auto const id = w.opened();
  auto const minted = *w.run(w.m().generate());
  w.link().decide([](storage_operation what, std::size_t) { return what == storage_operation::update_hints ? storage_fault::no_request : storage_fault::none; });
  auto const took = [&](auto&& work) {
    auto const begun = w.sim.now();
    static_cast<void>(w.run(std::move(work)));
    return w.sim.now() - begun;
  };
  BOOST_TEST((took(w.m().create(minted, {}, open_parameters({"a"}), call_options{50ms})) < 200ms));
  w.link().decide([](storage_operation, std::size_t) { return storage_fault::no_request; });
  BOOST_TEST((took(w.m().decorate(id, {}, [](auto s, metadata d) { return result<decoration<test_session>>(decoration<test_session>(s, d)); }, call_options{50ms})) <= 100ms));
  BOOST_TEST((took(w.m().validate(id, {}, call_options{50ms})) == 50ms));
  BOOST_TEST((took(w.m().terminate(id, {}, call_options{50ms})) == 100ms));
  w.link().decide(nullptr);
  w.end();
}

BOOST_AUTO_TEST_SUITE_END()
