#include "session/session_world.hpp"
#include "session/tombstones.hpp"

#include <algorithm>
#include <stdexcept>

using namespace mooring;
using namespace mooring::test;

// What an operation learnt at its beginning is no longer so at its end.

namespace {

// RA48: no get that begins later than max_stale after `ended` is served by a replica that cannot ask.
void check_not_served_too_long(session_world& w, std::size_t on, std::string const& id, time_point ended) {
  std::size_t served = 0;
  for (int i = 0; i < 60; ++i) {
    auto const begun = w.sim.now();
    auto const got = w.run(w.m(on).get(id, {}));
    if (got && *got) {
      ++served;
      BOOST_TEST((begun - ended <= 30s), "seed " << w.sim.seed() << ", after " << std::chrono::duration<double>(begun - ended).count());
    }
    w.sim.run_for(1s);
  }
  BOOST_TEST(served > 0u);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(session_overlaps)

// ID12: a placeholder has no owner, its successor has.
BOOST_AUTO_TEST_CASE(stranger_who_terminates_a_minted_id_never_ends_the_session_made_of_it) {
  std::size_t refused = 0, was_first = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    session_world w(seed, with_replicas(2));
    auto const id = *w.run(w.m().generate());
    auto creating = w.start(w.m(0).create(id, named("alice"), open_parameters({"a"})));
    some_steps(w, 60);
    auto ending = w.start(w.m(seed % 2).terminate(id, named("bob")));
    w.finish(ending);
    w.finish(creating);
    bool const is_live = creating.look().has_value();
    if (is_live) {
      BOOST_TEST((!ending.look() && ending.look().error() == errc::wrong_owner), "seed " << seed);
      static_cast<void>(creating.take());
      BOOST_TEST(static_cast<bool>(*w.run(w.m(seed % 2).get(id, named("alice")))), "seed " << seed);
    } else {
      BOOST_TEST((ending.look() && ending.look()->existed), "seed " << seed);
    }
    BOOST_TEST(w.record(id).has_value() == is_live, "seed " << seed);
    ++(is_live ? refused : was_first);
    w.end();
  }
  BOOST_TEST(refused > 50u);
  BOOST_TEST(was_first > 50u);
}

// ID12, ID13: nor does one who leaves amid it
BOOST_AUTO_TEST_CASE(stranger_who_leaves_the_termination_of_a_minted_id_harms_nobody) {
  std::size_t live = 0, told_nothing = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    session_world w(seed, with_replicas(1));
    auto const id = *w.run(w.m().generate());
    auto creating = w.start(w.m().create(id, named("alice"), open_parameters({"a"})));
    some_steps(w, 60);
    auto ending = w.start(w.m().terminate(id, named("bob")));
    auto const erases = w.link().calls(storage_operation::erase_if);
    while (!ending.is_done() && w.link().calls(storage_operation::erase_if) == erases) w.sim.step();
    ending.cancel();
    w.finish(ending);
    w.finish(creating);
    told_nothing += !ending.look() && ending.look().error() == errc::ambiguous;
    if (creating.look()) {
      ++live;
      static_cast<void>(creating.take());
      auto const got = w.run(w.m().get(id, named("alice")));
      BOOST_TEST((got && *got), "seed " << seed);
    } else {
      BOOST_TEST(creating.look().error() == errc::not_found, "seed " << seed << ": " << creating.look().error().message());
    }
    w.end();
  }
  BOOST_TEST(live > 100u);
  BOOST_TEST(told_nothing > 100u);
}

BOOST_AUTO_TEST_CASE(record_that_a_check_read_before_a_decoration_does_not_evict_what_it_made) {
  auto const add = adding("x");
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    auto how = with_replicas(1);
    how.options.sweep_interval = 10ms;
    session_world w(seed, how);
    auto const id = w.opened();
    auto decorating = w.start(w.m().decorate(id, {}, add));
    some_steps(w, 40);
    auto getting = w.start(w.m().get(id, {}));
    w.finish(decorating);
    w.finish(getting);
    BOOST_REQUIRE(decorating.look());
    w.sim.run_for(30ms);
    auto const after = w.run(w.m().get(id, {}));
    BOOST_REQUIRE((after && *after));
    BOOST_TEST((*after)->decorations.size() == 1u, "seed " << seed);
    BOOST_TEST(w.m().stats().restored == 0u, "seed " << seed);
    decorating.take();
    getting.take();
  }
}

// CA14, SM33: what a decoration has written shows in every get that begins afterwards, though its own replica has not heard of it yet, or never does.
BOOST_AUTO_TEST_CASE(get_that_finds_a_decoration_written_waits_for_it) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    bool const is_lost = seed % 2 == 1;
    session_world w(seed, with_replicas(1));
    auto const id = w.opened();
    link_options slow;
    slow.reply = 200ms;
    w.link(0).set_options(slow);
    if (is_lost)
      w.link(0).decide([](storage_operation what, std::size_t) { return what == storage_operation::update_if ? storage_fault::no_reply : storage_fault::none; });
    auto decorating = w.start(w.m().decorate(id, {}, adding("x")));
    auto const before = w.record(id)->revision;
    while (w.record(id)->revision == before) w.sim.step();
    auto const got = w.run(w.m().get(id, {}));
    BOOST_REQUIRE((got && *got));
    bool const is_decorated = (*got)->decorations.size() == 1u;
    BOOST_TEST((is_decorated || (*got)->request.data.contains("x")), "seed " << seed);
    if (!is_lost) BOOST_TEST(w.m().stats().restored == 0u, "seed " << seed);
    w.finish(decorating);
    BOOST_TEST(decorating.take().has_value());  // a lost reply is settled by a peek
  }
}

// CA14, SM33: what replaced a decoration before its own replica heard of it shows in every get that begins afterwards.
BOOST_AUTO_TEST_CASE(check_that_a_decoration_overlaps_still_sees_what_was_written_after_it) {
  std::size_t overlapped = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    session_world w(seed, with_replicas(2));
    auto const id = w.opened();
    BOOST_TEST(static_cast<bool>(*w.run(w.m(1).get(id, {}))));
    link_options slow;
    slow.reply = 200ms;
    w.link(0).set_options(slow);
    auto decorating = w.start(w.m(0).decorate(id, {}, adding("x")));
    auto const before = w.record(id)->revision;
    while (w.record(id)->revision == before) w.sim.step();
    BOOST_TEST(w.run(w.m(1).decorate(id, {}, adding("y"))).has_value());
    bool const is_pending = !decorating.is_done();
    auto getting = w.start(w.m(0).get(id, {}));
    w.finish(decorating);
    overlapped += is_pending && !getting.is_done();
    w.finish(getting);
    BOOST_REQUIRE((getting.look() && *getting.look()));
    BOOST_TEST((*getting.look())->request.data.contains("y"), "seed " << seed);
    decorating.take();
    getting.take();
    w.end();
  }
  BOOST_TEST(overlapped > 30u);
}

// RA37: what a write that hangs over the deadline still holds is closed.
BOOST_AUTO_TEST_CASE(session_of_a_create_that_outlives_a_forced_shutdown_is_closed) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    session_world w(seed, with_replicas(1));
    w.link().decide([](storage_operation o, std::size_t) {
      return o == storage_operation::update_if || o == storage_operation::peek ? storage_fault::no_request : storage_fault::none;
    });
    auto creating = w.start(w.m().open({}, open_parameters({"a"})));
    while (w.link().calls(storage_operation::update_if) == 0) w.sim.step();
    auto ending = w.start(session_world::shutdown_of(w.m(), {.deadline = 2s}));
    auto const begun = w.sim.now();
    w.finish(ending);
    BOOST_TEST((w.sim.now() - begun <= 5s));
    w.finish(creating);
    BOOST_TEST(creating.look().has_error());
    w.sim.run_for(60s);
    BOOST_TEST(w.book->opened() == 1u);
    BOOST_TEST(w.book->is_balanced(), "seed " << seed);
  }
}

// An error's value is its maker's own: the manager knows by other means what it did.
BOOST_AUTO_TEST_CASE(factory_that_fails_with_an_error_of_the_managers_leaves_nothing_behind) {
  for (auto const why : {errc::exists, errc::not_found, errc::wrong_owner, errc::conflict}) {
    session_world w(1, with_replicas(1));
    w.f().instead = [=](auto&) { return std::optional(result<opened<test_session>>(make_error_code(why))); };
    auto const made = w.run(w.m().open({}, open_parameters({"a"})));
    BOOST_TEST(made.error() == why);
    BOOST_TEST(w.store->table.size(w.sim.now()) == 0u);
    w.end();
  }
}

// ID16, SM31
BOOST_AUTO_TEST_CASE(restore_that_fails_with_wrong_owner_does_not_read_as_absence) {
  auto how = with_replicas(2);
  how.options.hide_owner_mismatch = true;
  session_world w(1, how);
  auto const id = w.opened(named("alice"));
  w.f(1).instead = [](auto&) { return std::optional(result<opened<test_session>>(make_error_code(errc::wrong_owner))); };
  BOOST_TEST(w.run(w.m(1).get(id, named("alice"))).error() == errc::wrong_owner);
  BOOST_TEST(!*w.run(w.m(1).get(id, named("bob"))));
  w.end();
}

// RA48: counted from when the record was last known to be there, not from the end of the restore.
BOOST_AUTO_TEST_CASE(restore_that_was_not_confirmed_is_served_no_longer_than_a_record_may_be_unknown) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    auto how = with_replicas(2);
    how.options.check_interval = seed % 2 == 0 ? 0s : 20s;
    session_world w(seed, how);
    auto const id = w.opened();
    w.f(1).latency = 14s;
    auto getting = w.start(w.m(1).get(id, {}));
    while (w.f(1).requests.empty()) w.sim.step();
    BOOST_REQUIRE(w.run(w.m(0).terminate(id, {})));
    auto const ended = w.sim.now();
    w.link(1).cut_off(true);
    w.finish(getting);
    static_cast<void>(getting.take());
    check_not_served_too_long(w, 1, id, ended);
  }
}

// RA33, CA13: nor is it closed for that, while the storage is away.
BOOST_AUTO_TEST_CASE(restore_that_was_not_confirmed_outlives_an_outage) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    session_world w(seed, with_replicas(2));
    auto const id = w.opened();
    w.f(1).exact_latency = 14s;
    auto getting = w.start(w.m(1).get(id, {}));
    while (w.f(1).requests.empty()) w.sim.step();
    w.link(1).cut_off(true);
    w.finish(getting);
    auto const first = getting.take();
    BOOST_REQUIRE(first);
    BOOST_REQUIRE(*first);
    auto const open = w.book->open();
    for (int i = 0; i < 12; ++i) {
      w.sim.run_for(5s);
      static_cast<void>(w.run(w.m(1).get(id, {})));
    }
    BOOST_TEST(w.book->open() == open);
    w.link(1).cut_off(false);
    auto const again = w.run(w.m(1).get(id, {}));
    BOOST_REQUIRE(again);
    BOOST_REQUIRE(*again);
    BOOST_TEST((*again)->serial == (*first)->serial);
    BOOST_TEST(w.f(1).requests.size() == 1u);
  }
}

// SM34: a storage that refuses writes can still show a record.
BOOST_AUTO_TEST_CASE(restores_do_not_replace_one_another_while_writes_are_refused) {
  auto how = with_replicas(2);
  how.options.max_stale = 0s;
  session_world w(1, how);
  auto const id = w.opened();
  w.f(1).exact_latency = 1s;
  w.link(1).decide([](storage_operation what, std::size_t) {
    return what == storage_operation::peek ? storage_fault::none : storage_fault::server_error;
  });
  std::vector<call<result<test_lease>>> gets;
  for (int i = 0; i < 20; ++i) {
    gets.push_back(w.start(w.m(1).get(id, {})));
    w.sim.run_for(300ms);
  }
  for (auto& one : gets) {
    w.finish(one);
    auto const got = one.take();
    BOOST_REQUIRE(got);
    BOOST_TEST(static_cast<bool>(*got));
  }
  BOOST_TEST(w.f(1).requests.size() == 1u);
}

// RA48
BOOST_AUTO_TEST_CASE(created_session_whose_hints_failed_is_served_no_longer_than_a_record_may_be_unknown) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    session_world w(seed, with_replicas(2));
    auto const id = *w.run(w.m(1).generate());
    w.link(1).decide([](storage_operation o, std::size_t) { return o == storage_operation::update_hints ? storage_fault::no_request : storage_fault::none; });
    auto creating = w.start(w.m(1).create(id, {}, open_parameters({"a"})));
    while (w.link(1).calls(storage_operation::update_hints) == 0) w.sim.step();
    BOOST_REQUIRE(w.run(w.m(0).terminate(id, {})));
    auto const ended = w.sim.now();
    w.link(1).cut_off(true);
    w.finish(creating);
    static_cast<void>(creating.take());
    check_not_served_too_long(w, 1, id, ended);
  }
}

// SM32: however many there are, and however far the storage is.
BOOST_AUTO_TEST_CASE(many_leased_records_are_all_touched_in_time) {
  auto how = with_replicas(1);
  how.store.ttl = 10s;
  session_world w(1, how);
  std::vector<test_lease> leases;
  for (int i = 0; i < 40; ++i) {
    auto opened = w.run(w.m().open({}, open_parameters()));
    BOOST_REQUIRE(opened);
    leases.push_back(std::move(opened->lease));
  }
  link_options far;
  far.reply = 800ms;
  w.link().set_options(far);
  w.sim.run_for(2min);
  BOOST_TEST(w.store->table.size(w.sim.now()) == 40u);
  leases.clear();
  w.end();
}

// SM32: a storage that throws at some of them.
BOOST_AUTO_TEST_CASE(touch_that_throws_keeps_nobody_else_from_being_touched) {
  auto how = with_replicas(1);
  how.store.ttl = 10s;
  session_world w(1, how);
  std::vector<opened_session<test_session>> opened;
  for (int i = 0; i < 30; ++i) {
    auto one = w.run(w.m().open({}, open_parameters()));
    BOOST_REQUIRE(one);
    opened.push_back(std::move(*one));
  }
  std::vector<std::string> bad;
  for (int i = 0; i < 20; ++i) bad.push_back(opened[static_cast<std::size_t>(i)].id);
  w.link().on_call([&](storage_operation what, std::string const& id) {
    if (what == storage_operation::touch && std::find(bad.begin(), bad.end(), id) != bad.end()) throw std::runtime_error("a storage that throws");
  });
  w.sim.run_for(2min);
  for (std::size_t i = 20; i < 30; ++i) BOOST_TEST(w.record(opened[i].id).has_value());
  opened.clear();
  w.end();
}

// SM32: whichever touch fails.
BOOST_AUTO_TEST_CASE(one_failed_touch_does_not_end_a_leased_session) {
  for (std::size_t failing = 1; failing <= 6; ++failing) {
    session_world w(failing, with_replicas(1));
    auto opened = w.run(w.m().open({}, open_parameters()));
    BOOST_REQUIRE(opened);
    std::size_t touches = 0;
    w.link().decide([&](storage_operation o, std::size_t) {
      return o == storage_operation::touch && ++touches == failing ? storage_fault::unavailable : storage_fault::none;
    });
    w.sim.run_for(5min);
    auto const slid = w.run(w.m().get(opened->id, {}));  // the record's time counts from here, the rounds do not
    for (int i = 0; i < 12; ++i) {
      w.sim.run_for(10min);
      BOOST_TEST(w.record(opened->id).has_value(), "failing " << failing << ", after " << 10 * (i + 1) << " min");
    }
    BOOST_TEST(touches > failing);
  }
}

BOOST_AUTO_TEST_CASE(leased_session_that_is_known_to_be_gone_is_touched_no_more) {
  session_world w(1, with_replicas(1));
  auto opened = w.run(w.m().open({}, open_parameters()));
  BOOST_REQUIRE(opened);
  w.f().hangs_in_close = true;
  BOOST_REQUIRE(w.run(w.m().terminate(opened->id, {})));
  auto const touches = w.link().calls(storage_operation::touch);
  w.sim.run_for(29min);  // within the memory of the ids that are gone
  BOOST_TEST(w.link().calls(storage_operation::touch) == touches);
}

// SM15: the creation that has expired sessions dropped gets their place, once they are closed.
BOOST_AUTO_TEST_CASE(creation_beyond_the_limit_takes_the_place_of_an_expired_session) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    auto how = with_replicas(2);
    how.options.max_sessions = 3;
    session_world w(seed, how);
    std::vector<std::string> ids;
    for (int i = 0; i < 3; ++i) ids.push_back(w.opened());
    for (int i = 0; i < 2; ++i) BOOST_REQUIRE(w.run(w.m(1).terminate(ids[static_cast<std::size_t>(i)], {})));
    auto const peeks = w.link().calls(storage_operation::peek);
    std::vector<call<result<opened_session<test_session>>>> opens;
    for (int i = 0; i < 4; ++i) opens.push_back(w.start(w.m().open({}, open_parameters())));
    std::size_t served = 0;
    for (auto& one : opens) {
      w.finish(one);
      served += one.look().has_value();
      if (!one.look()) BOOST_TEST(one.look().error() == errc::too_many_sessions);
    }
    BOOST_TEST(served == 2u, "seed " << seed);
    BOOST_TEST(w.link().calls(storage_operation::peek) - peeks == 3u);  // one sweep for all
    opens.clear();
    w.end();
  }
}

// The caller's context dies with its frames, cancelled or not; the manager's goes on.
BOOST_AUTO_TEST_CASE(open_whose_caller_dies_leaves_no_session_that_nobody_knows) {
  std::size_t made = 0;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    session_world w(seed, with_replicas(1));
    {
      simulation callers(seed);
      call<result<opened_session<test_session>>> opening(callers.get_executor(), w.m().open({}, open_parameters({"a"})));
      callers.run_for(1ms);
      some_steps(w, 60);
    }
    w.sim.run_for(61s);
    made += w.book->opened();
    BOOST_TEST(w.book->open() == 0u, "seed " << seed);
    BOOST_TEST(w.store->table.size(w.sim.now()) == 0u, "seed " << seed);
    w.end();
  }
  BOOST_TEST(made > 50u);
}

// SM47: dropping a backend and its hint closes the session that had it, once.
BOOST_AUTO_TEST_CASE(session_rebuilt_before_the_hint_is_dropped_stays) {
  session_world w(1, with_replicas(1));
  auto const id = w.opened();
  bool is_first = true;
  w.link().decide([&](storage_operation o, std::size_t) {
    return o == storage_operation::update_hints && std::exchange(is_first, false) ? storage_fault::no_reply : storage_fault::none;
  });
  auto const before = w.link().calls(storage_operation::update_hints);
  auto notifying = w.start(w.m().notify_backend_expired(id, {}, "a"));
  while (w.link().calls(storage_operation::update_hints) == before) w.sim.step();
  BOOST_TEST(static_cast<bool>(*w.run(w.m().get(id, {}))));
  BOOST_TEST(w.m().stats().restored == 1u);
  BOOST_TEST(!notifying.is_done());
  w.finish(notifying);
  BOOST_TEST(notifying.look().has_value());
  auto const got = w.run(w.m().get(id, {}));
  BOOST_REQUIRE((got && *got));
  BOOST_TEST((got->value()->request.backends == std::vector<std::string>{"b"}));
  BOOST_TEST(w.m().stats().restored == 1u);
}

BOOST_AUTO_TEST_CASE(id_that_is_buried_twice_at_one_time_takes_one_place_among_the_buried) {
  detail::tombstones graves(2, 1min);
  time_point const now(1s);
  graves.add("a", now);
  graves.add("a", now);
  graves.add("b", now);
  BOOST_TEST(graves.contains("a", now));
  BOOST_TEST(graves.contains("b", now));
  graves.add("c", now);
  BOOST_TEST(!graves.contains("a", now));
  BOOST_TEST(graves.size(now) == 2u);
}

BOOST_AUTO_TEST_SUITE_END()
