#include "storage/redis_server.hpp"
#include "storage/redis_world.hpp"

#include <mooring/storage/redis_storage.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace mooring;
using namespace mooring::test;
using namespace std::chrono_literals;

namespace {

using storage_type = redis_storage<document>;
using seen_record = result<std::optional<stored<document>>>;

boost::test_tools::assertion_result has_redis(boost::unit_test::test_unit_id) { return redis_server::is_available(); }

document doc(std::string text) {
  document made;
  made["k"] = std::move(text);
  return made;
}

struct fixture {
  explicit fixture(std::vector<std::string> arguments = {}) : server(std::move(arguments)) {}
  ~fixture() {
    for (auto const& store : stores) asio::co_spawn(context, store->close(), [](std::exception_ptr) {});
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

  std::shared_ptr<storage_type> make(redis_storage_options made) { return stores.emplace_back(storage_type::make(context.get_executor(), std::move(made)).value()); }
  std::shared_ptr<storage_type> make() { return make(options()); }

  void run_until(std::function<bool()> const& is_done) {
    auto const patience = std::chrono::steady_clock::now() + 20s;
    while (!is_done()) {
      BOOST_REQUIRE((std::chrono::steady_clock::now() < patience));
      if (context.stopped()) context.restart();
      context.run_one_for(100ms);
    }
  }

  void wait(duration span) {
    context.restart();
    auto const until = std::chrono::steady_clock::now() + span;
    while (std::chrono::steady_clock::now() < until) {
      if (context.stopped()) context.restart();
      context.run_one_until(until);
    }
  }

  template <class X>
  X ask(awaitable<X> work) {
    std::optional<X> answer;
    asio::co_spawn(context, std::move(work), [&answer](std::exception_ptr failure, X outcome) {
      if (failure) std::rethrow_exception(failure);
      answer.emplace(std::move(outcome));
    });
    run_until([&answer] { return answer.has_value(); });
    return std::move(*answer);
  }

  std::uint64_t calls_of(std::string const& command) const {
    auto const stats = server.command({"INFO", "commandstats"});
    auto const place = stats.find("cmdstat_" + command + ":calls=");
    return place == std::string::npos ? 0 : std::stoull(stats.substr(place + command.size() + 15));
  }

  redis_server server;
  asio::io_context context;
  std::vector<std::shared_ptr<storage_type>> stores;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(redis_storage_, *boost::unit_test::precondition(has_redis))

// RE12, RE13, RE14, RE17
BOOST_AUTO_TEST_CASE(each_operation_is_one_command_on_one_key) {
  fixture f;
  auto const store = f.make();
  auto const one = [&](std::string const& command, std::function<void()> const& act) {
    BOOST_TEST_INFO_SCOPE(command);
    f.server.command({"CONFIG", "RESETSTAT"});
    act();
    BOOST_TEST(f.calls_of(command) == 1U);
  };
  BOOST_TEST(!f.ask(store->peek("a")).value().has_value());  // connects
  one("set", [&] { BOOST_TEST(f.ask(store->create("a", doc("1"))).is_written()); });
  one("getex", [&] { BOOST_TEST(f.ask(store->load("a")).value().has_value()); });
  one("get", [&] { BOOST_TEST(f.ask(store->peek("a")).value().has_value()); });
  one("set", [&] { BOOST_TEST(f.ask(store->store("a", doc("2"))).is_written()); });
  one("pexpire", [&] { BOOST_TEST(f.ask(store->touch("a")).value()); });
  // The scripts are known now: one EVALSHA each.
  auto const made = f.ask(store->update("a", doc("3")));
  one("evalsha", [&] { BOOST_TEST(f.ask(store->update("a", doc("4"))).is_written()); });
  BOOST_TEST(made.is_written());
  BOOST_TEST(f.server.command({"DBSIZE"}) == ":1");
  BOOST_TEST(f.server.command({"EXISTS", "t:a"}) == ":1");
  one("del", [&] { BOOST_TEST(f.ask(store->erase("a")).value()); });
  f.server.command({"CONFIG", "RESETSTAT"});
  BOOST_TEST(f.ask(store->erase_expired()).value() == 0U);
  BOOST_TEST((f.ask(store->load("b b")).error() == errc::invalid_id));
  auto const stats = f.server.command({"INFO", "commandstats"});
  BOOST_TEST(stats.find("cmdstat_del") == std::string::npos);
  BOOST_TEST(stats.find("cmdstat_get") == std::string::npos);
  BOOST_TEST(stats.find("cmdstat_eval") == std::string::npos);
  BOOST_TEST(f.ask(store->ping()).has_value());
}

// RE14
BOOST_AUTO_TEST_CASE(a_server_that_forgot_the_scripts_gets_them_again) {
  fixture f;
  auto const store = f.make();
  BOOST_TEST(f.ask(store->create("a", doc("1"))).is_written());
  for (int i = 0; i < 3; ++i) {
    f.server.command({"SCRIPT", "FLUSH"});
    BOOST_TEST(f.ask(store->update("a", doc("2"))).is_written());
    BOOST_TEST(f.ask(store->update_hints("a", hint_map{{"h", "1"}})).value());
  }
}

// RE16
BOOST_AUTO_TEST_CASE(records_of_others_are_told_apart_and_unknown_members_survive) {
  fixture f;
  auto const store = f.make();
  BOOST_TEST(f.ask(store->create("a", doc("1"))).is_written());
  auto text = f.server.command({"GET", "t:a"});
  f.server.command({"SET", "t:b", text});
  BOOST_TEST((f.ask(store->load("b")).error() == errc::corrupt_record));
  BOOST_TEST((f.ask(store->update("b", doc("2"))).error() == errc::corrupt_record));
  text.insert(text.size() - 1, ",\"more\":{\"x\":[1,\"y\"]}");
  f.server.command({"SET", "t:a", text});
  BOOST_TEST(f.ask(store->update("a", doc("2"))).is_written());
  BOOST_TEST(f.ask(store->update_hints("a", hint_map{{"h", "1"}})).value());
  BOOST_TEST(f.server.command({"GET", "t:a"}).find("\"more\":{\"x\":[1,\"y\"]}") != std::string::npos);
  auto const found = f.ask(store->load("a"));
  BOOST_TEST(((**found).value == doc("2")));
  f.server.command({"SET", "t:a", "{\"v\":2,\"id\":\"a\"}"});
  BOOST_TEST((f.ask(store->load("a")).error() == errc::unsupported_version));
  BOOST_TEST((f.ask(store->update("a", doc("3"))).error() == errc::unsupported_version));
}

// RE17, RE34
BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_corrupt_and_can_be_erased) {
  fixture f;
  auto const store = f.make();
  BOOST_TEST(f.ask(store->create("good", doc("1"))).is_written());
  auto const large = "{\"v\":1,\"id\":\"a\",\"rev\":\"" + std::string(32, 'a') + "\",\"metadata\":{\"k\":\"" + std::string(64 * 1024 + 1, 'v') + "\"},\"hints\":{}}";
  std::vector<std::vector<std::string>> const ways{{"SET", "t:a", ""}, {"SET", "t:a", "x"}, {"SET", "t:a", "[]"}, {"SET", "t:a", "{\"v\":1}"}, {"SET", "t:a", large},
                                                   {"LPUSH", "t:a", "x"}, {"HSET", "t:a", "x", "y"}, {"SET", "t:a", std::string(1000, '[')}};
  for (auto const& way : ways) {
    f.server.command(way);
    BOOST_TEST((f.ask(store->load("a")).error() == errc::corrupt_record));
    BOOST_TEST((f.ask(store->peek("a")).error() == errc::corrupt_record));
    if (way[2] != large) {
      BOOST_TEST((f.ask(store->update("a", doc("2"))).error() == errc::corrupt_record));
      BOOST_TEST((f.ask(store->update_hints("a", hint_map{})).error() == errc::corrupt_record));
      BOOST_TEST((f.ask(store->touch("a")).error() == errc::corrupt_record));
    }
    BOOST_TEST((f.ask(store->create("a", doc("2"))).error() == errc::exists || way[0] != "SET"));
    BOOST_TEST(f.ask(store->load("good")).value().has_value());
    BOOST_TEST(f.ask(store->erase("a")).value());
    BOOST_TEST(!f.ask(store->load("a")).value().has_value());
  }
}

// RE18
BOOST_AUTO_TEST_CASE(many_at_once_get_their_own_replies) {
  fixture f;
  auto const store = f.make();
  int ended = 0;
  for (int i = 0; i < 1000; ++i) {
    auto const id = std::to_string(i);
    asio::co_spawn(f.context, store->create(id, doc(id)), [&, id](std::exception_ptr, write_outcome made) {
      BOOST_TEST(made.is_written());
      asio::co_spawn(f.context, store->load(id), [&, id](std::exception_ptr, seen_record found) {
        BOOST_TEST((found && *found && (*found)->value == doc(id)));
        ++ended;
      });
    });
  }
  f.run_until([&] { return ended == 1000; });
  BOOST_TEST(f.server.command({"INFO", "clients"}).find("connected_clients:2") != std::string::npos);  // ours and this one
}

// RE20, RE10, FA01, FA03, ST28
BOOST_AUTO_TEST_CASE(a_server_that_went_is_unavailable_and_found_again) {
  fixture f;
  auto const store = f.make();
  BOOST_TEST(f.ask(store->create("a", doc("1"))).is_written());
  f.server.kill();
  for (int i = 0; i < 20; ++i) {
    auto const begun = std::chrono::steady_clock::now();
    auto const found = f.ask(store->load("a", {.deadline = 500ms}));
    BOOST_TEST((found.has_error() && found.error() == errc::unavailable));
    BOOST_TEST((std::chrono::steady_clock::now() - begun < 600ms));
    auto const made = f.ask(store->create("b", doc("1"), {.deadline = 500ms, .ttl = {}}));
    BOOST_TEST((made.has_error() && (made.error() == errc::unavailable || made.error() == errc::ambiguous)));
    f.wait(50ms);
  }
  f.server.start();
  auto const started = std::chrono::steady_clock::now();
  bool is_back = false;
  while (!is_back && std::chrono::steady_clock::now() - started < 10s) {
    auto const found = f.ask(store->load("a", {.deadline = 500ms}));
    is_back = found.has_value();
    if (!is_back) f.wait(10ms);
  }
  BOOST_TEST(is_back);
  BOOST_TEST((std::chrono::steady_clock::now() - started < 2s));  // 1 s and what a busy machine adds
}

// RE10, RE20
BOOST_AUTO_TEST_CASE(a_server_that_never_was_is_unavailable) {
  fixture f;
  auto options = f.options();
  options.unix_socket += ".none";
  auto const nowhere = f.make(options);
  BOOST_TEST((f.ask(nowhere->load("a")).error() == errc::unavailable));
  BOOST_TEST((f.ask(nowhere->ping()).error() == errc::unavailable));
  options.unix_socket.clear();
  options.address = redis_address{"127.0.0.1", "1"};
  auto const refused = f.make(options);
  BOOST_TEST((f.ask(refused->load("a")).error() == errc::unavailable));
}

// RE21, RE22, FA01, FA02, ST24
BOOST_AUTO_TEST_CASE(a_silent_server_ends_no_call_late_and_is_given_up) {
  fixture f;
  auto options = f.options();
  options.health_check = 500ms;
  options.max_in_flight = 3;
  auto const store = f.make(options);
  auto const made = f.ask(store->create("a", doc("1")));
  BOOST_TEST(made.is_written());
  f.server.pause();
  auto const begun = std::chrono::steady_clock::now();
  auto const next = f.ask(store->update("a", doc("2"), {.deadline = 100ms}));
  BOOST_TEST((next.error() == errc::ambiguous));
  BOOST_TEST((std::chrono::steady_clock::now() - begun < 300ms));
  BOOST_TEST((f.ask(store->load("a", {.deadline = 50ms})).error() == errc::deadline_exceeded));
  BOOST_TEST((f.ask(store->load("a", {.deadline = 50ms})).error() == errc::deadline_exceeded));
  // Three are without a reply.
  BOOST_TEST((f.ask(store->load("a", {.deadline = 50ms})).error() == errc::busy));
  f.wait(1s);
  // Given up: a new connection is tried, and the server is as silent as before.
  auto const late = f.ask(store->load("a", {.deadline = 100ms}));
  BOOST_TEST((late.error() == errc::deadline_exceeded || late.error() == errc::unavailable));
  f.server.resume();
  std::optional<stored<document>> settled;
  for (int i = 0; i < 100 && !settled; ++i) {
    auto const found = f.ask(store->peek("a", {.deadline = 500ms}));
    if (found) settled = *found;
    else f.wait(20ms);
  }
  BOOST_REQUIRE(settled.has_value());
  bool const is_written = settled->revision == next.attempted();
  BOOST_TEST((settled->value == doc(is_written ? "2" : "1")));
  BOOST_TEST((is_written || settled->revision == **made));
}

// RE22: calls that were given up count until their replies have come, and no longer.
BOOST_AUTO_TEST_CASE(room_that_given_up_calls_took_comes_back_on_the_same_connection) {
  fixture f;
  auto options = f.options();
  options.health_check = 60s;  // so that it is not a new connection that makes room
  options.max_in_flight = 1;
  auto const store = f.make(options);
  BOOST_TEST(f.ask(store->create("a", doc("1"))).is_written());
  f.server.pause();
  BOOST_TEST((f.ask(store->load("a", {.deadline = 50ms})).error() == errc::deadline_exceeded));
  BOOST_TEST((f.ask(store->load("a", {.deadline = 50ms})).error() == errc::busy));
  f.server.resume();
  std::optional<stored<document>> found;
  for (int i = 0; i < 100 && !found; ++i) {
    auto const answer = f.ask(store->load("a", {.deadline = 500ms}));
    if (answer) found = *answer;
    else f.wait(20ms);
  }
  BOOST_REQUIRE(found.has_value());
  BOOST_TEST((found->value == doc("1")));
}

// RE04, RE05, RE31, RE32, RE37
BOOST_AUTO_TEST_CASE(credentials_and_database_are_checked_at_connect) {
  fixture f({"--requirepass", "other", "--user", "mooring", "on", ">right", "~t:*", "resetchannels", "-@all", "+hello", "+ping", "+set", "+get", "+select"});
  auto options = f.options();
  auto const error_of = [&f](redis_storage_options const& made) {
    auto const store = f.make(made);
    auto const found = f.ask(store->peek("a"));
    return found ? error_code() : found.error();
  };
  BOOST_TEST(error_of(options) == errc::auth_failed);
  options.password = "wrong";
  BOOST_TEST(error_of(options) == errc::auth_failed);
  options.password = "other";
  BOOST_TEST(!error_of(options));
  options.database = 9999;
  BOOST_TEST(error_of(options) == errc::config_error);
  options.database = 2;
  BOOST_TEST(!error_of(options));
  options.username = "mooring";
  BOOST_TEST(error_of(options) == errc::auth_failed);
  options.password_source = [] { return std::string("right"); };
  BOOST_TEST(!error_of(options));
  options.password_source = {};
  ::setenv("MOORING_TEST_PASSWORD", "right", 1);
  options.password_variable = "MOORING_TEST_PASSWORD";
  BOOST_TEST(!error_of(options));
  options.key_prefix = "foreign:";
  BOOST_TEST(error_of(options) == errc::permission_denied);
}

// RE27, RE30, RE29
BOOST_AUTO_TEST_CASE(a_server_that_refuses_writes_says_why) {
  fixture f;
  auto const store = f.make();
  BOOST_TEST(f.ask(store->create("a", doc("1"))).is_written());
  f.server.command({"CONFIG", "SET", "maxmemory", "1"});
  BOOST_TEST((f.ask(store->create("b", doc("1"))).error() == errc::storage_full));
  BOOST_TEST((f.ask(store->update("a", doc("2"))).error() == errc::storage_full));
  BOOST_TEST(f.ask(store->load("a")).value().has_value());
  f.server.command({"CONFIG", "SET", "maxmemory", "0"});
  f.server.command({"CONFIG", "SET", "min-replicas-to-write", "1"});
  BOOST_TEST((f.ask(store->create("b", doc("1"))).error() == errc::unavailable));
  BOOST_TEST(f.ask(store->peek("a")).value().has_value());
  f.server.command({"CONFIG", "SET", "min-replicas-to-write", "0"});
  f.server.command({"REPLICAOF", "127.0.0.1", "1"});
  BOOST_TEST((f.ask(store->create("b", doc("1"))).error() == errc::wrong_master));
  f.server.command({"REPLICAOF", "NO", "ONE"});
  BOOST_TEST(f.ask(store->create("b", doc("1"))).is_written());
}

// RE29, RE27: of a record with an end of its own, too, and past that end
BOOST_AUTO_TEST_CASE(a_peek_writes_nothing) {
  for (bool const has_lifetime : {false, true}) {
    fixture f;
    auto options = f.options();
    if (has_lifetime) options.absolute_lifetime = 1h;
    auto const store = f.make(options);
    BOOST_TEST(f.ask(store->create("a", doc("1"))).is_written());
    BOOST_TEST(f.ask(store->create("fixed", doc("1"), {.deadline = {}, .ttl = 60s, .is_fixed = true})).is_written());
    BOOST_TEST(f.ask(store->create("over", doc("1"), {.deadline = {}, .ttl = 100ms, .is_fixed = true})).is_written());
    f.server.command({"PEXPIRE", "t:over", "100000"});
    f.wait(150ms);
    auto const look = [&] {
      BOOST_TEST(f.ask(store->peek("a")).value().has_value());
      BOOST_TEST(f.ask(store->peek("fixed")).value().has_value());
      BOOST_TEST(!f.ask(store->peek("over")).value().has_value());
    };
    f.server.command({"CONFIG", "SET", "min-replicas-to-write", "1"});
    look();
    f.server.command({"CONFIG", "SET", "min-replicas-to-write", "0"});
    f.server.command({"CONFIG", "RESETSTAT"});
    look();
    BOOST_TEST(f.calls_of("pexpire") == 0U);
    BOOST_TEST(f.calls_of("del") == 0U);
    f.server.command({"REPLICAOF", "127.0.0.1", "1"});
    look();
  }
}

// ST21, ST24: an end of its own is kept by the server
BOOST_AUTO_TEST_CASE(a_fixed_record_is_absent_after_its_end_whoever_slid_its_key) {
  fixture f;
  auto const store = f.make();
  BOOST_TEST(f.ask(store->create("a", doc("1"), {.deadline = {}, .ttl = 100ms, .is_fixed = true})).is_written());
  f.server.command({"PEXPIRE", "t:a", "100000"});
  f.wait(150ms);
  BOOST_TEST(f.ask(store->create("a", doc("2"))).is_written());
  BOOST_TEST(f.ask(store->erase("a")).value());
  BOOST_TEST(f.ask(store->create("a", doc("1"), {.deadline = {}, .ttl = 100ms, .is_fixed = true})).is_written());
  f.server.command({"PEXPIRE", "t:a", "100000"});
  f.wait(150ms);
  BOOST_TEST(!f.ask(store->load("a")).value().has_value());
}

// ST30: destroyed while calls wait for a server that does not answer
BOOST_AUTO_TEST_CASE(a_storage_may_be_destroyed_while_calls_wait) {
  fixture f;
  f.server.pause();
  std::optional<error_code> error;
  {
    auto const store = storage_type::make(f.context.get_executor(), f.options()).value();
    asio::co_spawn(f.context, store->load("a", {.deadline = 200ms}), [&](std::exception_ptr, seen_record found) { error = found.error(); });
    f.wait(50ms);
  }
  f.run_until([&error] { return error.has_value(); });
  BOOST_TEST((*error == errc::deadline_exceeded || *error == errc::closed));
  f.server.resume();
}

// ST30: whatever waits is dropped with its context, before, while and after a connection is made
BOOST_AUTO_TEST_CASE(a_context_may_end_while_calls_wait) {
  fixture f;
  for (int steps = 0; steps < 40; ++steps) {
    {
      asio::io_context context;
      auto store = storage_type::make(context.get_executor(), f.options()).value();
      for (int i = 0; i < 3; ++i) asio::co_spawn(context, store->load("a"), [](std::exception_ptr, seen_record) {});
      if (steps % 3 == 1) f.server.pause();
      for (int step = 0; step < steps; ++step) {
        if (step == 20) asio::co_spawn(context, store->update("a", doc("1")), [](std::exception_ptr, write_outcome) {});
        context.run_one_for(2ms);
      }
      store.reset();  // as any object with a socket, before its context
      if (steps % 2 == 1) context.poll();
    }
    f.server.resume();
  }
}

BOOST_AUTO_TEST_SUITE_END()
