#include "session/session_world.hpp"

using namespace mooring;
using namespace mooring::test;

namespace {

// RA42: nobody finds the id alive any more; RA48: but for a get that joins a check that was running before.
void check_dead(session_world& w, std::string const& id, std::function<bool(std::size_t)> const& may_join = {}) {
  BOOST_TEST(!w.record(id).has_value(), "seed " << w.sim.seed());
  for (std::size_t i = 0; i < w.replicas.size(); ++i) {
    bool const is_open_to_join = may_join && may_join(i);
    auto const got = w.run(w.m(i).get(id, {}));
    BOOST_REQUIRE_MESSAGE(got.has_value(), "seed " << w.sim.seed() << ": " << got.error().message());
    if (!is_open_to_join) BOOST_TEST(!*got, "seed " << w.sim.seed() << ", replica " << i);
    auto const again = w.run(w.m(i).get(id, {}));
    BOOST_TEST((again && !*again), "seed " << w.sim.seed() << ", replica " << i);
  }
  BOOST_TEST(!w.record(id).has_value(), "seed " << w.sim.seed());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(session_races)

// RA01, RA02, RA03, SM07, RA42: terminate at any moment of phase two, on the same replica or another.
BOOST_AUTO_TEST_CASE(terminate_during_create_leaves_the_id_dead_and_nothing_open) {
  std::size_t created = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    session_world w(seed, with_replicas(2));
    auto const id = *w.run(w.m().generate());
    auto creating = w.start(w.m(0).create(id, {}, open_parameters({"a"})));
    some_steps(w, 45);
    auto ending = w.start(w.m(seed % 2).terminate(id, {}));
    w.finish(ending);
    w.finish(creating);
    BOOST_REQUIRE(ending.look());
    created += creating.look().has_value();
    if (!creating.look()) BOOST_TEST(creating.look().error() == errc::not_found, "seed " << seed << ": " << creating.look().error().message());
    static_cast<void>(creating.take());
    check_dead(w, id);
    w.sim.run_for(1s);
    // RA03: on the replica that terminated it is closed without another request.
    BOOST_TEST(w.book->is_balanced(), "seed " << seed);
    w.end();
  }
  BOOST_TEST(created > 50u);
  BOOST_TEST(created < 1950u);
}

// SM07: a replica that remembers no terminated ids says so too
BOOST_AUTO_TEST_CASE(create_that_is_terminated_is_not_found_without_tombstones) {
  std::size_t ended = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    auto how = with_replicas(1);
    how.options.max_tombstones = 0;
    session_world w(seed, how);
    auto const id = *w.run(w.m().generate());
    auto creating = w.start(w.m().create(id, {}, open_parameters({"a"})));
    some_steps(w, 45);
    auto ending = w.start(w.m().terminate(id, {}));
    w.finish(ending);
    w.finish(creating);
    ended += !creating.look();
    if (!creating.look()) BOOST_TEST(creating.look().error() == errc::not_found, "seed " << seed << ": " << creating.look().error().message());
    static_cast<void>(creating.take());
    w.end();
  }
  BOOST_TEST(ended > 50u);
}

// C5: whoever is cancelled is told so; nothing is thrown out of a get
BOOST_AUTO_TEST_CASE(get_cancelled_amid_a_creation_ends_with_an_answer) {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    session_world w(seed, with_replicas(1));
    auto const id = *w.run(w.m().generate());
    auto creating = w.start(w.m().create(id, {}, open_parameters({"a"})));
    some_steps(w, 45);
    auto getting = w.start(w.m().get(id, {}));
    some_steps(w, 12);
    getting.cancel();
    w.finish(getting);
    BOOST_CHECK_NO_THROW(getting.look());
    w.finish(creating);
    static_cast<void>(creating.take());
    static_cast<void>(getting.take());
    w.end();
  }
}

// RA01, SM07: also where this replica has seen the absence before it has cached its session.
BOOST_AUTO_TEST_CASE(create_whose_session_ends_before_it_is_cached_is_not_found) {
  session_world w(1, with_replicas(2));
  auto const id = *w.run(w.m().generate());
  link_options slow;
  slow.reply = 4s;
  w.link().decide([&](storage_operation o, std::size_t) {
    w.link().set_options(o == storage_operation::update_if ? slow : link_options());  // of the next call, that which writes the hints
    return storage_fault::none;
  });
  auto creating = w.start(w.m(0).create(id, {}, open_parameters({"a"})));
  while (!w.record(id)->hints.contains("a")) w.sim.step();
  BOOST_TEST(w.run(w.m(1).terminate(id, {})).has_value());
  BOOST_TEST(w.run(w.m(0).notify_backend_expired(id, {}, "a")).has_value());
  BOOST_TEST(!creating.is_done());
  w.finish(creating);
  BOOST_REQUIRE(!creating.look());
  BOOST_TEST(creating.look().error() == errc::not_found, creating.look().error().message());
  w.end();
}

// RA04, RA43, SM08
BOOST_AUTO_TEST_CASE(of_two_creates_one_lives_and_the_other_fails_and_is_closed) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    session_world w(seed, with_replicas(2));
    auto const id = *w.run(w.m().generate());
    auto one = w.start(w.m(0).create(id, {}, open_parameters({"a"})));
    auto two = w.start(w.m(seed % 2).create(id, {}, open_parameters({"a"})));
    w.finish(one);
    w.finish(two);
    BOOST_TEST(one.look().has_value() + two.look().has_value() == 1);
    auto const& failed = one.look() ? two.look() : one.look();
    BOOST_TEST((failed.error() == errc::exists || failed.error() == errc::not_found), failed.error().message());
    w.sim.run_for(1s);
    BOOST_TEST(w.book->open() == 1u);
    BOOST_TEST(w.record(id).has_value());
    static_cast<void>(one.take());
    static_cast<void>(two.take());
    for (std::size_t i = 0; i < 2; ++i) BOOST_TEST(static_cast<bool>(*w.run(w.m(i).get(id, {}))));
    BOOST_TEST(w.run(w.m(1).create(id, {}, open_parameters())).error() == errc::exists);
    w.end();
  }
}

// RA05
BOOST_AUTO_TEST_CASE(failed_create_erases_only_its_own_placeholder) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    session_world w(seed, with_replicas(2));
    auto const id = *w.run(w.m().generate());
    w.f(0).instead = [](auto&) { return std::optional(result<opened<test_session>>(make_error_code(errc::busy))); };
    auto failing = w.start(w.m(0).create(id, {}, open_parameters({"a"})));
    some_steps(w, 20);
    auto creating = w.start(w.m(1).create(id, {}, open_parameters({"a"})));
    w.finish(failing);
    w.finish(creating);
    BOOST_TEST(failing.look().has_error());
    bool const is_live = creating.look().has_value();
    BOOST_TEST(w.record(id).has_value() == is_live);
    static_cast<void>(creating.take());
    w.f(0).instead = nullptr;
    for (std::size_t i = 0; i < 2; ++i) BOOST_TEST(static_cast<bool>(*w.run(w.m(i).get(id, {}))) == is_live);
    w.end();
  }
}

// RA06: never absent, never half-made.
BOOST_AUTO_TEST_CASE(early_user_of_an_id_waits_or_is_told_not_ready) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    session_world w(seed, with_replicas(2));
    auto const id = *w.run(w.m().generate());
    auto creating = w.start(w.m(0).create(id, {}, open_parameters({"a"})));
    std::vector<call<result<test_lease>>> gets;
    for (std::size_t i = 0; i < 6; ++i) {
      some_steps(w, 10);
      gets.push_back(w.start(w.m(i % 2).get(id, {})));
    }
    w.finish(creating);
    BOOST_REQUIRE(creating.look());
    for (auto& one : gets) {
      w.finish(one);
      if (one.look()) BOOST_TEST(static_cast<bool>(*one.look()), "seed " << seed);
      else BOOST_TEST(one.look().error() == errc::not_ready, "seed " << seed << ": " << one.look().error().message());
    }
    gets.clear();
    static_cast<void>(creating.take());
    w.end();
  }
}

// RA14, RA15, RA42, RA48: terminate while both replicas serve and restore.
BOOST_AUTO_TEST_CASE(terminate_while_requests_run_leaves_no_session_anywhere) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    auto how = with_replicas(3);
    how.options.sweep_interval = 1s;
    session_world w(seed, how);
    auto const id = w.opened();
    std::vector<call<result<test_lease>>> gets;
    for (std::size_t i = 0; i < 6; ++i) gets.push_back(w.start(w.m(i % 3).get(id, {})));
    some_steps(w, 40);
    auto ending = w.start(w.m(seed % 3).terminate(id, {}));
    w.finish(ending);
    BOOST_REQUIRE(ending.look());
    auto const terminator = static_cast<std::size_t>(seed % 3);
    check_dead(w, id, [&](std::size_t replica) {
      bool is_running = false;
      for (std::size_t i = replica; i < gets.size(); i += 3) is_running = is_running || !gets[i].is_done();
      return is_running && replica != terminator;
    });
    for (auto& one : gets) {
      w.finish(one);
      BOOST_REQUIRE(one.look());
    }
    gets.clear();
    w.sim.run_for(3s);
    BOOST_TEST(w.book->is_balanced(), "seed " << seed);
    w.end();
  }
}

// RA42, RA33: all operations of three replicas at random, over links that fail: nothing comes back to life, nothing is closed twice, every call ends.
BOOST_AUTO_TEST_CASE(random_operations_over_failing_links_keep_the_invariants) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    auto how = with_replicas(3);
    how.options.cache_capacity = 2;
    how.options.sweep_interval = 2s;
    how.options.deadlines.shutdown = 2s;
    how.link.faults_permille = seed % 2 == 0 ? 0 : 60;
    session_world w(seed, how);
    std::vector<std::string> ids;
    for (int i = 0; i < 3; ++i) {
      auto made = w.run(w.m(static_cast<std::size_t>(i)).open(named("alice"), open_parameters({"a", "b", "c"})));
      if (made) ids.push_back(made->id);
    }
    if (ids.empty()) continue;
    std::map<std::string, bool> is_dead;
    decorator<test_session> const add = [](std::shared_ptr<test_session> s, metadata d) {
      d["n"] += "x";
      auto next = std::make_shared<test_session>(*s);
      next->decorations.push_back("x");
      return result<decoration<test_session>>(decoration<test_session>(next, d));
    };
    std::vector<call<result<test_lease>>> leases;
    std::vector<std::pair<std::string, call<result<termination>>>> ends;
    std::vector<call<result<>>> notes;
    std::vector<call<result<validity>>> validations;
    for (int i = 0; i < 25; ++i) {
      auto const& id = ids[w.sim.random(ids.size())];
      auto& m = w.m(w.sim.random(3));
      auto const who = named(w.sim.random(8) == 0 ? "bob" : "alice");
      switch (w.sim.random(10)) {
        case 0: ends.emplace_back(id, w.start(m.terminate(id, named("alice")))); break;
        case 1: notes.push_back(w.start(m.notify_backend_expired(id, who, w.sim.random(2) == 0 ? "a" : "b"))); break;
        case 2: leases.push_back(w.start(m.decorate(id, who, add))); break;
        case 3: validations.push_back(w.start(m.validate(id, who))); break;
        case 4:
          if (!leases.empty()) leases[w.sim.random(leases.size())].cancel();
          break;
        case 5: w.sim.run_for(duration(w.sim.random(3'000'000'000))); break;
        default: leases.push_back(w.start(m.get(id, who)));
      }
      some_steps(w, 12);
      for (auto const& [ended, one] : ends)
        if (one.is_done()) {
          auto copy = one;
          if (copy.look().has_value()) is_dead[ended] = true;
        }
      for (auto const& [dead, yes] : is_dead) BOOST_REQUIRE_MESSAGE(!w.record(dead).has_value(), "back to life, seed " << seed);
      BOOST_REQUIRE_MESSAGE(w.book->is_never_closed_twice(), "closed twice, seed " << seed);
      for (auto& r : w.replicas) BOOST_REQUIRE(r.manager->stats().cache.size <= 2u);
    }
    for (auto& one : leases) {
      w.finish(one);
      auto const made = one.take();
      if (made && *made) BOOST_TEST(made->value()->request.owner.is_same_as(named("alice")));
    }
    for (auto& [id, one] : ends) w.finish(one);
    for (auto& one : notes) w.finish(one);
    for (auto& one : validations) w.finish(one);
    for (auto& r : w.replicas) r.link->set_options(link_options());
    w.sim.run_for(20s);
    for (auto const& [dead, yes] : is_dead) {
      BOOST_TEST(!w.record(dead).has_value(), "back to life, seed " << seed);
      for (std::size_t i = 0; i < 3; ++i) BOOST_TEST(!*w.run(w.m(i).get(dead, named("alice"))), "seed " << seed);
    }
    w.end();
  }
}

// RA53
BOOST_AUTO_TEST_CASE(one_seed_gives_one_schedule) {
  auto const trace = [](std::uint64_t seed) {
    session_world w(seed, with_replicas(2));
    auto const id = w.opened();
    auto getting = w.start(w.m(1).get(id, {}));
    auto ending = w.start(w.m(0).terminate(id, {}));
    w.finish(getting);
    w.finish(ending);
    static_cast<void>(getting.take());
    w.end();
    return w.sim.trace();
  };
  for (std::uint64_t seed = 0; seed < 20; ++seed) BOOST_TEST(trace(seed) == trace(seed));
  BOOST_TEST(trace(1) != trace(2));
}

// RA51: the context dies after any step; the address sanitizer sees what is left behind.
BOOST_AUTO_TEST_CASE(world_may_end_after_any_step) {
  for (std::uint64_t cut = 0; cut < 700; ++cut) {
    session_world w(cut % 7, with_replicas(2));
    w.f(0).latency = 2ms;
    auto first = w.start(w.m(0).open({}, open_parameters({"a"})));
    for (std::uint64_t i = 0; i < cut && w.sim.steps() < cut && !first.is_done(); ++i) w.sim.step();
    if (!first.is_done() || !first.look()) continue;
    auto opened = first.take();
    auto const id = opened->id;
    auto get = w.start(w.m(1).get(id, {}));
    auto get_again = w.start(w.m(1).get(id, {}));
    auto note = w.start(w.m(0).notify_backend_expired(id, {}, "a"));
    auto decorating = w.start(w.m(0).decorate(id, {}, [](std::shared_ptr<test_session> s, metadata d) { return result<decoration<test_session>>(decoration<test_session>(s, d)); }));
    while (w.sim.steps() < cut && !get.is_done()) w.sim.step();
    auto end = w.start(w.m(1).terminate(id, {}));
    auto shut = w.start(session_world::shutdown_of(w.m(0)));
    while (w.sim.steps() < cut && w.sim.step()) {}
    if (cut % 3 == 0) w.replicas.clear();
    BOOST_TEST(w.book->is_never_closed_twice());
  }
}

BOOST_AUTO_TEST_SUITE_END()
