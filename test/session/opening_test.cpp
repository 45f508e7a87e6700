#include "session/session_world.hpp"

#include <set>

using namespace mooring;
using namespace mooring::test;

namespace {

std::optional<result<opened<test_session>>> fail_with(error_code why) { return result<opened<test_session>>(why); }

// The ids in the store, placeholders included.
std::size_t records(session_world& w) { return w.store->table.size(w.sim.now()); }

// The n-th call of one operation meets a fault.
void fail_nth(test_link& link, storage_operation which, std::size_t n, storage_fault fault) {
  auto const seen = std::make_shared<std::size_t>(0);
  link.decide([=](storage_operation operation, std::size_t) { return operation == which && ++*seen == n ? fault : storage_fault::none; });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(session_opening)

// SM01
BOOST_AUTO_TEST_CASE(bad_options_are_refused_by_name_and_capacity_zero_is_the_default) {
  simulation sim(1);
  auto const store = std::make_shared<test_link>(sim, sim.get_executor(), std::make_shared<simulated_store<metadata>>());
  auto const factory = std::make_shared<test_factory>(sim, std::make_shared<ledger>(), "r");
  auto const refused = [&](std::function<void(manager_options&)> spoil, std::string_view named) {
    manager_options options;
    spoil(options);
    std::string why;
    auto const made = manager::make(sim.get_executor(), store, factory, options, &why);
    BOOST_TEST(made.error() == errc::invalid_argument);
    BOOST_TEST(why.find(named) != std::string::npos, why);
  };
  refused([](auto& o) { o.ttl = 1ms; }, "ttl");
  refused([](auto& o) { o.placeholder_ttl = o.deadlines.factory; }, "placeholder_ttl");
  refused([](auto& o) { o.sweep_interval = 999us; }, "sweep_interval");
  refused([](auto& o) { o.sweep_concurrency = 0; }, "sweep_concurrency");
  refused([](auto& o) { o.max_restores = 0; }, "max_restores");
  refused([](auto& o) { o.max_sessions = 0; }, "max_sessions");
  refused([](auto& o) { o.max_sessions_per_principal = 0; }, "max_sessions_per_principal");
  refused([](auto& o) { o.deadlines.read = 0ns; }, "deadlines");
  refused([](auto& o) { o.max_stale = -1ns; }, "max_stale");
  refused([](auto& o) { o.partial_retry = 0ns; }, "partial_retry");
  refused([](auto& o) { o.binding_keys.emplace_back("k", secret("short")); }, "32");
  std::string why;
  BOOST_TEST(manager::make(sim.get_executor(), nullptr, factory, {}, &why).error() == errc::invalid_argument);
  BOOST_TEST(why.find("storage") != std::string::npos);
  BOOST_TEST(manager::make(sim.get_executor(), store, nullptr, {}, &why).error() == errc::invalid_argument);
  BOOST_TEST(why.find("factory") != std::string::npos);
}

// SM01: 1000 sessions stay cached with capacity 0, and one more evicts one.
BOOST_AUTO_TEST_CASE(default_capacity_reaches_the_cache) {
  session_world::setup how;
  how.link = {0ns, 0ns, 0ns, 5s, 0};
  session_world w(1, how);
  for (int i = 0; i < 1001; ++i) w.opened({}, open_parameters());
  BOOST_TEST(w.m().stats().cache.size == 1000u);
  w.sim.run_for(1s);
  BOOST_TEST(w.book->closed_for(disposal_reason::capacity) == 1u);
  w.end();
}

// SM02, SC01
BOOST_AUTO_TEST_CASE(generate_writes_a_placeholder_and_never_gives_an_id_twice) {
  session_world w(1);
  std::set<std::string> ids;
  for (int i = 0; i < 200; ++i) {
    auto const id = w.run(w.m().generate());
    BOOST_REQUIRE(id);
    BOOST_TEST(ids.insert(*id).second);
    BOOST_REQUIRE(w.record(*id));
    BOOST_TEST((w.record(*id)->value == placeholder_metadata()));
  }
  w.sim.fail_entropy(true);
  BOOST_TEST(w.run(w.m().generate()).error() == errc::unavailable);
  w.sim.fail_entropy(false);
  w.end();
}

// SM02, SM53: one failure is made good with another id, two are the error; an id that was given up leaves nothing behind.
BOOST_AUTO_TEST_CASE(generate_tries_once_more_and_then_fails) {
  for (auto const fault : {storage_fault::unavailable, storage_fault::server_error, storage_fault::lost_request, storage_fault::lost_reply, storage_fault::no_request, storage_fault::no_reply}) {
    session_world w(1);
    w.link().fail(1, fault);
    auto const id = w.run(w.m().generate());
    BOOST_REQUIRE(id);
    w.sim.run_for(1s);
    BOOST_TEST(records(w) == 1u);
    BOOST_TEST(w.record(*id).has_value());
    w.link().decide([=](storage_operation operation, std::size_t) { return operation == storage_operation::create ? fault : storage_fault::none; });
    auto const begun = w.sim.now();
    auto const failed = w.run(w.m().generate());
    BOOST_TEST(failed.has_error());
    BOOST_TEST((w.sim.now() - begun < 11s));
    BOOST_TEST(w.link().calls(storage_operation::create) == 4u);
    w.sim.run_for(1s);
    BOOST_TEST(records(w) == 1u);
    w.end();
  }
}

// RA40
BOOST_AUTO_TEST_CASE(late_create_of_an_id_that_was_given_up_is_never_served_and_expires) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    session_world w(seed);
    w.link().fail(1, storage_fault::late);
    auto const id = w.run(w.m().generate());
    BOOST_REQUIRE(id);
    w.sim.run_for(1s);
    auto const left = records(w);
    BOOST_TEST(left >= 1u);
    w.sim.run_for(61s);
    BOOST_TEST(records(w) == 0u);
    w.end();
  }
}

// SM03
BOOST_AUTO_TEST_CASE(placeholder_expires_whoever_asks_for_it) {
  session_world w(1);
  auto const id = *w.run(w.m().generate());
  for (int i = 0; i < 11; ++i) {
    w.sim.run_for(5s);
    BOOST_TEST(w.run(w.m().get(id, {})).error() == errc::not_ready);
    BOOST_TEST((*w.run(w.m().validate(id, {})) == validity::not_ready));
  }
  w.sim.run_for(6s);
  auto const gone = w.run(w.m().get(id, {}));
  BOOST_REQUIRE(gone);
  BOOST_TEST(!*gone);
  BOOST_TEST((*w.run(w.m().validate(id, {})) == validity::gone));
  BOOST_TEST(w.run(w.m().create(id, {}, open_parameters())).error() == errc::not_found);
  BOOST_TEST(w.f().requests.empty());
  w.end();
}

// SM04, SM12, SM24 (a new session gets no hints)
BOOST_AUTO_TEST_CASE(create_makes_the_session_then_its_record_then_a_lease) {
  session_world w(1);
  auto const id = *w.run(w.m().generate());
  open_parameters const asked({"a", std::string("b\0;", 3)}, metadata{{"mine", "1"}}, "opening");
  w.f().adorn = [](session_request const&, opened<test_session>& made) { made.data = metadata{{"found", "2"}}; };
  auto const lease = w.run(w.m().create(id, named("alice"), asked));
  BOOST_REQUIRE(lease);
  BOOST_TEST((*lease)->own_id == id);
  auto const& request = w.f().requests.at(0);
  BOOST_TEST(!request.is_restore);
  BOOST_TEST(request.hints.empty());
  BOOST_TEST((request.backends == asked.backends));
  auto const parts = read_record(w.record(id)->value);
  BOOST_REQUIRE(parts);
  BOOST_TEST((parts->state == record_state::live));
  BOOST_TEST((parts->backends == asked.backends));
  BOOST_TEST(parts->opening == "opening");
  BOOST_TEST((parts->data == metadata{{"mine", "1"}, {"found", "2"}}));
  BOOST_TEST(w.record(id)->hints.at("a") == "r0-1");
  // An ordinary record now: it outlives the placeholder's time.
  w.sim.run_for(2min);
  BOOST_TEST(w.record(id).has_value());
  BOOST_TEST(w.m().stats().created == 1u);
  w.end();
}

// SM05, SM40, SC02
BOOST_AUTO_TEST_CASE(ill_formed_ids_are_refused_without_any_io_and_unknown_ones_create_nothing) {
  session_world w(1);
  for (auto const& bad : {std::string(), std::string("a b"), std::string("a\r\nb"), std::string("a\0b", 3), std::string(257, 'a'), std::string("\xc3\xa9")}) {
    BOOST_TEST(w.run(w.m().create(bad, {}, open_parameters())).error() == errc::invalid_id);
    BOOST_TEST(w.run(w.m().get(bad, {})).error() == errc::invalid_id);
    BOOST_TEST(w.run(w.m().validate(bad, {})).error() == errc::invalid_id);
    BOOST_TEST(w.run(w.m().terminate(bad, {})).error() == errc::invalid_id);
    BOOST_TEST(w.run(w.m().notify_backend_expired(bad, {}, "a")).error() == errc::invalid_id);
    decorator<test_session> const same = [](std::shared_ptr<test_session> s, metadata d) { return result<decoration<test_session>>(decoration<test_session>(s, d)); };
    BOOST_TEST(w.run(w.m().decorate(bad, {}, same)).error() == errc::invalid_id);
  }
  BOOST_TEST(w.link().calls() == 0u);
  for (int i = 0; i < 1000; ++i) {
    auto const chosen = "chosen-" + std::to_string(i);
    auto const got = w.run(w.m().get(chosen, named("alice")));
    BOOST_REQUIRE(got);
    BOOST_TEST(!*got);
    BOOST_TEST(w.run(w.m().create(chosen, {}, open_parameters())).error() == errc::not_found);
    BOOST_TEST(w.run(w.m().terminate(chosen, {})).has_value());
    BOOST_TEST(w.run(w.m().notify_backend_expired(chosen, {}, "a")).has_value());
    BOOST_TEST((*w.run(w.m().validate(chosen, {})) == validity::gone));
  }
  BOOST_TEST(records(w) == 0u);
  BOOST_TEST(w.f().requests.empty());
  BOOST_TEST(w.m().stats().tombstones == 0u);  // SM42: ids it never held take no place there
  w.end();
}

// SM06
BOOST_AUTO_TEST_CASE(factory_error_is_returned_and_the_placeholder_erased) {
  session_world w(1);
  struct cause {
    std::function<std::optional<result<opened<test_session>>>(session_request const&)> instead;
    errc told;
  };
  for (auto const& one : std::vector<cause>{
           {[](auto&) { return fail_with(make_error_code(errc::busy)); }, errc::busy},
           {[](auto&) { return fail_with(boost::system::errc::make_error_code(boost::system::errc::connection_refused)); }, errc::load_failed},
           {[](auto&) -> std::optional<result<opened<test_session>>> { throw std::runtime_error("text"); }, errc::load_failed},
           {[](auto&) -> std::optional<result<opened<test_session>>> { throw 1; }, errc::load_failed},
           {[](auto&) { return std::optional<result<opened<test_session>>>(opened<test_session>()); }, errc::load_failed}}) {
    w.f().instead = one.instead;
    auto const id = *w.run(w.m().generate());
    BOOST_TEST(w.run(w.m().create(id, {}, open_parameters())).error() == one.told);
    BOOST_TEST(!w.record(id).has_value());
    BOOST_TEST(w.run(w.m().open({}, open_parameters())).error() == one.told);
    BOOST_TEST(records(w) == 0u);
    BOOST_TEST(w.m().stats().open_sessions == 0u);
  }
  w.end();
}

// SM10, ID11
BOOST_AUTO_TEST_CASE(factory_that_sets_a_reserved_key_is_refused_before_any_write_and_its_session_closed) {
  session_world w(1);
  w.f().adorn = [](session_request const&, opened<test_session>& made) { made.data = metadata{{std::string(record_key::owner), "anonymous"}}; };
  BOOST_TEST(w.run(w.m().open(named("alice"), open_parameters())).error() == errc::invalid_argument);
  BOOST_TEST(w.link().calls(storage_operation::update_if) == 0u);
  BOOST_TEST(records(w) == 0u);
  w.sim.run_for(1s);
  BOOST_TEST(w.book->opened() == 1u);
  BOOST_TEST(w.book->is_balanced());
  w.f().adorn = nullptr;
  // The caller's own data are refused before anything is made.
  BOOST_TEST(w.run(w.m().open({}, open_parameters({}, metadata{{"mooring.x", ""}}))).error() == errc::invalid_argument);
  BOOST_TEST(w.run(w.m().open({}, open_parameters({}, metadata{{"k", "\xff"}}))).error() == errc::invalid_argument);
  BOOST_TEST(w.run(w.m().open({}, open_parameters({}, metadata{{"k", std::string(70'000, 'x')}}))).error() == errc::too_large);
  BOOST_TEST(w.book->opened() == 1u);
  // No backends is valid.
  BOOST_TEST(w.run(w.m().open({}, open_parameters())).has_value());
  w.end();
}

// SM13
BOOST_AUTO_TEST_CASE(new_session_tries_healthy_backends_and_the_record_keeps_all) {
  session_world::setup how;
  how.options.health_monitor = [](std::string_view b) { return std::optional(b == "bad" ? backend_health::unhealthy : backend_health::healthy); };
  how.replicas = 2;
  session_world w(1, how);
  auto const id = w.opened({}, open_parameters({"good", "bad"}));
  BOOST_TEST((w.f().requests.at(0).backends == std::vector<std::string>{"good"}));
  BOOST_TEST((read_record(w.record(id)->value)->backends == std::vector<std::string>{"good", "bad"}));
  // SM28: a restore tries all.
  BOOST_TEST(w.run(w.m(1).get(id, {})).has_value());
  BOOST_TEST((w.f(1).requests.at(0).backends == std::vector<std::string>{"good", "bad"}));
  w.end();
}

// SM08, SM54: every way in which the final write can fail.
BOOST_AUTO_TEST_CASE(failed_or_unsettled_final_write_leaves_no_session_open) {
  for (auto const fault : {storage_fault::unavailable, storage_fault::server_error, storage_fault::lost_request, storage_fault::no_request, storage_fault::late}) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      session_world w(seed);
      fail_nth(w.link(), storage_operation::update_if, 1, fault);
      auto const made = w.run(w.m().open({}, open_parameters()));
      // A late write may still come before the peek that settles it.
      BOOST_TEST((made.has_error() || fault == storage_fault::late));
      w.sim.run_for(20s);
      BOOST_TEST(records(w) == (made ? 1u : 0u));
      BOOST_TEST(w.book->opened() == 1u);
      BOOST_TEST(w.book->open() == (made ? 1u : 0u));
      w.end();
    }
  }
}

// SM09, RA41, RA50: carried out, and the reply lost: one peek finds it, and the write is not sent again.
BOOST_AUTO_TEST_CASE(final_write_whose_reply_was_lost_is_settled_by_one_peek) {
  for (auto const fault : {storage_fault::lost_reply, storage_fault::no_reply}) {
    session_world w(1);
    fail_nth(w.link(), storage_operation::update_if, 1, fault);
    auto const made = w.run(w.m().open({}, open_parameters()));
    BOOST_REQUIRE(made);
    BOOST_TEST(w.link().calls(storage_operation::update_if) == 1u);
    BOOST_TEST(w.link().calls(storage_operation::peek) == 1u);
    BOOST_TEST(w.book->open() == 1u);
    w.end();
  }
}

// SM15
BOOST_AUTO_TEST_CASE(session_limits_refuse_before_the_factory_and_every_path_gives_its_place_back) {
  session_world::setup how;
  how.options.max_sessions = 3;
  how.options.max_sessions_per_principal = 2;
  how.replicas = 2;
  session_world w(1, how);
  auto const first = w.opened(named("alice"));
  w.opened(named("alice"));
  auto const asked = w.f().requests.size();
  BOOST_TEST(w.run(w.m().open(named("alice"), open_parameters())).error() == errc::too_many_sessions);
  w.opened(named("bob"));
  BOOST_TEST(w.run(w.m().open(named("carol"), open_parameters())).error() == errc::too_many_sessions);
  BOOST_TEST(w.f().requests.size() == asked + 1);
  // What another replica terminated makes room.
  BOOST_TEST(w.run(w.m(1).terminate(first, named("alice"))).has_value());
  auto const next = w.run(w.m().open(named("alice"), open_parameters()));
  if (!next) {
    // Its close was still on its way.
    BOOST_TEST(next.error() == errc::too_many_sessions);
    w.sim.run_for(1s);
    w.opened(named("alice"));
  }
  // Failures give their places back.
  BOOST_TEST(w.run(w.m().terminate(w.run(w.m().generate()).value(), {})).has_value());
  w.f().instead = [](auto&) { return fail_with(make_error_code(errc::busy)); };
  auto const before = w.m().stats().open_sessions;
  for (int i = 0; i < 20; ++i) BOOST_TEST(w.run(w.m().open(named("dora"), open_parameters())).has_error());
  BOOST_TEST(w.m().stats().open_sessions <= before);
  w.f().instead = nullptr;
  w.end();
}

// SM11, SM55
BOOST_AUTO_TEST_CASE(factory_that_hangs_is_ended_at_its_deadline_and_what_it_makes_later_is_closed) {
  for (bool const is_deaf : {false, true}) {
    session_world w(1);
    w.f().hangs_in_open = true;
    w.f().ignores_cancellation = is_deaf;
    auto const begun = w.sim.now();
    BOOST_TEST(w.run(w.m().open({}, open_parameters())).error() == errc::load_failed);
    BOOST_TEST((w.sim.now() - begun < 16s));
    BOOST_TEST((w.sim.now() - begun >= 15s));
    BOOST_TEST(records(w) == 0u);
    w.sim.run_for(1s);
    BOOST_TEST(w.book->opened() == (is_deaf ? 1u : 0u));  // it answers when it is cancelled, with a session
    BOOST_TEST(w.book->is_balanced());
    w.end();
  }
}

// SM11, SM52: a caller that leaves `open` at any moment leaves nothing behind.
BOOST_AUTO_TEST_CASE(caller_that_leaves_open_leaves_no_session_behind) {
  std::size_t ends = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    session_world w(seed);
    auto running = w.start(w.m().open({}, open_parameters({"a"})));
    auto const cut = w.sim.random(60);
    for (std::uint64_t i = 0; i < cut && !running.is_done(); ++i) w.sim.step();
    running.cancel();
    w.finish(running);
    bool const is_open = running.look().has_value();
    ends += is_open;
    if (!is_open) {
      BOOST_TEST((running.look().error() == errc::cancelled || running.look().error() == errc::ambiguous));
      w.sim.run_for(30s);
      BOOST_TEST(records(w) == 0u);
      BOOST_TEST(w.book->is_balanced());
      BOOST_TEST(w.m().stats().open_sessions == 0u);
    } else {
      running.take();
    }
    w.end();
  }
  BOOST_TEST(ends > 0u);
  BOOST_TEST(ends < 1000u);
}

// SM20
BOOST_AUTO_TEST_CASE(get_waits_for_a_creation_on_its_own_replica_and_is_told_not_ready_on_another) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    session_world::setup how;
    how.replicas = 2;
    session_world w(seed, how);
    w.f().latency = 1s;
    auto const id = *w.run(w.m().generate());
    auto creating = w.start(w.m().create(id, named("alice"), open_parameters()));
    while (w.f().requests.empty()) w.sim.step();
    auto own = w.start(w.m().get(id, named("alice")));
    auto hurried = w.start(w.m().get(id, named("alice"), {.deadline = 1ns}));
    auto foreign = w.start(w.m().get(id, named("bob")));
    auto elsewhere = w.start(w.m(1).get(id, named("alice")));
    w.finish(foreign);
    BOOST_TEST(foreign.look().error() == errc::wrong_owner);
    w.finish(hurried);
    BOOST_TEST(hurried.look().error() == errc::deadline_exceeded);
    w.finish(elsewhere);
    if (elsewhere.look()) BOOST_TEST(static_cast<bool>(*elsewhere.look()));  // it was live already
    else BOOST_TEST(elsewhere.look().error() == errc::not_ready);
    w.finish(own);
    w.finish(creating);
    BOOST_REQUIRE(creating.look());
    BOOST_REQUIRE(own.look());
    BOOST_REQUIRE(*own.look());
    BOOST_TEST((*own.look())->serial == (*creating.look())->serial);
    w.end();
  }
}

BOOST_AUTO_TEST_SUITE_END()
