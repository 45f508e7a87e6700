#include "session/session_world.hpp"

using namespace mooring;
using namespace mooring::test;

// Two operations of one id that cross on one replica, where a reply is slow, lost or refused.

namespace {

// Meets the first `times` calls of an operation with a fault.
std::function<storage_fault(storage_operation, std::size_t)> first(int times, storage_operation which, storage_fault fault) {
  return [=](storage_operation what, std::size_t) mutable { return what == which && times-- > 0 ? fault : storage_fault::none; };
}

// Steps until an operation has begun once more.
void step_to_next(session_world& w, std::size_t on, storage_operation which) {
  auto const before = w.link(on).calls(which);
  while (w.link(on).calls(which) == before) BOOST_REQUIRE(w.sim.step());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(session_crossings)

// SM26, RA48: a restore that the storage refused to confirm is served to whoever waited for it, and made once.
BOOST_AUTO_TEST_CASE(get_serves_what_was_restored_for_it_though_the_restore_took_longer_than_max_stale) {
  auto how = with_replicas(2);
  how.options.max_stale = 0s;
  session_world w(1, how);
  auto const id = w.opened();
  w.f(1).exact_latency = 100ms;
  w.link(1).decide([](storage_operation o, std::size_t) {
    return o == storage_operation::touch || o == storage_operation::update_hints ? storage_fault::server_error : storage_fault::none;
  });
  for (int i = 0; i < 2; ++i) {
    auto const got = w.run(w.m(1).get(id, {}));
    BOOST_TEST((got && *got));
    BOOST_TEST(w.f(1).requests.size() == 1u);
  }
  w.end();
}

// SM20, SM35: while a creation waits for the reply to its write, nobody restores its session beside it, to be decorated and then replaced.
BOOST_AUTO_TEST_CASE(creation_that_hears_late_of_its_write_replaces_no_decorated_session) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    auto how = with_replicas(1);
    how.options.check_interval = 10s;
    session_world w(seed, how);
    auto const id = *w.run(w.m().generate());
    std::size_t peeks = 0, updates = 0;
    w.link().on_call([&](storage_operation what, std::string const&) {
      link_options way;
      if (what == storage_operation::peek && ++peeks == 1) way.travel = 1s;
      if (what == storage_operation::update_if && ++updates == 1) way.reply = 4s;
      w.link().set_options(way);
    });
    auto getting = w.start(w.m().get(id, {}));
    step_to_next(w, 0, storage_operation::peek);
    auto creating = w.start(w.m().create(id, {}, open_parameters({"a"})));
    w.finish(getting);
    BOOST_TEST(static_cast<bool>(*getting.take()));
    BOOST_TEST(w.run(w.m().decorate(id, {}, adding("x"))).has_value());
    w.finish(creating);
    BOOST_TEST(creating.take().has_value(), "seed " << seed);
    auto const got = w.run(w.m().get(id, {}));
    BOOST_REQUIRE((got && *got));
    BOOST_TEST((*got)->decorations.size() == 1u, "seed " << seed);
    BOOST_TEST(w.f().requests.size() == 1u, "seed " << seed);
  }
}

// SM35, SM47: as `session_rebuilt_before_the_hint_is_dropped_stays`, and decorated since.
BOOST_AUTO_TEST_CASE(session_rebuilt_and_decorated_before_the_hint_is_dropped_stays) {
  session_world w(1, with_replicas(1));
  auto const id = w.opened();
  w.link().decide(first(1, storage_operation::update_hints, storage_fault::no_reply));
  auto notifying = w.start(w.m().notify_backend_expired(id, {}, "a"));
  step_to_next(w, 0, storage_operation::update_hints);
  auto const decorated = w.run(w.m().decorate(id, {}, adding("x")));
  BOOST_TEST(decorated.has_value());
  BOOST_TEST(!notifying.is_done());
  w.finish(notifying);
  BOOST_TEST(notifying.look().has_value());
  auto const got = w.run(w.m().get(id, {}));
  BOOST_REQUIRE((got && *got));
  BOOST_TEST(((*got)->request.backends == std::vector<std::string>{"b"}));
  BOOST_TEST((*got)->decorations.size() == 1u);
  BOOST_TEST(w.m().stats().restored == 1u);
}

// SM07, SM41: the owner left a termination that was then refused: for this replica the id is gone all the same, also for the creation that runs.
BOOST_AUTO_TEST_CASE(creation_of_an_id_that_was_given_up_hands_out_no_session) {
  session_world w(1, with_replicas(1));
  auto const id = *w.run(w.m().generate());
  w.f().exact_latency = 1s;
  w.link().decide(first(1, storage_operation::erase_if, storage_fault::server_error));
  auto creating = w.start(w.m().create(id, {}, open_parameters({"a"})));
  while (w.f().requests.empty()) BOOST_REQUIRE(w.sim.step());
  auto ending = w.start(w.m().terminate(id, {}));
  step_to_next(w, 0, storage_operation::erase_if);
  ending.cancel();
  w.finish(ending);
  BOOST_TEST(ending.look().error() == errc::ambiguous);
  w.finish(creating);
  auto const made = creating.take();
  BOOST_TEST((!made && made.error() == errc::not_found));
  w.sim.run_for(1s);
  BOOST_TEST(w.book->open() == 0u);
  BOOST_TEST(!w.record(id).has_value());
  w.end();
}

// ID13, SM41: whoever leaves the termination of a placeholder ends a restore that runs only if the session has become theirs.
BOOST_AUTO_TEST_CASE(stranger_who_leaves_the_termination_of_a_minted_id_restarts_no_restore) {
  for (bool const is_stranger : {true, false}) {
    session_world w(1, with_replicas(2));
    auto const id = *w.run(w.m(0).generate());
    w.f(0).exact_latency = 1s;
    w.link(0).decide(first(2, storage_operation::erase_if, storage_fault::no_request));
    auto ending = w.start(w.m(0).terminate(id, named(is_stranger ? "bob" : "alice")));
    step_to_next(w, 0, storage_operation::erase_if);
    BOOST_TEST(w.run(w.m(1).create(id, named("alice"), open_parameters({"a"}))).has_value());
    auto getting = w.start(w.m(0).get(id, named("alice")));
    while (w.f(0).requests.empty()) BOOST_REQUIRE(w.sim.step());
    ending.cancel();
    w.finish(ending);
    BOOST_TEST(ending.look().error() == errc::ambiguous);
    w.finish(getting);
    auto got = getting.take();
    BOOST_REQUIRE(got.has_value());
    BOOST_TEST(static_cast<bool>(*got) == is_stranger);
    BOOST_TEST(w.f(0).requests.size() == 1u);
    got->release();
    w.sim.run_for(20s);
    // Another replica closes what it holds at its next sweep.
    BOOST_TEST(w.book->open() == (is_stranger ? 2u : 1u));
    BOOST_TEST(w.record(id).has_value() == is_stranger);
    w.end();
  }
}

// SM31: closed at a drain deadline while its get asked the storage once more, it is restored.
BOOST_AUTO_TEST_CASE(get_of_a_session_that_is_closed_under_it_restores_the_session) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    auto how = with_replicas(1);
    how.options.cache_capacity = 1;
    how.options.check_interval = 10s;
    how.options.deadlines.shutdown = 100ms;
    session_world w(seed, how);
    auto const id = w.opened();
    w.link().take_over();
    w.link().on_call([&](storage_operation what, std::string const&) {
      link_options way;
      if (what == storage_operation::load) way.reply = 2s;
      w.link().set_options(way);
    });
    auto getting = w.start(w.m().get(id, {}));
    step_to_next(w, 0, storage_operation::load);
    static_cast<void>(w.opened());
    w.finish(getting);
    auto const got = getting.take();
    BOOST_TEST((got && *got), "seed " << seed << ": " << (got ? "empty" : got.error().message()));
  }
}

// RA03, SM59: a placeholder whose erase nobody answered, and that became a session while it was erased again.
BOOST_AUTO_TEST_CASE(terminate_that_is_unanswered_and_then_overtaken_ends_the_session) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    session_world w(seed, with_replicas(2));
    auto const id = *w.run(w.m(0).generate());
    w.link(0).decide(first(2, storage_operation::erase_if, storage_fault::no_request));
    auto ending = w.start(w.m(0).terminate(id, {}));
    step_to_next(w, 0, storage_operation::erase_if);
    step_to_next(w, 0, storage_operation::erase_if);
    link_options slow;
    slow.travel = 1s;
    w.link(0).set_options(slow);
    step_to_next(w, 0, storage_operation::erase_if);
    static_cast<void>(w.run(w.m(1).create(id, {}, open_parameters({"a"}))));
    w.finish(ending);
    BOOST_TEST((ending.look() && ending.look()->existed), "seed " << seed);
    BOOST_TEST(!w.record(id).has_value());
    w.end();
  }
}

// SM09: the clean-up itself erased the placeholder, and its reply was lost: nobody else ended the session.
BOOST_AUTO_TEST_CASE(creation_taken_back_with_a_lost_reply_is_unavailable) {
  session_world w(1, with_replicas(1));
  std::size_t erases = 0;
  w.link().decide([&](storage_operation what, std::size_t) {
    if (what == storage_operation::update_if) return storage_fault::no_request;
    return what == storage_operation::erase_if && ++erases == 1 ? storage_fault::lost_reply : storage_fault::none;
  });
  BOOST_TEST(w.run(w.m().open({}, open_parameters({"a"}))).error() == errc::unavailable);
  BOOST_TEST(erases == 2u);
  BOOST_TEST(w.store->table.size(w.sim.now()) == 0u);
  w.end();
}

// RA50, SM41: an erase that nobody answered may be carried out later, whatever the next one says.
BOOST_AUTO_TEST_CASE(terminate_of_a_placeholder_is_ambiguous_while_an_unanswered_erase_may_come) {
  auto how = with_replicas(1);
  session_world w(1, how);
  auto const id = *w.run(w.m().generate());
  std::size_t erases = 0;
  w.link().decide([&](storage_operation what, std::size_t) {
    if (what != storage_operation::erase_if) return storage_fault::none;
    ++erases;
    return erases <= 2 ? storage_fault::no_request : storage_fault::unavailable;
  });
  auto const ended = w.run(w.m().terminate(id, {}));
  BOOST_TEST(erases == 3u);
  BOOST_REQUIRE(!ended);
  BOOST_TEST(ended.error() == errc::ambiguous);
  auto const got = w.run(w.m().get(id, {}));
  BOOST_TEST((got && !*got));  // gone for who ended it, whatever comes of the first two
  w.end();
}

// RA50: who is told that the session is not there finds none on another replica.
BOOST_AUTO_TEST_CASE(create_that_a_termination_crossed_says_not_found_only_of_what_is_gone) {
  std::size_t unknown = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    session_world w(seed, with_replicas(2));
    auto const id = *w.run(w.m(0).generate());
    bool has_written = false;
    bool has_erased = false;  // the termination, which is still shown the record
    w.link(0).decide([&](storage_operation what, std::size_t) {
      has_written = has_written || what == storage_operation::update_if;
      if (!has_written) return storage_fault::none;
      has_erased = has_erased || what == storage_operation::erase || what == storage_operation::erase_if;
      if (what == storage_operation::update_if) return storage_fault::no_reply;
      return has_erased ? storage_fault::no_request : storage_fault::none;
    });
    auto creating = w.start(w.m(0).create(id, {}, open_parameters({"a"})));
    while (!has_written) w.sim.step();
    some_steps(w, 10);
    static_cast<void>(w.run(w.m(0).terminate(id, {})));
    w.finish(creating);
    auto const created = creating.take();
    unknown += !created && created.error() == errc::ambiguous;
    if (!created && created.error() == errc::not_found) BOOST_TEST(!w.record(id), "seed " << seed);
    w.link(0).decide(nullptr);
    w.end();
  }
  BOOST_TEST(unknown > 0u);
}

// SM42: what was seen to have gone is remembered, also where it left the cache while it was read.
BOOST_AUTO_TEST_CASE(sweep_remembers_what_it_saw_gone_though_it_was_evicted_meanwhile) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    auto how = with_replicas(1);
    how.options.cache_capacity = 1;
    session_world w(seed, how);
    auto const id = w.opened();
    auto const before = *w.record(id);
    static_cast<void>(w.store->table.erase(id, std::nullopt, w.sim.now()));  // by another replica
    link_options far;
    far.reply = 2s;
    w.link().set_options(far);
    auto const peeks = w.link().calls(storage_operation::peek);
    while (w.link().calls(storage_operation::peek) == peeks) w.sim.step();  // the sweep's
    link_options const near;
    w.link().set_options(near);
    BOOST_TEST(w.opened() != id);  // takes its place in the cache
    w.sim.run_for(3s);
    auto const fresh = *revision::fresh(entropy_of(w.sim.get_executor()));
    static_cast<void>(w.store->table.store(id, before.value, fresh, w.sim.now()));  // a server that had not heard of it has taken over
    auto const got = w.run(w.m().get(id, {}));
    BOOST_REQUIRE(got);
    BOOST_TEST(!*got);
    w.end();
  }
}

// SM35: a session that was restored from the record as it was before it was decorated counts as built from the decorated one.
BOOST_AUTO_TEST_CASE(decoration_of_a_session_that_was_restored_just_before_its_record_was_written_lasts) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    auto how = with_replicas(1);
    how.options.cache_capacity = 1;
    how.options.check_interval = 10s;
    session_world w(seed, how);
    auto const id = w.opened();
    bool is_first = true;
    w.link().on_call([&](storage_operation what, std::string const&) {
      link_options way;
      if (what == storage_operation::update_if && std::exchange(is_first, false)) way.travel = 4s;
      w.link().set_options(way);
    });
    auto decorating = w.start(w.m().decorate(id, {}, adding("x")));
    step_to_next(w, 0, storage_operation::update_if);
    static_cast<void>(w.opened());  // takes its place
    static_cast<void>(w.run(w.m().get(id, {})));
    w.finish(decorating);
    {
      auto const decorated = decorating.take();
      BOOST_REQUIRE(decorated);
      BOOST_REQUIRE(*decorated);
    }
    auto const restores = w.f().requests.size();
    w.sim.run_for(11s);
    auto const again = w.run(w.m().get(id, {}));
    BOOST_REQUIRE(again);
    BOOST_REQUIRE(*again);
    BOOST_TEST((*again)->decorations.size() == 1u);
    BOOST_TEST(w.f().requests.size() == restores, "seed " << seed);
  }
}

BOOST_AUTO_TEST_SUITE_END()
