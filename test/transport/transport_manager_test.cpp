#include "simulation/scripted_redis.hpp"
#include "transport/transport_world.hpp"

#include <mooring/session/uuid.hpp>
#include <mooring/storage/detail/redis_records.hpp>
#include <mooring/storage/redis_storage.hpp>

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <stdexcept>

using namespace mooring;
using namespace mooring::test;

namespace {

transport_manager_options with_ttl(duration ttl) {
  transport_manager_options options;
  options.ttl = ttl;
  return options;
}

redis_storage_options nowhere() {
  redis_storage_options options;
  options.address = redis_address{"127.0.0.1", "1"};
  options.key_prefix = "t:";
  return options;
}

// A manager on a link whose calls fail as told, and take no longer than told.
struct linked {
  explicit linked(transport_world& w, transport_manager_options options = {}) {
    link_options way;
    way.deadline = 10h;  // the manager's own deadline comes first
    local_storage_options kept;
    kept.ttl = options.ttl.value_or(kept.ttl);
    store = std::make_shared<linked_sessions>(w.sim, w.get_executor(), std::make_shared<simulated_store<transport_session_ptr>>(kept), way);
    manager = &w.keep(transport_session_manager::make(w.get_executor(), store, std::move(options)));
  }
  std::shared_ptr<linked_sessions> store;
  transport_session_manager* manager;
};

// A manager on a model of a Redis server.
struct scripted {
  explicit scripted(transport_world& w, transport_manager_options own = {}, redis_storage_options options = {}) {
    options.key_prefix = "t:";
    link = std::make_shared<scripted_redis>(w.sim, w.get_executor(), std::make_shared<redis_model>());
    auto store = std::make_shared<redis_storage<transport_session_ptr>>(detail::redis_records(link, w.get_executor(), options));
    manager = &w.keep(transport_session_manager::make(w.get_executor(), transport_session_manager::storage_pointer(std::move(store)), std::move(own)));
  }
  std::shared_ptr<scripted_redis> link;
  transport_session_manager* manager;
};

// Says when it is closed.
class counted_session final : public transport_session, public closable {
 public:
  counted_session(std::string id, wall_time now, std::vector<std::string>& closed) : transport_session(std::move(id), "counted", now), closed_(closed) {}
  void close() override { closed_.push_back(id()); }

 private:
  std::vector<std::string>& closed_;
};

// A maker of such sessions, and what became of them.
struct counted {
  int made = 0;
  std::vector<std::string> closed;
  std::string odd_id;  // what it makes instead, once there is one

  transport_manager_options options() {
    transport_manager_options own;
    own.make_session = [this](std::string id, wall_time now) {
      ++made;
      return std::make_shared<counted_session>(odd_id.empty() ? std::move(id) : odd_id, now, closed);
    };
    return own;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(transport_manager)

// SE11, SE14: built in, typed and custom makers, on the storage that the constructor says.
BOOST_AUTO_TEST_CASE(each_constructor_makes_its_sessions_on_its_storage) {
  transport_world w;
  auto const given = local_sessions::make(w.get_executor()).value();
  transport_manager_options custom;
  custom.make_session = [](std::string id, wall_time now) {
    auto made = make_transport_session(std::move(id), "custom", now);
    made->set_metadata("made by", "us", now);
    return made;
  };
  struct {
    transport_session_manager& manager;
    std::string type;
  } const rows[] = {
      {w.keep(transport_session_manager::make(w.get_executor())), "mcp"},
      {w.keep(transport_session_manager::make(w.get_executor(), std::string("sse"))), "sse"},
      {w.keep(transport_session_manager::make(w.get_executor(), std::string("streamable"))), "streamable"},
      {w.keep(transport_session_manager::make(w.get_executor(), std::string("websocket"))), "websocket"},
      {w.keep(transport_session_manager::make(w.get_executor(), custom)), "custom"},
      {w.keep(transport_session_manager::make(w.get_executor(), given)), "mcp"},
      {w.keep(transport_session_manager::make(w.get_executor(), std::optional<redis_storage_options>())), "mcp"},
  };
  for (auto const& [manager, type] : rows) {
    BOOST_TEST_INFO_SCOPE(type);
    w.sim.run_for(1s);
    auto const made = w.ask(manager.add_with_id(id_a));
    BOOST_TEST_REQUIRE(made.has_value());
    BOOST_TEST((*made)->id() == id_a);
    BOOST_TEST((*made)->type() == type);
    BOOST_TEST(((*made)->created_at() == w.sim.wall_now()));
    auto const found = w.ask(manager.get(id_a));
    BOOST_TEST(found == *made);
    BOOST_TEST((sse_of(found) != nullptr) == (type == "sse"));
    BOOST_TEST((std::dynamic_pointer_cast<streamable_session>(found) != nullptr) == (type == "streamable"));
    BOOST_TEST(found->metadata().size() == (type == "custom" ? 1u : 0u));
    BOOST_TEST(manager.count().value() == 1u);
  }
  BOOST_TEST(given->size() == 1u);
}

// SE12
BOOST_AUTO_TEST_CASE(redis_options_are_refused_by_name_and_an_unreachable_server_is_no_construction_error) {
  transport_world w;
  auto no_prefix = nowhere();
  no_prefix.key_prefix = "t";
  auto bad_pem = nowhere();
  bad_pem.tls.emplace().ca_pem = "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n";
  auto no_address = nowhere();
  no_address.address.reset();
  struct {
    redis_storage_options options;
    char const* field;
  } const rows[] = {{no_prefix, "redis_storage_options::key_prefix"}, {bad_pem, "ca_pem"}, {no_address, "redis_storage_options::address"}};
  for (auto const& [options, field] : rows) {
    std::string why;
    auto const made = transport_session_manager::make(w.get_executor(), options, {}, &why);
    BOOST_TEST(made.error() == errc::invalid_argument);
    BOOST_TEST(why.find(field) != std::string::npos, why);
  }
  // Constructed, and gone again before anything ran: the simulation has no sockets.
  auto options = nowhere();
  options.ttl = 1h;
  auto const made = transport_session_manager::make(w.get_executor(), options);
  BOOST_TEST_REQUIRE(made.has_value());
  // SE13: one TTL, whichever of the two named it.
  BOOST_TEST(((*made)->ttl() == 1h));
  BOOST_TEST((transport_session_manager::make(w.get_executor(), options, with_ttl(5min)).value()->ttl() == 5min));
  // SE20
  BOOST_TEST((*made)->count().error() == errc::unsupported);
}

// Each option that breaks its rule, with its message.
BOOST_AUTO_TEST_CASE(options_that_break_a_rule_are_refused_by_name) {
  transport_world w;
  auto const here = w.get_executor();
  auto const store = local_sessions::make(here).value();
  auto const zero = [](auto member, duration value) {
    transport_manager_options options;
    options.*member = value;
    return options;
  };
  auto const maker = [] {
    transport_manager_options options;
    options.make_session = [](std::string, wall_time) { return nullptr; };
    return options;
  };
  using options_type = transport_manager_options;
  std::string why;
  std::string const positive = "; it must be above zero.";
  std::vector<std::pair<options_type, std::string>> const rows{
      {zero(&options_type::ttl, 0ns), "ttl is 0 ms" + positive},
      {zero(&options_type::ttl, -1s), "ttl is -1000 ms" + positive},
      {zero(&options_type::operation_deadline, 0ns), "operation_deadline is 0 ms" + positive},
      {zero(&options_type::operation_deadline, -1ns), "operation_deadline is -1 ns" + positive},
      {zero(&options_type::cleanup_deadline, 0ns), "cleanup_deadline is 0 ms" + positive},
      {zero(&options_type::cleanup_deadline, -1h), "cleanup_deadline is -3600000 ms" + positive},
  };
  for (auto const& [options, message] : rows) {
    std::vector<error_code> errors;
    std::vector<std::string> messages;
    auto const note = [&](result<manager_pointer> const& made) {
      errors.push_back(made.error());
      messages.push_back(std::exchange(why, {}));
    };
    note(transport_session_manager::make(here, options, &why));
    note(transport_session_manager::make(here, std::string("sse"), options, &why));
    note(transport_session_manager::make(here, store, options, &why));
    note(transport_session_manager::make(here, nowhere(), options, &why));
    for (auto const& error : errors) BOOST_TEST(error == errc::invalid_argument);
    for (auto const& each : messages) BOOST_TEST(each == "transport_manager_options::" + message);
  }
  BOOST_TEST(transport_session_manager::make(here, std::string(), {}, &why).error() == errc::invalid_argument);
  BOOST_TEST(why == "The type is empty; give the type of the sessions that add_with_id makes.");
  BOOST_TEST(transport_session_manager::make(here, std::string("sse"), maker(), &why).error() == errc::invalid_argument);
  BOOST_TEST(why == "transport_manager_options::make_session is given together with a type; give one of the two.");
  BOOST_TEST(transport_session_manager::make(here, transport_session_manager::storage_pointer(), {}, &why).error() == errc::invalid_argument);
  BOOST_TEST(why == "The storage is null; give one, or leave it out for memory.");
  // SE13: two times to live are one too many.
  BOOST_TEST(transport_session_manager::make(here, store, with_ttl(29min), &why).error() == errc::invalid_argument);
  BOOST_TEST(why == "transport_manager_options::ttl is 1740000 ms; the storage's is 1800000 ms, leave it empty.");
  w.keep(transport_session_manager::make(here, store, with_ttl(30min), &why));
}

// SE15
BOOST_AUTO_TEST_CASE(second_add_of_an_id_is_exists_and_changes_nothing) {
  transport_world w;
  auto& manager = w.keep(transport_session_manager::make(w.get_executor(), std::string("sse")));
  auto const first = w.ask(manager.add_with_id(id_a)).value();
  BOOST_TEST(w.ask(manager.add_with_id(id_a)).error() == errc::exists);
  BOOST_TEST(w.ask(manager.add(w.session(id_a))).error() == errc::exists);
  BOOST_TEST(w.ask(manager.get(id_a)) == first);
  BOOST_TEST(sse_of(first)->is_connected());
  BOOST_TEST(manager.count().value() == 1u);
}

// SE15: of two that begin together exactly one wins, whatever the order of their requests; and what is stored is the winner's.
BOOST_AUTO_TEST_CASE(of_two_concurrent_adds_exactly_one_wins) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    transport_world w(seed);
    linked l(w);
    auto const one = w.start(l.manager->add_with_id(id_a));
    auto const two = w.start(l.manager->add_with_id(id_a));
    while (!*one || !*two) BOOST_REQUIRE(w.sim.step());
    BOOST_TEST_REQUIRE((*one)->has_value() != (*two)->has_value());
    auto const& winner = (*one)->has_value() ? **one : **two;
    auto const& loser = (*one)->has_value() ? **two : **one;
    BOOST_TEST_REQUIRE(loser.error() == errc::exists);
    BOOST_TEST_REQUIRE(w.ask(l.manager->get(id_a)) == winner.value());
  }
}

// SE15, SE17: not known is never taken for absent, and a write whose reply was lost is ambiguous.
BOOST_AUTO_TEST_CASE(unavailable_storage_is_reported_and_never_taken_for_absence) {
  transport_world w;
  std::vector<std::string> lines;
  transport_manager_options options;
  options.log = [&lines](severity, std::string_view line) { lines.emplace_back(line); };
  linked l(w, options);
  BOOST_TEST(w.ask(l.manager->add_with_id(id_a)).has_value());
  struct {
    storage_fault fault;
    errc read;
    errc write;
  } const rows[] = {{storage_fault::unavailable, errc::unavailable, errc::unavailable},
                    {storage_fault::server_error, errc::server_error, errc::server_error},
                    {storage_fault::lost_reply, errc::unavailable, errc::ambiguous},
                    {storage_fault::no_request, errc::deadline_exceeded, errc::ambiguous}};
  for (auto const& [fault, read, write] : rows) {
    BOOST_TEST_INFO_SCOPE(name_of(write));
    auto const next = [&] { l.store->fail(1, fault); };
    next();
    BOOST_TEST(w.ask(l.manager->get_with_error(id_a)).error() == read);
    next();
    lines.clear();
    BOOST_TEST(w.ask(l.manager->get(id_a)) == nullptr);
    BOOST_TEST((lines == std::vector<std::string>{"get: " + make_error_code(read).message()}));
    next();
    BOOST_TEST(w.ask(l.manager->add_with_id(id_b)).error() == write);
    next();
    BOOST_TEST(w.ask(l.manager->add(w.session(id_c))).error() == write);
    next();
    BOOST_TEST(w.ask(l.manager->upsert(w.session(id_c))).error() == read);
    l.store->fail(2, fault);
    BOOST_TEST(w.ask(l.manager->upsert(w.session(id_c))).error() == write);
    next();
    BOOST_TEST(w.ask(l.manager->erase(id_c)).error() == write);
    next();
    BOOST_TEST(w.ask(l.manager->cleanup()).error() == read);
    BOOST_TEST(w.ask(l.manager->erase(id_b)).has_value());
  }
  lines.clear();
  BOOST_TEST(w.ask(l.manager->get_with_error(id_b)).value() == nullptr);
  BOOST_TEST(w.ask(l.manager->get(id_b)) == nullptr);
  BOOST_TEST(lines.empty());
  BOOST_TEST(w.ask(l.manager->get(id_a)) != nullptr);
}

// SM61: each operation its own 5 s, unless the call or the options say otherwise; the error says so.
BOOST_AUTO_TEST_CASE(each_operation_ends_at_its_own_deadline) {
  transport_world w;
  linked l(w);
  transport_manager_options shorter;
  shorter.operation_deadline = 70ms;
  shorter.cleanup_deadline = 90ms;
  linked s(w, shorter);
  auto const took = [&](linked& on, auto act) {
    on.store->fail(1, storage_fault::no_request);
    auto const start = w.sim.now();
    auto const outcome = w.ask(act());
    BOOST_TEST((outcome.error() == errc::deadline_exceeded || outcome.error() == errc::ambiguous));
    return w.sim.now() - start;
  };
  for (int i = 0; i < 2; ++i) {
    for (auto* const on : {&l, &s}) {
      duration const normal = on == &l ? 5s : 70ms;
      auto& m = *on->manager;
      BOOST_TEST((took(*on, [&] { return m.get_with_error(id_a); }) == normal));
      BOOST_TEST((took(*on, [&] { return m.add_with_id(id_a); }) == normal));
      BOOST_TEST((took(*on, [&] { return m.add(w.session(id_a)); }) == normal));
      BOOST_TEST((took(*on, [&] { return m.upsert(w.session(id_a)); }) == normal));
      BOOST_TEST((took(*on, [&] { return m.erase(id_a); }) == normal));
      BOOST_TEST((took(*on, [&] { return m.cleanup(); }) == (on == &l ? duration(30s) : duration(90ms))));
      BOOST_TEST((took(*on, [&] { return m.get_with_error(id_a, {.deadline = 50ms}); }) == 50ms));
      BOOST_TEST((took(*on, [&] { return m.cleanup({.deadline = 50ms}); }) == 50ms));
    }
  }
}

// SE13, SM61: the cleanup runs every TTL/2; a run that hangs ends at its deadline, is reported, and the next does what it left.
BOOST_AUTO_TEST_CASE(cleanup_runs_every_half_ttl_each_run_within_its_own_deadline) {
  transport_world w;
  std::vector<std::string> lines;
  auto options = with_ttl(10min);
  options.log = [&lines](severity, std::string_view line) { lines.emplace_back(line); };
  linked l(w, options);
  auto const runs = [&] { return l.store->calls(storage_operation::erase_expired); };
  w.sim.run_for(5min - 1ns);
  BOOST_TEST(runs() == 0u);
  l.store->fail(1, storage_fault::no_request);
  w.sim.run_for(1ns);
  BOOST_TEST(runs() == 1u);
  w.sim.run_for(30s - 1ns);
  BOOST_TEST(lines.empty());
  w.sim.run_for(1ns);
  BOOST_TEST_REQUIRE(lines.size() == 1u);
  BOOST_TEST(lines.front() == "cleanup: " + make_error_code(errc::deadline_exceeded).message() + "; the rest is left for the next run");
  w.sim.run_for(5min);
  BOOST_TEST(runs() == 2u);
  w.sim.run_for(1h);
  BOOST_TEST(lines.size() == 1u);
  BOOST_TEST(runs() >= 13u);
  BOOST_TEST(runs() <= 14u);
}

// SE13: what a storage throws ends one run, and no other.
BOOST_AUTO_TEST_CASE(cleanup_goes_on_after_a_run_that_threw) {
  transport_world w;
  std::vector<std::string> lines;
  auto options = with_ttl(10min);
  options.log = [&lines](severity, std::string_view line) { lines.emplace_back(line); };
  linked l(w, options);
  int runs = 0;
  l.store->on_call([&runs](storage_operation operation, std::string const&) {
    if (operation == storage_operation::erase_expired && ++runs == 1) throw std::runtime_error("no room");
  });
  w.sim.run_for(5min);
  BOOST_TEST(runs == 1);
  BOOST_TEST((lines == std::vector<std::string>{"the cleanup threw: no room"}));
  w.sim.run_for(15min);
  BOOST_TEST(runs >= 3);
  BOOST_TEST(lines.size() == 1u);
  w.done(l.manager->stop());
  BOOST_TEST(w.sim.run(100));
  BOOST_TEST(w.sim.outstanding() == 0u);
}

// SE13: a TTL of one tick.
BOOST_AUTO_TEST_CASE(manager_with_a_ttl_of_one_tick_constructs_runs_and_stops) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    transport_world w(seed);
    auto& manager = w.keep(transport_session_manager::make(w.get_executor(), std::string("sse"), with_ttl(1ns)));
    BOOST_TEST((manager.ttl() == 1ns));
    auto const session = w.ask(manager.add_with_id(id_a)).value();
    BOOST_TEST(sse_of(session)->is_connected());
    w.sim.run_for(1ms);
    BOOST_TEST(!sse_of(session)->is_connected());
    BOOST_TEST(w.ask(manager.get_with_error(id_a)).value() == nullptr);
    BOOST_TEST(manager.count().value() == 0u);
    w.done(manager.stop());
    BOOST_TEST(w.sim.run(100));
    BOOST_TEST(w.sim.outstanding() == 0u);
  }
}

// SE16
BOOST_AUTO_TEST_CASE(upsert_inserts_or_replaces_the_concrete_type_included) {
  transport_world w;
  auto& memory = w.keep(transport_session_manager::make(w.get_executor()));
  linked l(w);
  for (auto* const manager : {&memory, l.manager}) {
    auto const ready = w.session(id_a, "streamable");
    ready->set_metadata("k", "v", w.sim.wall_now());
    BOOST_TEST(w.ask(manager->add(ready)).has_value());
    auto const added = w.ask(manager->get(id_a));
    BOOST_TEST(added->type() == "streamable");
    BOOST_TEST(added->metadata("k").value() == "v");
    BOOST_TEST((std::dynamic_pointer_cast<streamable_session>(added) != nullptr));
    auto const other = w.session(id_a, "sse");
    BOOST_TEST(w.ask(manager->upsert(other)).has_value());
    BOOST_TEST(w.ask(manager->get(id_a)) == other);
    BOOST_TEST(w.ask(manager->upsert(other)).has_value());
    BOOST_TEST(sse_of(other)->is_connected());
    BOOST_TEST(w.ask(manager->upsert(w.session(id_b))).has_value());
    BOOST_TEST(w.ask(manager->get(id_b))->type() == "mcp");
  }
  BOOST_TEST(memory.count().value() == 2u);
}

// SE16, ST21: what is replaced lives no longer than it would have, wherever it is stored.
BOOST_AUTO_TEST_CASE(upsert_keeps_the_moment_of_creation_on_every_storage) {
  transport_world w;
  local_storage_options local;
  local.ttl = 10min;
  local.absolute_lifetime = 15min;
  redis_storage_options redis;
  redis.ttl = 10min;
  redis.absolute_lifetime = 15min;
  scripted s(w, {}, redis);
  auto const link = std::make_shared<linked_sessions>(w.sim, w.get_executor(), std::make_shared<simulated_store<transport_session_ptr>>(local));
  std::pair<char const*, transport_session_manager*> const managers[] = {
      {"memory", &w.keep(transport_session_manager::make(w.get_executor(), local_sessions::make(w.get_executor(), local).value()))},
      {"a storage of the user's own", &w.keep(transport_session_manager::make(w.get_executor(), link))},
      {"Redis", s.manager}};
  auto const on_all = [&](auto act) {
    for (auto const& [name, manager] : managers) {
      BOOST_TEST_INFO_SCOPE(name);
      act(*manager);
    }
  };
  auto const stores = [&](auto& manager) { BOOST_TEST(w.ask(manager.upsert(w.session(id_a, "sse"))).has_value()); };
  on_all(stores);
  w.sim.run_for(8min);
  on_all(stores);
  w.sim.run_for(6min + 58s);
  on_all([&](auto& manager) { BOOST_TEST(w.ask(manager.get_with_error(id_a)).value() != nullptr); });
  w.sim.run_for(4s);
  on_all([&](auto& manager) { BOOST_TEST(w.ask(manager.get_with_error(id_a)).value() == nullptr); });
  on_all(stores);
  w.sim.run_for(9min);
  on_all([&](auto& manager) { BOOST_TEST(w.ask(manager.get_with_error(id_a)).value() != nullptr); });
}

// SE16: of upserts that meet none fails, and what is stored is one of theirs.
BOOST_AUTO_TEST_CASE(concurrent_upserts_all_succeed) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    transport_world w(seed);
    linked l(w);
    std::vector<transport_session_ptr> const sessions{w.session(id_a, "sse"), w.session(id_a), w.session(id_a, "streamable")};
    std::vector<std::shared_ptr<std::optional<result<>>>> answers;
    for (auto const& each : sessions) answers.push_back(w.start(l.manager->upsert(each)));
    auto const erased = w.start(l.manager->erase(id_a));
    for (auto const& answer : answers) {
      while (!*answer) BOOST_REQUIRE(w.sim.step());
      BOOST_TEST_REQUIRE((*answer)->has_value());
    }
    while (!*erased) BOOST_REQUIRE(w.sim.step());
    auto const found = w.ask(l.manager->get_with_error(id_a)).value();
    BOOST_TEST_REQUIRE((!found || std::find(sessions.begin(), sessions.end(), found) != sessions.end()));
    BOOST_TEST_REQUIRE(sse_of(sessions[0])->is_connected());  // objects in such a storage are their users' to close
  }
}

// SE07, SE16, SE18, ST15: arguments that are refused, each with its error; the storage is asked for nothing but what is there, and nothing changes.
BOOST_AUTO_TEST_CASE(null_sessions_and_ids_that_are_no_uuids_are_refused) {
  transport_world w;
  linked l(w);
  auto& memory = w.keep(transport_session_manager::make(w.get_executor()));
  std::vector<std::string> const bad{"", "a", "0190f3c2-7c1e-7abc-8def-0123456789a", "0190f3c2-7c1e-7abc-8def-0123456789abc", "0190f3c27c1e7abc8def0123456789ab", "{0190f3c2-7c1e-7abc-8def-0123456789ab}",
                                     "urn:uuid:0190f3c2-7c1e-7abc-8def-0123456789ab", "0190f3c2-7c1e-7abc-8def-0123456789ag", "0190f3c2_7c1e_7abc_8def_0123456789ab", " 190f3c2-7c1e-7abc-8def-0123456789ab",
                                     "0190f3c2-7c1e-7abc-8def-0123456789a\n", std::string(257, 'a'), std::string(36, '-'), std::string(36, '\0')};
  for (auto* const manager : {&memory, l.manager}) {
    for (auto const& id : bad) {
      BOOST_TEST_INFO_SCOPE(id);
      BOOST_TEST(w.ask(manager->add_with_id(id)).error() == errc::invalid_id);
      BOOST_TEST(w.ask(manager->add(w.session(id))).error() == errc::invalid_id);
      BOOST_TEST(w.ask(manager->upsert(w.session(id))).error() == errc::invalid_id);
      BOOST_TEST(w.ask(manager->erase(id)).error() == errc::invalid_id);
    }
    BOOST_TEST(w.ask(manager->add(nullptr)).error() == errc::invalid_argument);
    BOOST_TEST(w.ask(manager->upsert(nullptr)).error() == errc::invalid_argument);
    BOOST_TEST(w.ask(manager->add(w.session(id_a, ""))).error() == errc::invalid_argument);
    auto const too_large = w.session(id_a);
    too_large->set_metadata("k", std::string(64 * 1024 + 1, 'v'), w.sim.wall_now());
    BOOST_TEST(w.ask(manager->add(too_large)).error() == errc::too_large);
    BOOST_TEST(w.ask(manager->upsert(too_large)).error() == errc::too_large);
  }
  BOOST_TEST(l.store->calls() == l.store->calls(storage_operation::peek));
  BOOST_TEST(memory.count().value() == 0u);
  // What no storage takes as an id is refused by get; another text that is no UUID names nothing.
  BOOST_TEST(w.ask(memory.get_with_error("a b")).error() == errc::invalid_id);
  BOOST_TEST(w.ask(memory.get_with_error("a")).value() == nullptr);
}

// SE14: a maker that fails is `load_failed`, its text in the log and nothing stored.
BOOST_AUTO_TEST_CASE(maker_that_fails_stores_nothing) {
  transport_world w;
  std::vector<std::string> lines;
  struct {
    transport_session_maker maker;
    std::string line;
  } const rows[] = {
      {[](std::string, wall_time) -> transport_session_ptr { throw std::runtime_error("no room"); }, "the maker threw: no room"},
      {[](std::string, wall_time) -> transport_session_ptr { throw 5; }, "the maker threw: something that is no std::exception"},
      {[](std::string, wall_time) { return transport_session_ptr(); }, "the maker gave no session"},
      {[](std::string, wall_time now) { return make_transport_session(id_b, "mcp", now); }, "the maker gave a session of another id"},
  };
  for (auto const& [maker, line] : rows) {
    transport_manager_options options;
    options.make_session = maker;
    options.log = [&lines](severity, std::string_view said) {
      lines.emplace_back(said);
      throw std::runtime_error("a sink that throws is ignored");
    };
    auto& manager = w.keep(transport_session_manager::make(w.get_executor(), options));
    lines.clear();
    BOOST_TEST(w.ask(manager.add_with_id(id_a)).error() == errc::load_failed);
    BOOST_TEST((lines == std::vector<std::string>{line}));
    BOOST_TEST(manager.count().value() == 0u);
  }
}

// SE14: a call that may not begin asks the maker nothing.
BOOST_AUTO_TEST_CASE(maker_is_not_asked_when_the_call_may_not_begin) {
  counted maker;
  transport_world w;
  linked l(w, maker.options());
  for (duration const passed : {duration(0), duration(-1), duration::min()}) BOOST_TEST(w.ask(l.manager->add_with_id(id_a, {.deadline = passed})).error() == errc::deadline_exceeded);
  asio::cancellation_signal signal;
  std::optional<error_code> ended;
  asio::co_spawn(
      w.get_executor(),
      [&]() -> awaitable<void> {
        co_await asio::this_coro::throw_if_cancelled(false);
        signal.emit(asio::cancellation_type::terminal);
        auto const made = co_await l.manager->add_with_id(id_a);
        ended = made.error();
      },
      asio::bind_cancellation_slot(signal.slot(), [](std::exception_ptr failure) {
        if (failure) std::rethrow_exception(failure);
      }));
  for (int i = 0; i < 1000 && !ended; ++i) w.sim.step();
  BOOST_TEST_REQUIRE(ended.has_value());
  BOOST_TEST(*ended == errc::cancelled);
  w.done(l.manager->stop());
  BOOST_TEST(w.ask(l.manager->add_with_id(id_a)).error() == errc::closed);
  BOOST_TEST(maker.made == 0);
  BOOST_TEST(l.store->calls() == 0u);
}

// SE14, SE15: a session that was made for nothing is closed; one that may be stored is not, unless its text alone is.
BOOST_AUTO_TEST_CASE(session_that_was_made_and_not_stored_is_closed) {
  using names = std::vector<std::string>;
  counted maker;
  transport_world w;
  auto& memory = w.keep(transport_session_manager::make(w.get_executor(), maker.options()));
  linked l(w, maker.options());
  scripted s(w, maker.options());
  for (auto* const manager : {&memory, l.manager, s.manager}) {
    BOOST_TEST(w.ask(manager->add_with_id(id_a)).has_value());
    BOOST_TEST(maker.closed.empty());
    BOOST_TEST(w.ask(manager->add_with_id(id_a)).error() == errc::exists);
    BOOST_TEST((std::exchange(maker.closed, {}) == names{id_a}));
    maker.odd_id = id_c;
    BOOST_TEST(w.ask(manager->add_with_id(id_b)).error() == errc::load_failed);
    maker.odd_id.clear();
    BOOST_TEST((std::exchange(maker.closed, {}) == names{id_c}));
    BOOST_TEST(w.ask(manager->get(id_a)) != nullptr);
  }
  l.store->fail(1, storage_fault::unavailable);
  BOOST_TEST(w.ask(l.manager->add_with_id(id_b)).error() == errc::unavailable);
  BOOST_TEST((std::exchange(maker.closed, {}) == names{id_b}));
  l.store->fail(1, storage_fault::lost_reply);
  BOOST_TEST(w.ask(l.manager->add_with_id(id_b)).error() == errc::ambiguous);
  BOOST_TEST(maker.closed.empty());
  BOOST_TEST(w.ask(l.manager->get(id_b)) != nullptr);
  s.link->fail(1, redis_fault::cut_after);
  BOOST_TEST(w.ask(s.manager->add_with_id(id_b)).error() == errc::ambiguous);
  BOOST_TEST((std::exchange(maker.closed, {}) == names{id_b}));
}

// SE17: a record of another id is corrupt, and can be erased.
BOOST_AUTO_TEST_CASE(record_of_another_id_is_corrupt_and_can_be_erased) {
  transport_world w;
  linked l(w);
  BOOST_TEST(w.ask(l.store->create(id_a, w.session(id_b))).is_written());
  BOOST_TEST(w.ask(l.manager->get_with_error(id_a)).error() == errc::corrupt_record);
  BOOST_TEST(w.ask(l.manager->get(id_a)) == nullptr);
  BOOST_TEST(w.ask(l.manager->erase(id_a)).value());
  BOOST_TEST(w.ask(l.manager->get_with_error(id_a)).value() == nullptr);
}

// SE18: what is erased or replaced in this process's memory is closed, and so ends its stream; the same object put in its own place is not.
BOOST_AUTO_TEST_CASE(session_that_leaves_memory_is_closed) {
  transport_world w;
  auto& manager = w.keep(transport_session_manager::make(w.get_executor(), std::string("sse")));
  auto const first = sse_of(w.ask(manager.add_with_id(id_a)).value());
  auto const receiving = w.start(first->receive());
  BOOST_TEST(w.ask(manager.upsert(first)).has_value());
  BOOST_TEST(first->is_connected());
  BOOST_TEST(w.ask(manager.erase(id_a)).value());
  BOOST_TEST(!first->is_connected());
  while (!*receiving) BOOST_REQUIRE(w.sim.step());
  BOOST_TEST((*receiving)->error() == errc::disconnected);
  BOOST_TEST(!w.ask(manager.erase(id_a)).value());
  BOOST_TEST(w.ask(manager.get_with_error(id_a)).value() == nullptr);

  auto const second = sse_of(w.ask(manager.add_with_id(id_a)).value());
  auto const third = std::make_shared<sse_session>(id_a, w.sim.wall_now());
  BOOST_TEST(w.ask(manager.upsert(third)).has_value());
  BOOST_TEST(!second->is_connected());
  BOOST_TEST(third->is_connected());
  w.done(manager.stop());
  BOOST_TEST(!third->is_connected());
}

// SE19: a session whose record has expired, and that no cleanup has met yet, is stored again and stays open
BOOST_AUTO_TEST_CASE(session_stored_again_in_place_of_its_own_expired_record_stays_open) {
  for (bool const is_added : {false, true}) {
    transport_world w;
    auto& manager = w.keep(transport_session_manager::make(w.get_executor(), std::string("sse"), with_ttl(10min)));
    auto const session = sse_of(w.ask(manager.add_with_id(id_a)).value());
    w.sim.run_for(6min);
    BOOST_TEST(w.ask(manager.get(id_a)) == session);
    w.sim.run_for(11min);  // expired after 16 min; the cleanups come at 15 and 20
    if (is_added) BOOST_TEST(w.ask(manager.add(session)).has_value());
    else BOOST_TEST(w.ask(manager.upsert(session)).has_value());
    BOOST_TEST(session->is_connected());
    BOOST_TEST(w.ask(manager.get(id_a)) == session);
  }
}

// SE19, SE04, SE20: idle sessions go, touched ones stay; the wall clock has no say.
BOOST_AUTO_TEST_CASE(cleanup_drops_idle_sessions_and_keeps_those_that_get_touched) {
  transport_world w;
  auto& manager = w.keep(transport_session_manager::make(w.get_executor(), std::string("sse"), with_ttl(10min)));
  auto const kept = sse_of(w.ask(manager.add_with_id(id_a)).value());
  auto const idle = sse_of(w.ask(manager.add_with_id(id_b)).value());
  w.sim.run_for(6min);
  w.sim.step_wall_clock(24h);
  BOOST_TEST(w.ask(manager.get(id_a)) == kept);
  w.sim.run_for(4min - 1ns);
  BOOST_TEST(manager.count().value() == 2u);
  BOOST_TEST(w.ask(manager.cleanup()).value() == 0u);
  w.sim.step_wall_clock(-48h);
  w.sim.run_for(1ns);
  BOOST_TEST(manager.count().value() == 1u);
  // The periodic run comes at 10 min too: whichever of the two it was, it is dropped and closed.
  BOOST_TEST(w.ask(manager.cleanup()).has_value());
  BOOST_TEST(!idle->is_connected());
  BOOST_TEST(kept->is_connected());
  w.sim.run_for(15min);
  BOOST_TEST(!kept->is_connected());
  BOOST_TEST(manager.count().value() == 0u);
  // By hand, with no periodic run in between.
  auto const last = sse_of(w.ask(manager.add_with_id(id_c)).value());
  w.sim.run_for(10min);
  static_cast<void>(w.ask(manager.cleanup()).value());
  BOOST_TEST(!last->is_connected());
}

// SE19: by hand alone, on a storage whose periodic run is far away.
BOOST_AUTO_TEST_CASE(cleanup_by_hand_drops_what_has_expired_at_once) {
  transport_world w;
  auto& manager = w.keep(transport_session_manager::make(w.get_executor(), std::string("sse"), with_ttl(10min)));
  w.sim.run_for(1min);
  auto const session = sse_of(w.ask(manager.add_with_id(id_a)).value());
  w.sim.run_for(10min);  // the periodic runs were at 5 and 10 min, the session ends at 11
  BOOST_TEST(session->is_connected());
  BOOST_TEST(w.ask(manager.cleanup()).value() == 1u);
  BOOST_TEST(!session->is_connected());
}

// SE21
BOOST_AUTO_TEST_CASE(stop_closes_everything_and_may_be_repeated) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    transport_world w(seed);
    auto const given = local_sessions::make(w.get_executor()).value();
    linked l(w);
    std::vector<transport_session_manager*> all{&w.keep(transport_session_manager::make(w.get_executor(), std::string("sse"))),
                                                &w.keep(transport_session_manager::make(w.get_executor(), given)), l.manager};
    for (auto* const manager : all) {
      auto const session = std::make_shared<sse_session>(id_a, w.sim.wall_now());
      BOOST_TEST_REQUIRE(w.ask(manager->add(session)).has_value());
      int stopped = 0;
      for (int i = 0; i < 3; ++i) asio::co_spawn(w.get_executor(), manager->stop(), [&stopped](std::exception_ptr failure) { stopped += !failure; });
      auto const during = w.start(manager->get_with_error(id_a));
      while (stopped < 3 || !*during) BOOST_REQUIRE(w.sim.step());
      BOOST_TEST_REQUIRE((*during || (*during)->error() == errc::closed));
      BOOST_TEST_REQUIRE(w.ask(manager->add_with_id(id_a)).error() == errc::closed);
      BOOST_TEST_REQUIRE(w.ask(manager->add(session)).error() == errc::closed);
      BOOST_TEST_REQUIRE(w.ask(manager->upsert(session)).error() == errc::closed);
      BOOST_TEST_REQUIRE(w.ask(manager->get_with_error(id_a)).error() == errc::closed);
      BOOST_TEST_REQUIRE(w.ask(manager->get(id_a)) == nullptr);
      BOOST_TEST_REQUIRE(w.ask(manager->erase(id_a)).error() == errc::closed);
      BOOST_TEST_REQUIRE(w.ask(manager->cleanup()).error() == errc::closed);
      BOOST_TEST_REQUIRE(manager->count().error() == errc::closed);
      w.done(manager->stop());
      if (manager != l.manager) BOOST_TEST_REQUIRE(!session->is_connected());
    }
    BOOST_TEST_REQUIRE(w.ask(given->peek(id_a)).error() == errc::closed);
    BOOST_TEST_REQUIRE(w.ask(l.store->peek(id_a)).error() == errc::closed);
    BOOST_TEST_REQUIRE(w.sim.run(1000));  // no cleanup is left
    BOOST_TEST_REQUIRE(w.sim.outstanding() == 0u);
  }
}

// SE21: also when the caller of stop leaves, or the manager or the context goes, at any step.
BOOST_AUTO_TEST_CASE(manager_and_context_may_go_at_any_step) {
  for (int steps = 0; steps < 40; ++steps) {
    for (int kind = 0; kind < 3; ++kind) {
      auto sim = std::make_unique<simulation>(static_cast<std::uint64_t>(steps) + 1);
      auto made = transport_session_manager::make(sim->get_executor(), std::string("sse"), with_ttl(2ms)).value();
      auto const session = std::make_shared<sse_session>(id_b, wall_time());
      asio::co_spawn(sim->get_executor(), made->add(session), [](std::exception_ptr, result<>) {});
      asio::co_spawn(sim->get_executor(), made->add_with_id(id_a), [](std::exception_ptr, result<transport_session_ptr>) {});
      asio::co_spawn(sim->get_executor(), made->upsert(session), [](std::exception_ptr, result<>) {});
      asio::cancellation_signal signal;
      bool has_left = false;
      if (kind == 0) asio::co_spawn(sim->get_executor(), made->stop(), asio::bind_cancellation_slot(signal.slot(), [&has_left](std::exception_ptr) { has_left = true; }));
      for (int i = 0; i < steps; ++i) sim->step();
      if (kind == 0) {
        signal.emit(asio::cancellation_type::terminal);
        for (int i = 0; i < 1000 && !has_left; ++i) sim->step();
        BOOST_TEST_REQUIRE(has_left);
        asio::co_spawn(sim->get_executor(), made->stop(), [](std::exception_ptr) {});
        BOOST_TEST_REQUIRE(sim->run(1000));
      } else if (kind == 1) {
        made = nullptr;
        BOOST_TEST_REQUIRE(sim->run(1000));
      }
      made = nullptr;
      sim = nullptr;
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
