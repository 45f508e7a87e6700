#include "storage/redis_server.hpp"
#include "transport/transport_world.hpp"

#include <mooring/session/transport_codec.hpp>
#include <mooring/storage/redis_storage.hpp>

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <functional>

// Managers on a real server.

using namespace mooring;
using namespace mooring::test;

namespace {

boost::test_tools::assertion_result has_redis(boost::unit_test::test_unit_id) { return redis_server::is_available(); }

struct fixture {
  ~fixture() {
    for (auto const& manager : managers) done(manager->stop());
    context.restart();
    context.run_for(5s);
    BOOST_TEST(context.stopped());
  }

  redis_storage_options options() const {
    redis_storage_options made;
    made.unix_socket = server.socket();
    made.key_prefix = "t:";
    return made;
  }

  transport_session_manager& make(transport_manager_options own = {}) {
    return *managers.emplace_back(transport_session_manager::make(context.get_executor(), options(), std::move(own)).value());
  }

  void run_until(std::function<bool()> const& is_done) {
    auto const patience = std::chrono::steady_clock::now() + 20s;
    while (!is_done()) {
      BOOST_REQUIRE((std::chrono::steady_clock::now() < patience));
      if (context.stopped()) context.restart();
      context.run_one_for(100ms);
    }
  }

  template <class X>
  std::shared_ptr<std::optional<X>> start(awaitable<X> work) {
    auto answer = std::make_shared<std::optional<X>>();
    asio::co_spawn(context, std::move(work), [answer](std::exception_ptr failure, X outcome) {
      if (failure) std::rethrow_exception(failure);
      answer->emplace(std::move(outcome));
    });
    return answer;
  }

  template <class X>
  X ask(awaitable<X> work) {
    auto const answer = start(std::move(work));
    run_until([&answer] { return answer->has_value(); });
    return std::move(**answer);
  }

  void done(awaitable<void> work) {
    bool is_done = false;
    asio::co_spawn(context, std::move(work), [&is_done](std::exception_ptr) { is_done = true; });
    run_until([&is_done] { return is_done; });
  }

  std::string stored(std::string const& id) const { return server.command({"GET", "t:" + id}); }
  long ttl_of(std::string const& id) const { return std::stol(server.command({"PTTL", "t:" + id}).substr(1)); }

  redis_server server;
  asio::io_context context;
  std::vector<manager_pointer> managers;
};

transport_session_ptr session_of(char const* id, std::string type) {
  auto made = make_transport_session(id, std::move(type), std::chrono::time_point_cast<wall_time::duration>(std::chrono::system_clock::now()));
  made->set_data(json_text::parse(R"({"n": 1.50, "deep":[{"a":"\u0000"}, 1e999999]})").value(), made->created_at() + 1ns);
  made->set_metadata(text_map{{"user", "\xc3\xa4"}, {"odd", std::string("\0\r\n\"\\", 5)}}, made->created_at() + 3ns);
  return made;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(transport_redis, *boost::unit_test::precondition(has_redis))

// SE01, SE04, SE05, SE06, SE08, SE11: each type through a real server, from one replica to another.
BOOST_AUTO_TEST_CASE(each_type_goes_from_one_replica_to_another_as_its_class) {
  fixture f;
  auto& one = f.make();
  auto& other = f.make();
  for (std::string const type : {"mcp", "sse", "streamable", "websocket"}) {
    BOOST_TEST_INFO_SCOPE(type);
    auto const session = session_of(id_a, type);
    if (auto const sse = sse_of(session)) BOOST_TEST(sse->send("not stored").has_value());
    BOOST_TEST(f.ask(one.add(session)).has_value());
    auto const found = f.ask(other.get_with_error(id_a)).value();
    BOOST_TEST_REQUIRE(found);
    BOOST_TEST((found->record() == session->record()));
    auto const& a = *found;
    auto const& b = *session;
    BOOST_TEST((typeid(a) == typeid(b)));
    BOOST_TEST(found->metadata("odd").value() == std::string("\0\r\n\"\\", 5));
    if (auto const sse = sse_of(found)) {
      BOOST_TEST(!sse->is_connected());
      BOOST_TEST(sse->queued() == 0u);
    }
    // SE18
    BOOST_TEST(f.ask(other.erase(id_a)).value());
    BOOST_TEST(!f.ask(one.erase(id_a)).value());
    BOOST_TEST(f.ask(one.get_with_error(id_a)).value() == nullptr);
  }
}

// SE02, SE03: what the server holds is what `serialize` writes.
BOOST_AUTO_TEST_CASE(server_holds_what_serialize_writes) {
  fixture f;
  auto& manager = f.make();
  auto const session = session_of(id_a, "sse");
  BOOST_TEST(f.ask(manager.add(session)).has_value());
  auto const record = json_text::parse(f.stored(id_a)).value().text();
  auto const inner = serialize(*session);
  std::string quoted;
  for (char const c : inner) quoted += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
  BOOST_TEST(record.find("\"data\":\"" + quoted + '"') != std::string::npos, record);
}

// SE11: a given Redis storage serves as one that the manager makes; both read each other's.
BOOST_AUTO_TEST_CASE(given_redis_storage_serves_like_the_managers_own) {
  fixture f;
  auto& own = f.make();
  auto store = redis_storage<transport_session_ptr>::make(f.context.get_executor(), f.options()).value();
  BOOST_TEST((store->ttl() == 30min));
  auto& given = *f.managers.emplace_back(transport_session_manager::make(f.context.get_executor(), transport_session_manager::storage_pointer(store)).value());
  BOOST_TEST(f.ask(given.add_with_id(id_a)).has_value());
  auto const found = f.ask(own.get(id_a));
  BOOST_TEST_REQUIRE(found);
  BOOST_TEST(found->type() == "mcp");
  BOOST_TEST(given.count().error() == errc::unsupported);
}

// SE13: one TTL: the manager's is the key's, and get and upsert slide it.
BOOST_AUTO_TEST_CASE(managers_ttl_is_the_ttl_of_its_keys) {
  fixture f;
  transport_manager_options options;
  options.ttl = 1h;
  auto& manager = f.make(options);
  BOOST_TEST(f.ask(manager.add_with_id(id_a)).has_value());
  auto const is_full = [&] { return f.ttl_of(id_a) > 3'590'000 && f.ttl_of(id_a) <= 3'600'000; };
  BOOST_TEST(is_full());
  f.server.command({"PEXPIRE", std::string("t:") + id_a, "60000"});
  BOOST_TEST(!is_full());
  BOOST_TEST(f.ask(manager.get(id_a)) != nullptr);
  BOOST_TEST(is_full());
  f.server.command({"PEXPIRE", std::string("t:") + id_a, "60000"});
  BOOST_TEST(f.ask(manager.upsert(session_of(id_a, "mcp"))).has_value());
  BOOST_TEST(is_full());

  // A TTL of one tick: the server's own, one millisecond.
  options.ttl = 1ns;
  auto& shortest = f.make(options);
  BOOST_TEST(f.ask(shortest.add_with_id(id_b)).has_value());
  BOOST_TEST(f.ttl_of(id_b) <= 1);
  auto const gone = [&] { return f.server.command({"EXISTS", std::string("t:") + id_b}) == ":0"; };
  f.run_until(gone);
  BOOST_TEST(f.ask(shortest.get_with_error(id_b)).value() == nullptr);
}

// SE15, SE16
BOOST_AUTO_TEST_CASE(of_many_adds_on_two_replicas_one_wins_and_upsert_replaces_the_type) {
  fixture f;
  auto& one = f.make();
  auto& other = f.make();
  std::vector<std::shared_ptr<std::optional<result<transport_session_ptr>>>> answers;
  for (int i = 0; i < 20; ++i) answers.push_back(f.start((i % 2 ? one : other).add_with_id(id_a)));
  int won = 0;
  for (auto const& answer : answers) {
    f.run_until([&answer] { return answer->has_value(); });
    if (**answer) ++won;
    else BOOST_TEST((*answer)->error() == errc::exists);
  }
  BOOST_TEST(won == 1);
  BOOST_TEST(f.ask(one.upsert(session_of(id_a, "sse"))).has_value());
  BOOST_TEST(sse_of(f.ask(other.get(id_a))));
  BOOST_TEST(f.ask(other.upsert(session_of(id_b, "streamable"))).has_value());
  BOOST_TEST(f.ask(one.get(id_b))->type() == "streamable");
}

// Each get makes an object of its own; a change is seen once it is stored again, and a storing does not touch the connection.
BOOST_AUTO_TEST_CASE(change_is_seen_by_others_once_it_is_stored_again) {
  fixture f;
  auto& one = f.make();
  auto& other = f.make();
  auto const session = sse_of(session_of(id_a, "sse"));
  BOOST_TEST(f.ask(one.add(session)).has_value());
  auto const mine = f.ask(one.get(id_a));
  BOOST_TEST(mine != f.ask(one.get(id_a)));
  session->set_metadata("k", "v", session->created_at() + 5s);
  BOOST_TEST(!f.ask(other.get(id_a))->metadata("k"));
  BOOST_TEST(f.ask(one.upsert(session)).has_value());
  BOOST_TEST(f.ask(other.get(id_a))->metadata("k").value() == "v");
  BOOST_TEST((f.ask(other.get(id_a))->updated_at() == session->created_at() + 5s));
  BOOST_TEST(session->is_connected());
  // SE16, SE07: refused before anything is sent
  session->set_metadata("k", "\xff", session->created_at());
  BOOST_TEST(f.ask(one.upsert(session)).error() == errc::invalid_argument);
  BOOST_TEST(f.ask(other.get(id_a))->metadata("k").value() == "v");
}

// SE17, SE07: what cannot be read is corrupt and no absence, disturbs no other id, and can be erased.
BOOST_AUTO_TEST_CASE(record_that_cannot_be_read_is_corrupt_and_can_be_erased) {
  fixture f;
  auto& manager = f.make();
  BOOST_TEST(f.ask(manager.add_with_id(id_b)).has_value());
  std::string const rev = "\"rev\":\"000102030405060708090a0b0c0d0e0f\"";
  auto const envelope = [&](std::string const& data) { return std::string("{\"v\":1,\"id\":\"") + id_a + "\"," + rev + ",\"data\":\"" + data + "\",\"hints\":{}}"; };
  auto const inner = std::string(R"({\"id\":\")") + id_b + R"(\",\"type\":\"mcp\",\"created_at\":\"2026-11-21T12:36:43Z\",\"updated_at\":\"2026-11-21T12:36:43Z\"})";
  // Well-formed, but another session's.
  for (auto const& value : {std::string("garbage"), envelope(""), envelope("{}"), envelope("x"), envelope(inner), envelope(inner + inner)}) {
    f.server.command({"SET", std::string("t:") + id_a, value});
    BOOST_TEST(f.ask(manager.get_with_error(id_a)).error() == errc::corrupt_record, value);
    BOOST_TEST(f.ask(manager.get(id_a)) == nullptr);
    BOOST_TEST(f.ask(manager.get(id_b)) != nullptr);
    BOOST_TEST(f.ask(manager.add_with_id(id_a)).error() == errc::exists);
    BOOST_TEST(f.ask(manager.erase(id_a)).value());
    BOOST_TEST(f.ask(manager.get_with_error(id_a)).value() == nullptr);
  }
  f.server.command({"SET", std::string("t:") + id_a, "garbage"});
  BOOST_TEST(f.ask(manager.upsert(session_of(id_a, "mcp"))).error() == errc::corrupt_record);
  BOOST_TEST(f.stored(id_a) == "garbage");
}

// SE15, SE17, SE12: a server that does not answer is not known, never absent; one that is nowhere constructs.
BOOST_AUTO_TEST_CASE(server_that_is_away_is_reported_and_never_taken_for_absence) {
  fixture f;
  auto& manager = f.make();
  BOOST_TEST(f.ask(manager.add_with_id(id_a)).has_value());
  f.server.pause();
  BOOST_TEST(f.ask(manager.get_with_error(id_b, {.deadline = 100ms})).has_error());
  BOOST_TEST(f.ask(manager.add_with_id(id_b, {.deadline = 100ms})).error() == errc::ambiguous);
  f.server.resume();
  f.server.kill();
  for (int i = 0; i < 5; ++i) {
    BOOST_TEST((f.ask(manager.get_with_error(id_b, {.deadline = 300ms})).error() == outcome::not_known));
    auto const added = f.ask(manager.add_with_id(id_c, {.deadline = 300ms}));
    BOOST_TEST((added.error() == outcome::not_known || added.error() == outcome::ambiguous));
    BOOST_TEST(f.ask(manager.get(id_b, {.deadline = 300ms})) == nullptr);
  }
  redis_storage_options nowhere;
  nowhere.address = redis_address{"127.0.0.1", redis_server::free_port()};
  nowhere.key_prefix = "t:";
  auto& away = *f.managers.emplace_back(transport_session_manager::make(f.context.get_executor(), nowhere).value());
  BOOST_TEST(f.ask(away.get_with_error(id_a)).error() == errc::unavailable);
}

// SE19, SE20, SE21
BOOST_AUTO_TEST_CASE(cleanup_does_nothing_count_is_unsupported_and_stop_closes_the_connection) {
  fixture f;
  auto& manager = f.make();
  BOOST_TEST(f.ask(manager.add_with_id(id_a)).has_value());
  f.server.command({"CONFIG", "RESETSTAT"});
  BOOST_TEST(f.ask(manager.cleanup()).value() == 0u);
  BOOST_TEST(manager.count().error() == errc::unsupported);
  BOOST_TEST(f.server.command({"INFO", "commandstats"}).find("cmdstat_del") == std::string::npos);
  BOOST_TEST(f.server.command({"EXISTS", std::string("t:") + id_a}) == ":1");
  auto const connections = [&] {
    auto const list = f.server.command({"CLIENT", "LIST"});
    return std::count(list.begin(), list.end(), '\n');
  };
  BOOST_TEST(connections() == 2);  // the manager's, and the one that asks
  auto const pending = f.start(manager.get_with_error(id_a));
  f.done(manager.stop());
  f.run_until([&] { return pending->has_value(); });
  BOOST_TEST((**pending || (*pending)->error() == errc::closed));
  for (int i = 0; i < 20 && connections() != 1; ++i) f.context.run_one_for(100ms);
  BOOST_TEST(connections() == 1, f.server.command({"CLIENT", "LIST"}));
  BOOST_TEST(f.ask(manager.get_with_error(id_a)).error() == errc::closed);
  BOOST_TEST(f.ask(manager.add_with_id(id_b)).error() == errc::closed);
  BOOST_TEST(f.ask(manager.cleanup()).error() == errc::closed);
  f.done(manager.stop());
}

BOOST_AUTO_TEST_SUITE_END()
