#include "storage/redis_advice.hpp"
#include "storage/contract_world.hpp"
#include "storage/scripted_server.hpp"

#include <mooring/storage/redis_storage.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace mooring;
using namespace mooring::test;
using namespace std::chrono_literals;

// A server that says what a test wants it to say.

namespace {

using storage_type = redis_storage<document>;
using words = scripted_server::words;

struct fixture {
  ~fixture() {
    for (auto const& store : stores) asio::co_spawn(context, store->close(), [](std::exception_ptr) {});
    run_for(300ms);
  }

  redis_storage_options options() const {
    redis_storage_options made;
    made.address = redis_address{"127.0.0.1", server.port()};
    made.key_prefix = "t:";
    return made;
  }

  std::shared_ptr<storage_type> make(redis_storage_options made) {
    made.log = [this](severity, std::string_view line) { log += std::string(line) + "\n"; };
    return stores.emplace_back(storage_type::make(context.get_executor(), std::move(made)).value());
  }

  void run_for(duration span) {
    if (context.stopped()) context.restart();
    context.run_for(span);
  }

  template <class X>
  X ask(awaitable<X> work) {
    std::optional<X> outcome;
    asio::co_spawn(context, std::move(work), [&outcome](std::exception_ptr failure, X made) {
      if (failure) std::rethrow_exception(failure);
      outcome.emplace(std::move(made));
    });
    auto const patience = std::chrono::steady_clock::now() + 20s;
    while (!outcome) {
      BOOST_REQUIRE((std::chrono::steady_clock::now() < patience));
      if (context.stopped()) context.restart();
      context.run_one_for(50ms);
    }
    return std::move(*outcome);
  }

  asio::io_context context;
  scripted_server server{context};
  std::vector<std::shared_ptr<storage_type>> stores;
  std::string log;
};

document doc(std::string text) {
  document made;
  made["k"] = std::move(text);
  return made;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(redis_replies_)

// RE26, RE28, RE29, RE35, RE36, RE41: what each error does to its operation and to the connection
BOOST_AUTO_TEST_CASE(an_error_reply_ends_its_operation_and_keeps_or_leaves_the_connection) {
  struct {
    char const* reply;
    errc error;
    bool is_kept;
  } const table[] = {
      {"LOADING canary", errc::unavailable, true},       {"MASTERDOWN canary", errc::unavailable, true},
      {"BUSY canary", errc::unavailable, true},          {"TRYAGAIN canary", errc::unavailable, true},
      {"NOREPLICAS canary", errc::unavailable, true},    {"MISCONF canary", errc::unavailable, true},
      {"OOM canary", errc::storage_full, true},          {"NOPERM canary", errc::permission_denied, true},
      {"WRONGTYPE canary", errc::corrupt_record, true},  {"MOVED 1 canary", errc::config_error, true},
      {"ASK 1 canary", errc::config_error, true},        {"CLUSTERDOWN canary", errc::config_error, true},
      {"CROSSSLOT canary", errc::config_error, true},    {"ERR unknown command 'canary'", errc::protocol_error, false},
      {"ERR syntax error canary", errc::protocol_error, false}, {"ERR Protocol error: canary", errc::protocol_error, false},
      {"ERR canary", errc::server_error, true},          {"NEWCODE canary", errc::server_error, true},
      {"READONLY canary", errc::wrong_master, false},
  };
  for (auto const& row : table) {
    BOOST_TEST_INFO_SCOPE(row.reply);
    fixture f;
    auto const store = f.make(f.options());
    BOOST_TEST(f.ask(store->store("a", doc("1"))).is_written());
    bool is_refusing = true;
    f.server.answer = [&](words const& command) { return is_refusing && command[0] == "GET" ? "-" + std::string(row.reply) + "\r\n" : std::string(); };
    auto const found = f.ask(store->peek("a"));
    BOOST_TEST((found.has_error() && found.error() == row.error));
    is_refusing = false;
    BOOST_TEST(f.ask(store->store("a", doc("1"), {.deadline = 3s})).is_written());
    BOOST_TEST((f.server.connections == 1) == row.is_kept);
    BOOST_TEST(f.log.find("canary") == std::string::npos);
    std::string const word(row.reply, std::string(row.reply).find(' '));
    BOOST_TEST(f.log.find("says " + word) != std::string::npos);
  }
}

// RE38: taken for nobody's reply; then again
BOOST_AUTO_TEST_CASE(a_server_without_room_is_unavailable_and_tried_again) {
  fixture f;
  f.server.welcome = "-ERR max number of clients reached\r\n";
  f.server.closes_after_welcome = true;
  auto const store = f.make(f.options());
  BOOST_TEST((f.ask(store->peek("a")).error() == errc::unavailable));
  BOOST_TEST((store->retry_after() > 0s));
  BOOST_TEST((store->retry_after() <= 900ms));
  f.server.welcome.clear();
  bool is_back = false;
  for (int i = 0; i < 100 && !is_back; ++i) {
    is_back = f.ask(store->store("a", doc("1"))).is_written();
    if (!is_back) f.run_for(20ms);
  }
  BOOST_TEST(is_back);
  BOOST_TEST((store->retry_after() == 0s));
}

// RE23, RE31: it counts against who refused us, and not against whom the Sentinel names meanwhile
BOOST_AUTO_TEST_CASE(a_refusal_that_meets_the_naming_of_another_costs_no_long_pause) {
  fixture f;
  scripted_server sentinel(f.context);
  scripted_server old(f.context);
  bool is_greeted = false, is_named = false;
  old.is_silent = true;
  old.answer = [&](words const& command) {
    is_greeted = is_greeted || command[0] == "HELLO";
    return std::string();
  };
  sentinel.answer = [&](words const& command) -> std::string {
    if (command[0] == "SUBSCRIBE") return ">3\r\n" + bulk("subscribe") + bulk(command[1]) + ":1\r\n>3\r\n" + bulk("subscribe") + bulk(command[2]) + ":2\r\n";
    if (command[0] != "SENTINEL") return {};
    // Both can be read at once, and the refusal first.
    if (is_greeted && !std::exchange(is_named, true)) old.say("-NOAUTH canary\r\n-NOAUTH canary\r\n");
    return "*2\r\n" + bulk("127.0.0.1") + bulk((is_named ? f.server : old).port());
  };
  auto options = f.options();
  options.address.reset();
  options.sentinel.emplace();
  options.sentinel->addresses = {redis_address{"127.0.0.1", sentinel.port()}};
  options.sentinel->master_name = "main";
  options.sentinel->master_check = 50ms;
  auto const store = f.make(options);
  BOOST_TEST(f.ask(store->store("a", doc("1"), {.deadline = 4s})).is_written());
  BOOST_TEST(is_named);
  BOOST_TEST(f.log.find("NOAUTH") != std::string::npos);
  asio::co_spawn(f.context, store->close(), [](std::exception_ptr) {});
  f.run_for(300ms);  // before the servers go
}

// RE39, SC07: bytes that are not the protocol, or announce more than there may be, end the connection and nothing else
BOOST_AUTO_TEST_CASE(what_is_not_the_protocol_ends_the_connection) {
  for (std::string const garbage : {"hello\r\n", "\x16\x03\x01\r\n", "$x\r\n", "$?\r\n$?\r\n$?\r\n$?\r\n$?\r\n$?\r\n$?\r\n$?\r\n$?\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"}) {
    BOOST_TEST_INFO_SCOPE(garbage);
    fixture f;
    auto const store = f.make(f.options());
    BOOST_TEST(f.ask(store->store("a", doc("1"))).is_written());
    bool is_garbled = true;
    f.server.answer = [&](words const& command) { return is_garbled && command[0] == "GET" ? garbage : std::string(); };
    BOOST_TEST((f.ask(store->peek("a")).error() == errc::protocol_error));
    is_garbled = false;
    bool is_back = false;
    for (int i = 0; i < 100 && !is_back; ++i) {
      is_back = f.ask(store->store("a", doc("1"))).is_written();
      if (!is_back) f.run_for(20ms);
    }
    BOOST_TEST(is_back);
    BOOST_TEST(f.server.connections == 2);
  }
}

// SC07
BOOST_AUTO_TEST_CASE(a_reply_without_end_is_given_up) {
  for (std::string const beginning : {"$99999999999\r\n", "*99999999999\r\n:", "+"}) {
    BOOST_TEST_INFO_SCOPE(beginning);
    fixture f;
    f.server.floods = true;
    f.server.answer = [&](words const& command) { return command[0] == "GET" ? beginning : std::string(); };
    auto options = f.options();
    options.read_timeout = 60s;
    auto const store = f.make(options);
    auto const found = f.ask(store->peek("a", {.deadline = 15s}));
    BOOST_TEST((found.has_error() && found.error() != errc::deadline_exceeded));
  }
}

// RE22: what nobody asked for is nobody's reply, and much of it does not stop the connection
BOOST_AUTO_TEST_CASE(announcements_that_nobody_wants_are_passed_over) {
  fixture f;
  std::string many;
  for (int i = 0; i < 1000; ++i) many += ">2\r\n" + bulk("invalidate") + bulk("x");
  f.server.answer = [&](words const& command) { return command[0] == "GET" ? many + "_\r\n" : std::string(); };
  auto const store = f.make(f.options());
  for (int i = 0; i < 3; ++i) BOOST_TEST(!f.ask(store->peek("a")).value().has_value());
  BOOST_TEST(f.server.connections == 1);
}

// RE33
BOOST_AUTO_TEST_CASE(a_password_that_nobody_asks_for_is_told_or_refused) {
  fixture f;
  auto options = f.options();
  options.password = "canary";
  auto const mild = f.make(options);
  BOOST_TEST(f.ask(mild->store("a", doc("1"))).is_written());
  BOOST_TEST(f.log.find("asks for none") != std::string::npos);
  options.must_demand_password = true;
  auto const strict = f.make(options);
  BOOST_TEST((f.ask(strict->store("a", doc("1"))).error() == errc::config_error));
  f.server.answer = [asked = 0](words const& command) mutable {
    if (command[0] == "HELLO") ++asked;
    return command[0] == "PING" && asked == 0 ? "-NOAUTH Authentication required.\r\n" : std::string();
  };
  auto const demanded = f.make(options);
  BOOST_TEST(f.ask(demanded->store("a", doc("1"))).is_written());
  BOOST_TEST(f.log.find("canary") == std::string::npos);
}

// SM34, RE29: reading goes on where writes are refused, if that is wanted
BOOST_AUTO_TEST_CASE(a_load_may_go_without_sliding_where_writes_are_refused) {
  for (std::string const refusal : {"-READONLY no\r\n", "-NOREPLICAS no\r\n", "-MISCONF no\r\n"}) {
    fixture f;
    f.server.answer = [&](words const& command) { return command[0] == "GETEX" ? refusal : command[0] == "GET" ? std::string("_\r\n") : std::string(); };
    auto options = f.options();
    auto const plain = f.make(options);
    BOOST_TEST(f.ask(plain->load("a")).has_error());
    options.loads_without_sliding = true;
    auto const served = f.make(options);
    auto const found = f.ask(served->load("a"));
    BOOST_TEST((found.has_value() && !*found));
  }
}

// RE19: served, and told once
BOOST_AUTO_TEST_CASE(a_record_of_another_ttl_is_served_and_told_of_once) {
  fixture f;
  std::string kept;
  f.server.answer = [&](words const& command) {
    if (command[0] == "SET") kept = command[2];
    return command[0] == "GETEX" ? bulk(kept) : std::string();
  };
  auto options = f.options();
  auto const writer = f.make(options);
  BOOST_TEST(f.ask(writer->create("a", doc("1"))).is_written());
  BOOST_TEST(f.ask(writer->load("a")).value().has_value());
  BOOST_TEST(f.log.find("ttl") == std::string::npos);
  options.ttl = 10min;
  auto const reader = f.make(options);
  for (int i = 0; i < 3; ++i) BOOST_TEST(f.ask(reader->load("a")).value().has_value());
  BOOST_TEST(f.log.find("ttl of 1800000 ms, and ours is 600000 ms") != std::string::npos);
  BOOST_TEST(f.log.find("ttl of") == f.log.rfind("ttl of"));
}

// RE11
BOOST_AUTO_TEST_CASE(a_ping_proves_the_prefix_and_warns_of_what_may_end_sessions) {
  fixture f;
  auto const store = f.make(f.options());
  BOOST_TEST(f.ask(store->ping()).has_value());
  BOOST_TEST(f.log.find("evict") == std::string::npos);  // it does not let us look
  f.server.answer = [](words const& command) -> std::string {
    if (command[0] != "CONFIG") return {};
    if (command[2] == "maxmemory*") return "%2\r\n" + bulk("maxmemory") + bulk("1000000") + bulk("maxmemory-policy") + bulk("allkeys-lru");
    if (command[2] == "save") return "%1\r\n" + bulk("save") + bulk("");
    return "%1\r\n" + bulk("appendonly") + bulk("no");
  };
  BOOST_TEST(f.ask(store->ping()).has_value());
  BOOST_TEST(f.log.find("evict") != std::string::npos);
  BOOST_TEST(f.log.find("nothing on disk") != std::string::npos);
  f.server.answer = [](words const& command) { return command[0] == "SET" ? std::string("-NOPERM canary\r\n") : std::string(); };
  BOOST_TEST((f.ask(store->ping()).error() == errc::permission_denied));
}

// RE21: the longest wait for a reply counts from when there is a connection to send the request over
BOOST_AUTO_TEST_CASE(a_connection_that_takes_its_time_costs_no_reply_its_own) {
  fixture f;
  f.server.greets_after = 1200ms;
  auto options = f.options();
  options.write_timeout = 300ms;
  options.read_timeout = 300ms;
  auto const store = f.make(options);
  BOOST_TEST(f.ask(store->create("a", doc("1"), {.deadline = 10s, .ttl = {}})).is_written());
  BOOST_TEST(f.server.connections == 1);
  auto const soon = f.make(options);
  auto const begun = std::chrono::steady_clock::now();
  BOOST_TEST((f.ask(soon->peek("a", {.deadline = 100ms})).error() == errc::deadline_exceeded));  // a call's own end is its end
  BOOST_TEST((std::chrono::steady_clock::now() - begun < 500ms));
}

// RE22
BOOST_AUTO_TEST_CASE(a_reply_is_waited_for_no_longer_than_the_options_say) {
  fixture f;
  f.server.answer = [](words const& command) { return command[0] == "GET" ? std::string("$5\r\nhal") : std::string(); };
  auto options = f.options();
  options.write_timeout = 100ms;
  options.read_timeout = 100ms;
  auto const store = f.make(options);
  BOOST_TEST(f.ask(store->store("a", doc("1"))).is_written());
  auto const begun = std::chrono::steady_clock::now();
  BOOST_TEST((f.ask(store->peek("a", {.deadline = 10s})).error() == errc::deadline_exceeded));
  BOOST_TEST((std::chrono::steady_clock::now() - begun < 1500ms));
}

// RE04, RE20: what is ours to call and throws ends neither the link nor the process
BOOST_AUTO_TEST_CASE(a_sink_and_a_password_source_that_throw_end_nothing) {
  bool is_away = true;
  int told = 0;
  fixture f;
  auto options = f.options();
  options.log = [&told](severity, std::string_view) {
    ++told;
    throw std::runtime_error("sink");
  };
  options.password_source = [&is_away]() -> secret {
    if (is_away) throw std::runtime_error("source");
    return std::string("canary");
  };
  auto const store = f.stores.emplace_back(storage_type::make(f.context.get_executor(), options).value());
  BOOST_TEST((f.ask(store->create("a", doc("1"))).error() == errc::auth_failed));
  BOOST_TEST((store->retry_after() < 1s));  // nobody refused us
  BOOST_TEST(f.server.connections == 0);
  is_away = false;
  bool is_back = false;
  for (int i = 0; i < 200 && !is_back; ++i) {
    is_back = f.ask(store->create("a", doc("1"))).is_written();
    if (!is_back) f.run_for(20ms);
  }
  BOOST_TEST(is_back);
  BOOST_TEST(told > 1);
  auto const before = told;
  f.server.answer = [](words const& command) { return command[0] == "SET" ? std::string("-OOM no\r\n") : std::string(); };
  BOOST_TEST((f.ask(store->create("b", doc("1"))).error() == errc::storage_full));
  BOOST_TEST(told > before);
}

// RE20: a cause is told once, with where it was met, and so is its end
BOOST_AUTO_TEST_CASE(a_connection_that_is_lost_is_told_once_and_so_is_the_next) {
  fixture f;
  auto const place = "127.0.0.1 port " + f.server.port();
  auto const store = f.make(f.options());
  BOOST_TEST(f.ask(store->store("a", doc("1"))).is_written());
  BOOST_TEST(f.log.empty());
  f.server.answer = [](words const& command) { return command[0] == "HELLO" ? std::string("-LOADING canary\r\n") : std::string(); };
  f.server.hang_up();
  for (int i = 0; i < 500 && f.server.connections < 5; ++i) f.run_for(20ms);
  BOOST_TEST(f.server.connections == 5);
  auto const lost = f.log.find("redis: " + place + ": the connection is lost");
  BOOST_TEST(lost != std::string::npos);
  auto const refused = f.log.find("redis: " + place + ": the server says LOADING");
  BOOST_TEST(refused != std::string::npos);
  BOOST_TEST(refused == f.log.rfind("redis: " + place + ": the server says LOADING"));
  f.server.answer = {};
  bool is_back = false;
  for (int i = 0; i < 200 && !is_back; ++i) {
    is_back = f.ask(store->store("a", doc("1"))).is_written();
    if (!is_back) f.run_for(20ms);
  }
  BOOST_TEST(is_back);
  auto const back = f.log.find("redis: connected to " + place);
  BOOST_TEST((back != std::string::npos && back == f.log.rfind("redis: connected to")));
}

// SC04: no printed form
template <class T>
concept printable = requires(std::ostream& to, T const& what) { to << what; };
static_assert(printable<std::string> && !printable<decltype(redis_storage_options::password)> && !printable<decltype(redis_tls_options::key_pem)>);

BOOST_AUTO_TEST_SUITE_END()
