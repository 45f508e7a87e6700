#include "session/session_world.hpp"

#include <set>

using namespace mooring;
using namespace mooring::test;

namespace {

// Writes to a record as another program might.
void put(session_world& w, std::string const& id, metadata next) {
  auto const outcome = w.store->table.update(id, next, std::nullopt, *revision::fresh(entropy_of(w.sim)), w.sim.now());
  BOOST_REQUIRE(outcome.is_written());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(session_serving)

// SM16
BOOST_AUTO_TEST_CASE(validate_slides_a_live_session_and_tells_gone_from_unavailable) {
  session_world w(1, with_replicas(2));
  auto const id = w.opened(named("alice"));
  for (std::size_t i = 0; i < 2; ++i) {
    w.sim.run_for(29min);
    BOOST_TEST((*w.run(w.m(i).validate(id, named("alice"))) == validity::live));
  }
  BOOST_TEST(w.run(w.m().validate(id, named("bob"))).error() == errc::wrong_owner);
  BOOST_TEST(w.run(w.m(1).validate(id, named("bob"))).error() == errc::wrong_owner);
  w.link().cut_off(true);
  BOOST_TEST(w.run(w.m().validate(id, named("alice"))).error() == errc::unavailable);
  w.link().cut_off(false);
  // SM56: no answer in time is `unavailable` too.
  w.link().fail(1, storage_fault::no_request);
  auto const begun = w.sim.now();
  BOOST_TEST(w.run(w.m().validate(id, named("alice"))).error() == errc::unavailable);
  BOOST_TEST((w.sim.now() - begun == 3s));
  BOOST_TEST(w.run(w.m(1).terminate(id, named("alice"))).has_value());
  BOOST_TEST((*w.run(w.m().validate(id, named("alice"))) == validity::gone));
  BOOST_TEST(w.f(1).requests.empty());  // validate restores nothing
  w.end();
}

// SM17, RA15, RA48
BOOST_AUTO_TEST_CASE(session_terminated_elsewhere_is_gone_at_the_next_check_and_closed_by_a_sweep) {
  for (auto const interval : {duration(0), duration(10s)}) {
    auto how = with_replicas(2);
    how.options.check_interval = interval;
    session_world w(1, how);
    auto const id = w.opened();
    auto const other = w.opened();
    w.sim.run_for(20s);
    BOOST_TEST(static_cast<bool>(*w.run(w.m().get(id, {}))));  // a check, good for the interval
    BOOST_TEST(w.run(w.m(1).terminate(id, {})).has_value());
    BOOST_TEST(w.run(w.m(1).terminate(other, {})).has_value());
    w.sim.run_for(interval);
    auto const got = w.run(w.m().get(id, {}));
    BOOST_REQUIRE(got);
    BOOST_TEST(!*got);
    w.sim.run_for(1s);
    BOOST_TEST(w.book->closed() == 1u);
    w.sim.run_for(17min);  // one sweep, jitter included: closed without any get
    BOOST_TEST(w.book->closed() == 2u);
    w.end();
  }
}

// SM18
BOOST_AUTO_TEST_CASE(activity_keeps_a_session_up_to_its_absolute_lifetime) {
  auto how = with_replicas(2);
  how.store.absolute_lifetime = 24h;
  session_world w(1, how);
  auto const id = w.opened();
  auto const idle = w.opened();
  for (int i = 0; i < 50; ++i) {
    w.sim.run_for(25min);
    BOOST_TEST(static_cast<bool>(*w.run(w.m(i % 2).get(id, {}))));
  }
  BOOST_TEST(!*w.run(w.m().get(idle, {})));
  for (int i = 0; i < 10; ++i) {
    w.sim.run_for(20min);
    static_cast<void>(w.run(w.m().get(id, {})));
  }
  BOOST_TEST(!*w.run(w.m().get(id, {})));
  w.end();
}

// SM19
BOOST_AUTO_TEST_CASE(get_of_a_cached_session_costs_one_read_shared_with_concurrent_gets) {
  auto how = with_replicas(2);
  how.options.check_interval = 10s;
  session_world w(1, how);
  auto const id = w.opened();
  w.sim.run_for(11s);
  auto const before = w.link().calls();
  std::vector<call<result<test_lease>>> gets;
  for (int i = 0; i < 20; ++i) gets.push_back(w.start(w.m().get(id, {})));
  for (auto& one : gets) {
    w.finish(one);
    BOOST_REQUIRE(one.look());
    BOOST_TEST(static_cast<bool>(*one.look()));
  }
  BOOST_TEST(w.link().calls() == before + 1);
  for (int i = 0; i < 5; ++i) BOOST_TEST(static_cast<bool>(*w.run(w.m().get(id, {}))));
  BOOST_TEST(w.link().calls() == before + 1);
  gets.clear();
  w.end();
}

// SM20, SM31
BOOST_AUTO_TEST_CASE(unknown_id_is_empty_and_storage_failure_is_unavailable) {
  session_world w(1);
  auto const got = w.run(w.m().get("unknown", {}));
  BOOST_REQUIRE(got);
  BOOST_TEST(!*got);
  auto const id = w.opened();
  auto how = with_replicas(2);
  w.add_replica();
  w.link(1).cut_off(true);
  BOOST_TEST(w.run(w.m(1).get(id, {})).error() == errc::unavailable);
  BOOST_TEST(w.run(w.m(1).get("unknown", {})).error() == errc::unavailable);
  BOOST_TEST(w.f(1).requests.empty());
  w.link(1).cut_off(false);
  BOOST_TEST(static_cast<bool>(*w.run(w.m(1).get(id, {}))));
  w.end();
}

// SM23, ID07
BOOST_AUTO_TEST_CASE(record_that_cannot_be_read_is_corrupt_for_everybody_and_can_be_terminated) {
  for (auto const& missing : {record_key::owner, record_key::backends, record_key::state}) {
    session_world w(1, with_replicas(2));
    auto const id = w.opened(named("alice"));
    auto broken = w.record(id)->value;
    broken.erase(broken.find(missing));
    put(w, id, broken);
    for (auto const& who : {named("alice"), named("bob"), principal::anonymous()}) BOOST_TEST(w.run(w.m(1).get(id, who)).error() == errc::corrupt_record);
    // Where it is cached, the owner learns it too.
    BOOST_TEST(w.run(w.m(0).get(id, named("alice"))).error() == errc::corrupt_record);
    BOOST_TEST(w.f(1).requests.empty());
    BOOST_TEST(w.run(w.m(1).terminate(id, named("alice")))->existed);
    BOOST_TEST(!*w.run(w.m(1).get(id, named("alice"))));
    w.end();
  }
}

// SM25, SM26, RA08, SM33: hints that each replica overwrites evict nothing anywhere.
BOOST_AUTO_TEST_CASE(replicas_with_different_hints_never_evict_each_other) {
  auto how = with_replicas(2);
  how.replicas = 3;
  how.link = {1ms, 1ms, 1ms, 5s, 0};
  session_world w(1, how);
  auto const id = w.opened();
  auto const at = w.record(id)->revision;
  for (int i = 0; i < 1000; ++i) BOOST_REQUIRE(static_cast<bool>(*w.run(w.m(static_cast<std::size_t>(i) % 3).get(id, {}))));
  BOOST_TEST(w.book->opened() == 3u);
  BOOST_TEST(w.book->closed() == 0u);
  BOOST_TEST((w.record(id)->revision == at));
  BOOST_TEST(w.record(id)->hints.at("a") == "r2-3");  // the last restore's
  w.end();
}

// SM25, RA09
BOOST_AUTO_TEST_CASE(record_that_goes_during_a_restore_makes_get_empty_and_closes_the_session) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    auto how = with_replicas(2);
    session_world w(seed, how);
    bool const is_same_hints = seed % 2 == 0;
    w.f(1).adorn = [&](session_request const& request, opened<test_session>& made) {
      if (is_same_hints) made.hints = request.hints;
    };
    auto const id = w.opened();
    auto getting = w.start(w.m(1).get(id, {}));
    auto const cut = w.sim.random(12);
    for (std::uint64_t i = 0; i < cut; ++i) w.sim.step();
    auto ending = w.start(w.m(0).terminate(id, {}));
    w.finish(ending);
    w.finish(getting);
    BOOST_REQUIRE(getting.look());
    getting.take();
    BOOST_TEST(!*w.run(w.m(1).get(id, {})));
    w.sim.run_for(30s);
    BOOST_TEST(w.book->is_balanced());
    BOOST_TEST(w.m(1).stats().cache.size == 0u);
    w.end();
  }
}

// SM26, RA33
BOOST_AUTO_TEST_CASE(write_back_that_fails_still_serves_and_changes_no_revision) {
  session_world w(1, with_replicas(2));
  auto const id = w.opened();
  auto const at = w.record(id)->revision;
  w.link(1).decide([](storage_operation o, std::size_t) { return o == storage_operation::update_hints ? storage_fault::unavailable : storage_fault::none; });
  BOOST_TEST(static_cast<bool>(*w.run(w.m(1).get(id, {}))));
  BOOST_TEST((w.record(id)->revision == at));
  BOOST_TEST(w.record(id)->hints.at("a") == "r0-1");
  BOOST_TEST(static_cast<bool>(*w.run(w.m(1).get(id, {}))));
  BOOST_TEST(w.f(1).requests.size() == 1u);
  w.end();
}

// SM57, SM26, RA13: to the moment, whatever the reads before it were given; the session is served all the same.
BOOST_AUTO_TEST_CASE(hint_write_back_has_a_whole_deadline_of_its_own) {
  for (auto const own : {duration(5s), duration(700ms), duration(9s)}) {
    auto how = with_replicas(2);
    how.link = {0ns, 0ns, 0ns, 30s, 0};
    how.options.deadlines.write_back = own;
    if (own == 5s) BOOST_TEST((manager_options().deadlines.write_back == own));
    session_world w(1, how);
    auto const id = w.opened();
    auto const is_write_back = [](storage_operation o) { return o == storage_operation::update_hints || o == storage_operation::touch; };
    for (bool const has_other_hints : {true, false}) {
      auto& fresh = w.add_replica(how.options);
      auto const on = w.replicas.size() - 1;
      fresh.factory->latency = 0ns;
      fresh.factory->adorn = [&](session_request const& request, opened<test_session>& made) {
        if (!has_other_hints) made.hints = request.hints;  // then a touch confirms the record
      };
      w.link(on).decide([&](storage_operation o, std::size_t) { return is_write_back(o) ? storage_fault::no_request : storage_fault::none; });
      auto const begun = w.sim.now();
      auto const got = w.run(w.m(on).get(id, {}));
      BOOST_TEST((got && *got));
      BOOST_TEST((w.sim.now() - begun == own));
      w.link(on).decide(nullptr);
    }
    // And that of a new session.
    w.f().latency = 0ns;
    w.link().decide([&](storage_operation o, std::size_t) { return is_write_back(o) ? storage_fault::no_request : storage_fault::none; });
    auto const begun = w.sim.now();
    auto const opened = w.run(w.m().open({}, open_parameters({"a"})));
    BOOST_TEST(opened.has_value());
    BOOST_TEST((w.sim.now() - begun == own));
    w.link().decide(nullptr);
  }
}

// SM29, RA20: whoever began the restore and leaves, the others get the session from one restore.
BOOST_AUTO_TEST_CASE(caller_that_began_a_restore_and_leaves_harms_nobody) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    session_world w(seed, with_replicas(2));
    auto const id = w.opened(named("alice"));
    w.f(1).latency = 20ms;
    std::vector<call<result<test_lease>>> gets;
    for (int i = 0; i < 4; ++i) gets.push_back(w.start(w.m(1).get(id, named("alice"))));
    auto const leavers = 1 + w.sim.random(3);
    for (std::uint64_t n = 0; n < leavers; ++n) {
      for (std::uint64_t i = w.sim.random(15); i > 0; --i) w.sim.step();
      gets[n].cancel();
    }
    for (std::size_t n = 0; n < gets.size(); ++n) {
      w.finish(gets[n]);
      bool const may_leave = n < leavers;
      if (gets[n].look().has_value()) BOOST_TEST(static_cast<bool>(*gets[n].look()), "get " << n << " of " << leavers << " leavers, seed " << seed);
      else BOOST_TEST((may_leave && gets[n].look().error() == errc::cancelled));
    }
    BOOST_TEST(w.f(1).requests.size() == 1u);
    BOOST_TEST(w.f(1).requests.at(0).owner.is_same_as(named("alice")));
    gets.clear();
    w.end();
  }
}

// SM30, RA33
BOOST_AUTO_TEST_CASE(failed_restore_changes_nothing_and_waits_for_its_backoff) {
  session_world w(1, with_replicas(2));
  auto const id = w.opened();
  auto const before = *w.record(id);
  w.f(1).instead = [](auto&) -> std::optional<result<opened<test_session>>> { throw std::runtime_error("no"); };
  w.f(1).latency = 0ns;
  BOOST_TEST(w.run(w.m(1).get(id, {})).error() == errc::load_failed);
  BOOST_TEST(w.run(w.m(1).get(id, {})).error() == errc::load_failed);
  BOOST_TEST(w.f(1).requests.size() == 1u);
  w.sim.run_for(300ms);
  BOOST_TEST(w.run(w.m(1).get(id, {})).error() == errc::load_failed);
  BOOST_TEST(w.f(1).requests.size() == 2u);
  BOOST_TEST((w.record(id)->revision == before.revision));
  BOOST_TEST((w.record(id)->hints == before.hints));
  w.f(1).instead = nullptr;
  w.sim.run_for(10s);
  BOOST_TEST(static_cast<bool>(*w.run(w.m(1).get(id, {}))));
  w.end();
}

// SM30
BOOST_AUTO_TEST_CASE(no_more_than_max_restores_run_at_once) {
  auto how = with_replicas(2);
  how.options.max_restores = 3;
  how.options.failure_backoff = 0ns;
  session_world w(1, how);
  std::vector<std::string> ids;
  for (int i = 0; i < 10; ++i) ids.push_back(w.opened());
  w.f(1).latency = 1s;
  std::vector<call<result<test_lease>>> gets;
  for (auto const& id : ids) gets.push_back(w.start(w.m(1).get(id, {})));
  std::size_t served = 0;
  std::size_t busy = 0;
  for (auto& one : gets) {
    w.finish(one);
    served += one.look().has_value();
    busy += one.look().has_error() && one.look().error() == errc::busy;
  }
  BOOST_TEST(w.f(1).most_running <= 3u);
  BOOST_TEST(served >= 3u);
  BOOST_TEST(busy > 0u);
  BOOST_TEST(served + busy == 10u);
  gets.clear();
  w.end();
}

// SM30: being refused for lack of a place is no failure of the session's, and puts nothing off.
BOOST_AUTO_TEST_CASE(restore_that_found_no_place_is_tried_again_at_once) {
  auto how = with_replicas(2);
  how.options.max_restores = 1;
  session_world w(1, how);
  auto const first = w.opened();
  auto const second = w.opened();
  w.f(1).exact_latency = 1s;
  auto getting = w.start(w.m(1).get(first, {}));
  while (w.f(1).requests.empty()) w.sim.step();
  w.sim.run_for(980ms);
  BOOST_TEST(w.run(w.m(1).get(second, {})).error() == errc::busy);
  w.finish(getting);
  auto const got = w.run(w.m(1).get(second, {}));
  BOOST_REQUIRE(got);
  BOOST_TEST(static_cast<bool>(*got));
}

// SM31, SM60
BOOST_AUTO_TEST_CASE(get_ends_at_its_deadline_and_the_restore_goes_on_for_others) {
  session_world w(1, with_replicas(2));
  auto const id = w.opened();
  w.f(1).latency = 0ns;
  w.f(1).hangs_in_open = true;
  auto patient = w.start(w.m(1).get(id, {}));
  auto const begun = w.sim.now();
  auto const hurried = w.run(w.m(1).get(id, {}, {.deadline = 100ms}));
  BOOST_TEST(hurried.error() == errc::deadline_exceeded);
  BOOST_TEST((w.sim.now() - begun == 100ms));
  BOOST_TEST(!patient.is_done());
  w.finish(patient);
  BOOST_TEST(patient.look().error() == errc::load_failed);  // the factory's own deadline came first
  BOOST_TEST((w.sim.now() - begun < 20s));
  w.link(1).decide([](storage_operation, std::size_t) { return storage_fault::no_request; });
  auto const blind = w.sim.now();
  BOOST_TEST(w.run(w.m(1).get("other", {}, {.deadline = 1s})).error() == errc::deadline_exceeded);
  BOOST_TEST((w.sim.now() - blind == 1s));
  w.link(1).decide(nullptr);
  w.end();
}

// SM32
BOOST_AUTO_TEST_CASE(leased_record_is_touched_and_the_absolute_lifetime_still_ends_it) {
  session_world::setup how;
  how.store.absolute_lifetime = 4h;
  session_world w(1, how);
  auto opened = w.run(w.m().open({}, open_parameters()));
  BOOST_REQUIRE(opened);
  auto const idle = w.opened();
  for (int i = 0; i < 7; ++i) {
    w.sim.run_for(30min);
    BOOST_TEST(w.record(opened->id).has_value());
    BOOST_TEST(!opened->lease->is_closed);
  }
  BOOST_TEST(!w.record(idle).has_value());
  w.sim.run_for(31min);
  BOOST_TEST(!w.record(opened->id).has_value());
  opened->lease.release();
  w.sim.run_for(31min);
  w.end();
}

// SM32: of many leased sessions one touch is never answered.
BOOST_AUTO_TEST_CASE(touch_that_hangs_lets_no_other_leased_session_expire) {
  session_world::setup how;
  how.store.ttl = 4s;
  how.options.ttl = 4s;
  session_world w(1, how);
  auto first = w.run(w.m().open({}, open_parameters()));
  auto second = w.run(w.m().open({}, open_parameters()));
  BOOST_REQUIRE((first && second));
  std::string victim;
  w.link().on_call([&](storage_operation what, std::string const& id) {
    if (what == storage_operation::touch && victim.empty()) victim = id;
  });
  w.link().decide([&](storage_operation what, std::size_t) { return what == storage_operation::touch ? storage_fault::no_request : storage_fault::none; });
  while (victim.empty()) BOOST_REQUIRE(w.sim.step());
  w.link().decide(nullptr);
  w.sim.run_for(30s);
  BOOST_TEST(w.record(first->id).has_value());
  BOOST_TEST(w.record(second->id).has_value());
  first->lease.release();
  second->lease.release();
  w.end();
}

// SM33: whichever key was added, changed or removed.
BOOST_AUTO_TEST_CASE(session_is_rebuilt_when_any_metadata_differs_and_not_when_all_is_equal) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    session_world w(seed, with_replicas(2));
    metadata data;
    for (int i = 0; i < 4; ++i) data[std::string(1, static_cast<char>('a' + w.sim.random(26)))] = "1";
    auto const id = w.opened({}, open_parameters({"x"}, data));
    auto next = w.record(id)->value;
    // The same text under a new revision is no change.
    put(w, id, next);
    BOOST_TEST(static_cast<bool>(*w.run(w.m().get(id, {}))));
    BOOST_TEST(static_cast<bool>(*w.run(w.m().get(id, {}))));
    BOOST_TEST(w.f().requests.size() == 1u);

    auto const key = w.sim.random(2) == 0 ? data.begin()->first : std::string(1, static_cast<char>('A' + w.sim.random(26)));
    if (w.sim.random(3) == 0 && next.contains(key)) next.erase(key);
    else next[key] = "2";
    put(w, id, next);
    auto const got = w.run(w.m().get(id, {}));
    BOOST_REQUIRE(got);
    BOOST_REQUIRE(*got);
    BOOST_TEST(w.f().requests.size() == 2u);
    BOOST_TEST(((*got)->request.data == read_record(next)->data));
    w.end();
  }
}

// SM34, RA32, RA33
BOOST_AUTO_TEST_CASE(absent_record_evicts_and_unavailable_storage_serves_up_to_max_stale) {
  session_world w(1, with_replicas(2));
  auto const id = w.opened();
  w.link().cut_off(true);
  w.sim.run_for(29s);
  BOOST_TEST(static_cast<bool>(*w.run(w.m().get(id, {}))));
  w.sim.run_for(2s);
  BOOST_TEST(w.run(w.m().get(id, {})).error() == errc::unavailable);
  BOOST_TEST(w.book->closed() == 0u);
  w.link().cut_off(false);
  BOOST_TEST(static_cast<bool>(*w.run(w.m().get(id, {}))));
  BOOST_TEST(w.book->opened() == 1u);
  BOOST_TEST(w.run(w.m(1).terminate(id, {})).has_value());
  for (int i = 0; i < 5; ++i) {
    auto const got = w.run(w.m().get(id, {}));
    BOOST_REQUIRE(got);
    BOOST_TEST(!*got);
    w.link().cut_off(true);  // RA32: known to be gone, also while storage is away
  }
  w.link().cut_off(false);
  w.sim.run_for(1s);
  BOOST_TEST(w.book->closed() == 1u);
  w.end();
}

// SM34
BOOST_AUTO_TEST_CASE(storage_that_refuses_writes_is_checked_with_peek_without_sliding) {
  session_world w(1);
  auto const id = w.opened();
  w.link().decide([](storage_operation o, std::size_t) { return o == storage_operation::peek ? storage_fault::none : storage_fault::server_error; });
  for (int i = 0; i < 20; ++i) {
    w.sim.run_for(1min);
    BOOST_TEST(static_cast<bool>(*w.run(w.m().get(id, {}))));
  }
  w.sim.run_for(11min);  // not slid: gone after one time to live
  BOOST_TEST(!*w.run(w.m().get(id, {})));
  w.link().decide(nullptr);
  w.end();
}

// RA12
BOOST_AUTO_TEST_CASE(backend_removed_during_a_restore_stays_removed_and_the_session_is_rebuilt) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    session_world w(seed, with_replicas(2));
    auto const id = w.opened();
    auto getting = w.start(w.m(1).get(id, {}));
    for (auto i = w.sim.random(14); i > 0; --i) w.sim.step();
    auto telling = w.start(w.m(0).notify_backend_expired(id, {}, "b"));
    w.finish(telling);
    w.finish(getting);
    BOOST_TEST(telling.look().has_value());
    BOOST_REQUIRE(getting.look());
    getting.take();
    BOOST_TEST((read_record(w.record(id)->value)->backends == std::vector<std::string>{"a"}));
    auto const got = w.run(w.m(1).get(id, {}));
    BOOST_REQUIRE(*got);
    BOOST_TEST(((*got)->request.backends == std::vector<std::string>{"a"}));
    w.end();
  }
}

// RA22, RA23
BOOST_AUTO_TEST_CASE(evicted_session_in_use_may_finish_and_one_that_hangs_in_its_close_holds_up_nothing) {
  session_world::setup how;
  how.options.cache_capacity = 1;
  session_world w(1, how);
  auto first = w.run(w.m().open({}, open_parameters()));
  auto const second = w.opened();
  w.sim.run_for(1s);
  BOOST_TEST(!first->lease->is_closed);
  BOOST_TEST(w.book->closed() == 0u);
  first->lease.release();
  w.f().hangs_in_close = true;
  w.sim.run_for(1s);
  BOOST_TEST(w.book->closed() == 1u);
  for (int i = 0; i < 20; ++i) {
    BOOST_TEST(static_cast<bool>(*w.run(w.m().get(first->id, {}))));
    BOOST_TEST(static_cast<bool>(*w.run(w.m().get(second, {}))));
  }
  w.f().hangs_in_close = false;
  w.end();
}

BOOST_AUTO_TEST_SUITE_END()
