#include "session/session_world.hpp"

using namespace mooring;
using namespace mooring::test;

namespace {

manager_options keyed(std::string id) {
  manager_options options;
  options.binding_keys.emplace_back(std::move(id), secret(std::string(32, 'k')));
  return options;
}

decorator<test_session> const same = [](std::shared_ptr<test_session> s, metadata d) { return result<decoration<test_session>>(decoration<test_session>(s, d)); };

std::size_t slides(test_link const& link) {
  return link.calls(storage_operation::load) + link.calls(storage_operation::touch) + link.calls(storage_operation::update_if) + link.calls(storage_operation::update_hints);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(session_identity)

// ID01, ID02, ID03: the record names nobody; the same pair is the owner each time.
BOOST_AUTO_TEST_CASE(owner_is_served_whatever_its_token_and_the_record_names_nobody) {
  session_world w(1, with_replicas(2));
  auto const id = w.opened(named("alice-canary", "issuer-canary"));
  auto const kept = w.record(id);
  BOOST_TEST_REQUIRE(kept.has_value());
  for (auto const& [key, value] : kept->value) BOOST_TEST(value.find("canary") == std::string::npos);
  std::vector<call<result<test_lease>>> gets;
  for (std::size_t i = 0; i < 20; ++i) gets.push_back(w.start(w.m(i % 2).get(id, named("alice-canary", "issuer-canary"))));
  for (auto& one : gets) {
    w.finish(one);
    BOOST_REQUIRE(one.look());
    BOOST_TEST(static_cast<bool>(*one.look()));
  }
  gets.clear();
  w.end();
}

// ID05, ID12, ID13, RA30: refused a thousand times over, cached or not, and nothing moves.
BOOST_AUTO_TEST_CASE(foreign_caller_is_refused_everywhere_and_moves_nothing) {
  for (bool const is_anonymous : {false, true}) {
    auto const owner = is_anonymous ? principal::anonymous() : named("alice");
    session_world w(1, with_replicas(2));
    auto opened = w.run(w.m().open(owner, open_parameters({"a"})));
    BOOST_REQUIRE(opened);
    auto const id = opened->id;
    auto const at = w.record(id)->revision;
    opened->lease.release();
    auto const moved = slides(w.link(0)) + slides(w.link(1));
    std::vector<principal> strangers{named("bob"), named("Alice"), named("alice", "other")};
    strangers.push_back(is_anonymous ? named("alice") : principal::anonymous());
    for (int i = 0; i < 125; ++i) {
      for (auto const& who : strangers) {
        for (std::size_t r = 0; r < 2; ++r) {
          BOOST_TEST(w.run(w.m(r).get(id, who)).error() == errc::wrong_owner);
          if (i % 25 != 0) continue;
          BOOST_TEST(w.run(w.m(r).validate(id, who)).error() == errc::wrong_owner);
          BOOST_TEST(w.run(w.m(r).terminate(id, who)).error() == errc::wrong_owner);
          BOOST_TEST(w.run(w.m(r).decorate(id, who, same)).error() == errc::wrong_owner);
          BOOST_TEST(w.run(w.m(r).notify_backend_expired(id, who, "a")).error() == errc::wrong_owner);
        }
      }
    }
    BOOST_TEST(slides(w.link(0)) + slides(w.link(1)) == moved);
    BOOST_TEST((w.record(id)->revision == at));
    BOOST_TEST(w.f(1).requests.empty());
    BOOST_TEST(w.book->closed() == 0u);
    BOOST_TEST(static_cast<bool>(*w.run(w.m(1).get(id, owner))));
    w.end();
  }
}

// ID13, SM32: a lease is held through a thousand mismatches and five times to live: it stays valid, and its record goes on being touched.
BOOST_AUTO_TEST_CASE(strangers_disturb_no_lease_of_the_owner) {
  for (bool const is_hidden : {false, true}) {
    auto how = with_replicas(2);
    how.options.hide_owner_mismatch = is_hidden;
    session_world w(1, how);
    auto const alice = named("alice");
    auto opened = w.run(w.m().open(alice, open_parameters({"a"})));
    BOOST_REQUIRE(opened);
    auto const id = opened->id;
    auto const at = w.record(id)->revision;
    auto const begun = w.sim.now();
    std::size_t mismatches = 0;
    for (auto touches = w.link().calls(storage_operation::touch); mismatches < 1000;) {
      for (auto const& who : {named("bob"), principal::anonymous()}) {
        for (std::size_t r = 0; r < 2; ++r) {
          auto const got = w.run(w.m(r).get(id, who));
          BOOST_TEST((is_hidden ? got && !*got : got.has_error() && got.error() == errc::wrong_owner));
          auto const ended = w.run(w.m(r).terminate(id, who));
          BOOST_TEST((is_hidden ? ended && !ended->existed : ended.has_error() && ended.error() == errc::wrong_owner));
          auto const decorated = w.run(w.m(r).decorate(id, who, same));
          BOOST_TEST((decorated.has_error() && decorated.error() == (is_hidden ? errc::not_found : errc::wrong_owner)));
          auto const told = w.run(w.m(r).notify_backend_expired(id, who, "a"));
          BOOST_TEST((is_hidden ? told.has_value() : told.has_error() && told.error() == errc::wrong_owner));
          mismatches += 4;
        }
      }
      w.sim.run_for(3min);
      BOOST_TEST(!opened->lease.is_revoked());
      BOOST_TEST(!opened->lease->is_closed);
      if (mismatches % 160 != 0) continue;
      // A time to live has passed.
      auto const now = w.link().calls(storage_operation::touch);
      BOOST_TEST(now > touches);
      touches = now;
    }
    BOOST_TEST((w.sim.now() - begun > 2h));
    BOOST_TEST((w.record(id)->revision == at));
    BOOST_TEST(w.f(1).requests.empty());
    BOOST_TEST(w.book->closed() == 0u);
    auto again = w.run(w.m().get(id, alice));
    BOOST_REQUIRE((again && *again));
    BOOST_TEST((*again)->serial == opened->lease->serial);
    opened->lease.release();
    again->release();
    w.end();
  }
}

// ID13: polled by strangers only, a session expires as if nobody had asked.
BOOST_AUTO_TEST_CASE(strangers_do_not_keep_a_session_alive) {
  session_world w(1, with_replicas(2));
  auto const id = w.opened(named("alice"));
  for (int i = 0; i < 29; ++i) {
    w.sim.run_for(1min);
    for (std::size_t r = 0; r < 2; ++r) BOOST_TEST(w.run(w.m(r).get(id, named("bob"))).error() == errc::wrong_owner);
  }
  w.sim.run_for(61s);
  BOOST_TEST(!w.record(id).has_value());
  w.end();
}

// ID15, RA21
BOOST_AUTO_TEST_CASE(stranger_during_a_restore_is_refused_on_its_own_and_the_restore_keeps_its_principal) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    session_world w(seed, with_replicas(2));
    auto const id = w.opened(named("alice"));
    w.f(1).latency = 20ms;
    std::vector<call<result<test_lease>>> own;
    std::vector<call<result<test_lease>>> foreign;
    for (int i = 0; i < 3; ++i) {
      own.push_back(w.start(w.m(1).get(id, named("alice"))));
      foreign.push_back(w.start(w.m(1).get(id, named("bob"))));
      for (auto n = w.sim.random(6); n > 0; --n) w.sim.step();
    }
    for (auto& one : foreign) {
      w.finish(one);
      BOOST_TEST(one.look().error() == errc::wrong_owner);
    }
    for (auto& one : own) {
      w.finish(one);
      BOOST_REQUIRE(one.look());
      BOOST_TEST(static_cast<bool>(*one.look()));
    }
    BOOST_TEST(w.f(1).requests.size() == 1u);
    BOOST_TEST(w.f(1).requests.at(0).owner.is_same_as(named("alice")));
    own.clear();
    w.end();
  }
}

// ID09
BOOST_AUTO_TEST_CASE(unknown_key_id_is_unsupported_for_everybody_and_leaves_the_record_alone) {
  session_world::setup how;
  how.options = keyed("new");
  session_world w(1, how);
  w.add_replica(keyed("old"));
  auto const id = w.opened(named("alice"));
  auto const before = *w.record(id);
  for (auto const& who : {named("alice"), named("bob"), principal::anonymous()}) {
    BOOST_TEST(w.run(w.m(1).get(id, who)).error() == errc::unsupported_version);
    BOOST_TEST(w.run(w.m(1).validate(id, who)).error() == errc::unsupported_version);
    BOOST_TEST(w.run(w.m(1).terminate(id, who)).error() == errc::unsupported_version);
    BOOST_TEST(w.run(w.m(1).notify_backend_expired(id, who, "a")).error() == errc::unsupported_version);
  }
  BOOST_TEST((w.record(id)->revision == before.revision));
  BOOST_TEST(static_cast<bool>(*w.run(w.m(0).get(id, named("alice")))));
  w.end();
}

// ID08
BOOST_AUTO_TEST_CASE(manager_without_a_secret_warns_on_a_shared_storage_only) {
  simulation sim(1);
  std::vector<std::string> lines;
  manager_options options;
  options.log = [&](severity level, std::string_view line) {
    if (level == severity::warning) lines.emplace_back(line);
  };
  auto const factory = std::make_shared<test_factory>(sim, std::make_shared<ledger>(), "r");
  auto const shared = std::make_shared<test_link>(sim, sim.get_executor(), std::make_shared<simulated_store<metadata>>());
  auto const local = *local_storage<metadata>::make(sim.get_executor());
  BOOST_TEST(manager::make(sim.get_executor(), local, factory, options).has_value());
  BOOST_TEST(lines.empty());
  BOOST_TEST(manager::make(sim.get_executor(), shared, factory, options).has_value());
  BOOST_TEST(lines.size() == 1u);
  auto with_key = keyed("k");
  with_key.log = options.log;
  BOOST_TEST(manager::make(sim.get_executor(), shared, factory, with_key).has_value());
  BOOST_TEST(lines.size() == 1u);
}

// ID16
BOOST_AUTO_TEST_CASE(hidden_mismatch_looks_and_costs_like_an_unknown_id) {
  auto how = with_replicas(2);
  how.options.hide_owner_mismatch = true;
  session_world w(1, how);
  auto const id = w.opened(named("alice"));
  for (std::size_t r = 0; r < 2; ++r) {
    auto const cost = [&](std::string const& of, auto ask) {
      auto const before = w.link(r).calls();
      ask(of);
      return w.link(r).calls() - before;
    };
    auto const who = named("bob");
    auto const get = [&](std::string const& of) {
      auto const got = w.run(w.m(r).get(of, who));
      BOOST_REQUIRE(got);
      BOOST_TEST(!*got);
    };
    auto const validate = [&](std::string const& of) { BOOST_TEST((*w.run(w.m(r).validate(of, who)) == validity::gone)); };
    auto const terminate = [&](std::string const& of) { BOOST_TEST(!w.run(w.m(r).terminate(of, who))->existed); };
    auto const notify = [&](std::string const& of) { BOOST_TEST(w.run(w.m(r).notify_backend_expired(of, who, "a")).has_value()); };
    auto const decorate = [&](std::string const& of) { BOOST_TEST(w.run(w.m(r).decorate(of, who, same)).error() == errc::not_found); };
    BOOST_TEST(cost(id, get) == cost("unknown", get));
    BOOST_TEST(cost(id, validate) == cost("unknown", validate));
    BOOST_TEST(cost(id, terminate) == cost("unknown", terminate));
    BOOST_TEST(cost(id, notify) == cost("unknown", notify));
    auto const create = [&](std::string const& of) { BOOST_TEST(w.run(w.m(r).create(of, who, open_parameters({"a"}))).error() == errc::not_found); };
    BOOST_TEST(cost(id, decorate) == cost("unknown", decorate));
    BOOST_TEST(cost(id, create) == cost("unknown", create));
  }
  BOOST_TEST(static_cast<bool>(*w.run(w.m().get(id, named("alice")))));
  BOOST_TEST(static_cast<bool>(*w.run(w.m(1).get(id, named("alice")))));
  BOOST_TEST(w.book->closed() == 0u);
  w.end();
}

// ID16: also of a storage that is silent
BOOST_AUTO_TEST_CASE(hidden_mismatch_meets_the_deadline_like_an_unknown_id) {
  session_world::setup how;
  how.options.hide_owner_mismatch = true;
  session_world w(1, how);
  auto const id = w.opened(named("alice"));
  w.link().decide([](storage_operation, std::size_t) { return storage_fault::no_request; });
  for (auto const span : {duration(50ms), duration(3s), duration(4s)}) {
    auto const known = w.run(w.m().get(id, named("bob"), call_options{span}));
    auto const unknown = w.run(w.m().get("unknown", named("bob"), call_options{span}));
    BOOST_REQUIRE((known.has_error() && unknown.has_error()));
    BOOST_TEST(known.error() == unknown.error());
  }
  w.link().decide(nullptr);
  w.end();
}

// SC03: canaries in ids, secrets, identities and data never reach log lines or events.
BOOST_AUTO_TEST_CASE(logs_hold_no_ids_no_names_and_no_data) {
  std::string said;
  session_world::setup how;
  how.replicas = 2;
  how.options.log = [&](severity, std::string_view line) { said += std::string(line) + '\n'; };
  how.options.binding_keys.emplace_back("k", secret("canary-secret-canary-secret-canary-secret"));
  session_world w(1, how);
  auto const who = named("canary-subject", "canary-issuer");
  auto const id = w.opened(who, open_parameters({"canary-backend"}, metadata{{"canary-key", "canary-value"}}, "canary-opening"));
  for (std::uint64_t i = 0; i < 300; ++i) {
    auto const fault = static_cast<storage_fault>(w.sim.random(8));
    w.link(1).fail(1 + w.sim.random(3), fault);
    w.f(1).instead = [&](auto&) -> std::optional<result<opened<test_session>>> {
      if (i % 3 == 0) throw std::runtime_error("thrown by the user");
      return std::nullopt;
    };
    switch (i % 4) {
      case 0: static_cast<void>(w.run(w.m(1).get(id, who))); break;
      case 1: static_cast<void>(w.run(w.m(1).open(who, open_parameters({"canary-backend"})))); break;
      case 2: static_cast<void>(w.run(w.m(1).validate(id, who))); break;
      default: static_cast<void>(w.run(w.m(1).decorate(id, who, same))); break;
    }
  }
  BOOST_TEST(!said.empty());
  BOOST_TEST(said.find("canary") == std::string::npos);
  BOOST_TEST(said.find(id) == std::string::npos);
  w.end();
}

BOOST_AUTO_TEST_SUITE_END()
