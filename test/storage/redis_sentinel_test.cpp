#include "storage/certificates.hpp"
#include "storage/fault_proxy.hpp"
#include "storage/redis_server.hpp"
#include "storage/sentinel_deployment.hpp"

#include <mooring/storage/redis_storage.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace mooring;
using namespace mooring::test;
using namespace std::chrono_literals;

// Masters, replicas and Sentinels of the tests' own, on loopback.

namespace {

using storage_type = redis_storage<document>;
using seen_record = result<std::optional<stored<document>>>;
using steady = std::chrono::steady_clock;

boost::test_tools::assertion_result has_redis(boost::unit_test::test_unit_id) { return redis_server::is_available(); }

document doc(std::string text) {
  document made;
  made["k"] = std::move(text);
  return made;
}

/** Keeps storing, one call after another, each under an id of its own; and notes how each ended. */
struct load_of_writes {
  struct ending {
    std::string id;
    steady::time_point began;
    steady::time_point ended;
    bool is_written = false;
    error_code error;
  };

  load_of_writes(asio::io_context& where, std::shared_ptr<storage_type> into) : context(where), store(std::move(into)) { next(); }

  void next() {
    if (is_stopping) return;
    ending one;
    one.id = "load" + std::to_string(endings.size());
    one.began = steady::now();
    is_busy = true;
    asio::co_spawn(context, store->store(one.id, doc("x"), {.deadline = 1s}), [this, one](std::exception_ptr, write_outcome outcome) mutable {
      one.ended = steady::now();
      one.is_written = outcome.is_written();
      if (outcome.has_error()) one.error = outcome.error();
      endings.push_back(one);
      is_busy = false;
      if (outcome.is_written()) return next();
      asio::co_spawn(context, sleep_for(5ms), [this](std::exception_ptr, result<>) { next(); });
    });
  }

  asio::io_context& context;
  std::shared_ptr<storage_type> store;
  std::vector<ending> endings;
  bool is_busy = false;
  bool is_stopping = false;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(redis_sentinel_, *boost::unit_test::precondition(has_redis))

// RE23, FA10, RE27, RE20
BOOST_AUTO_TEST_CASE(a_planned_failover_is_followed_within_a_second) {
  deployment d;
  auto const store = d.make(d.options());
  BOOST_TEST(d.ask(store->create("a", doc("1"))).is_written());
  BOOST_TEST(d.first.command({"EXISTS", "t:a"}) == ":1");
  wait_for([&] { return d.second.command({"EXISTS", "t:a"}) == ":1"; });
  auto const epoch = store->epoch();
  load_of_writes load(d.context, store);
  d.wait(100ms);
  BOOST_TEST(d.sentinel->command({"SENTINEL", "FAILOVER", "main"}) == "+OK");
  auto const named = d.run_until_second_is_named();
  d.wait(2s);
  load.is_stopping = true;
  d.run_until([&] { return !load.is_busy; });
  int on_the_new_one = 0;
  for (auto const& one : load.endings) {
    BOOST_TEST((one.ended - one.began < 1500ms));
    BOOST_TEST((one.is_written || one.error == errc::ambiguous || one.error == errc::unavailable || one.error == errc::wrong_master || one.error == errc::deadline_exceeded));
    if (one.began < named + 1s || !one.is_written) continue;
    BOOST_TEST(d.second.command({"EXISTS", "t:" + one.id}) == ":1");
    ++on_the_new_one;
  }
  BOOST_TEST(on_the_new_one > 20);
  BOOST_TEST(store->epoch() > epoch);
  BOOST_TEST(d.ask(store->load("a")).value().has_value());
}

// FA09, RE23: no call outlives its deadline, and the new master is used without a restart
BOOST_AUTO_TEST_CASE(a_crashed_master_is_left_for_its_successor) {
  deployment d;
  auto const store = d.make(d.options());
  BOOST_TEST(d.ask(store->create("a", doc("1"))).is_written());
  wait_for([&] { return d.second.command({"EXISTS", "t:a"}) == ":1"; });
  load_of_writes load(d.context, store);
  d.wait(50ms);
  d.first.kill();
  auto const named = d.run_until_second_is_named();
  auto const before = load.endings.size();
  d.run_until([&] { return load.endings.size() > before && load.endings.back().is_written; });
  BOOST_TEST((steady::now() - named < 2s));
  load.is_stopping = true;
  d.run_until([&] { return !load.is_busy; });
  for (auto const& one : load.endings) BOOST_TEST((one.ended - one.began < 1500ms));
  auto const found = d.ask(store->load("a"));
  BOOST_TEST((found && *found && (*found)->value == doc("1")));
}

// FA08, RE27, SC11: a master that was demoted is left, and used again only once it says that it is one
BOOST_AUTO_TEST_CASE(a_demoted_server_is_left_at_once) {
  deployment d;
  auto const store = d.make(d.options());
  BOOST_TEST(d.ask(store->create("a", doc("1"))).is_written());
  d.sentinel->pause();  // nobody promotes it again meanwhile
  d.first.command({"REPLICAOF", "127.0.0.1", d.second.port()});
  auto const refused = d.ask(store->create("b", doc("1"), {.deadline = 300ms, .ttl = {}}));
  BOOST_TEST((refused.has_error() && refused.error() != errc::ambiguous));  // certainly not carried out
  BOOST_TEST((refused.error() == errc::deadline_exceeded || refused.error() == errc::wrong_master || refused.error() == errc::unavailable));
  // Attempts come and go; none of them stays.
  wait_for([&] { return d.first.command({"CLIENT", "LIST"}).find("name=mooring") == std::string::npos; });
  d.second.command({"REPLICAOF", "NO", "ONE"});
  d.first.command({"REPLICAOF", "NO", "ONE"});
  d.sentinel->resume();
  write_outcome made;
  for (int i = 0; i < 200 && !made.is_written(); ++i) {
    made = d.ask(store->create("b", doc("1"), {.deadline = 500ms, .ttl = {}}));
    if (!made.is_written()) d.wait(20ms);
  }
  BOOST_TEST(made.is_written());
}

// FA11: the old master alone knew of the erase
BOOST_AUTO_TEST_CASE(a_termination_lost_in_a_failover_holds_again) {
  deployment d;
  auto const store = d.make(d.options());
  BOOST_TEST(d.ask(store->create("dead", doc("1"))).is_written());
  BOOST_TEST(d.ask(store->create("live", doc("1"))).is_written());
  BOOST_TEST(d.ask(store->create("kept", doc("1"))).is_written());
  wait_for([&] { return d.second.command({"EXISTS", "t:kept"}) == ":1"; });
  d.cut_replication();
  BOOST_TEST(d.ask(store->erase("dead")).value());
  BOOST_TEST(d.ask(store->erase("live")).value());
  BOOST_TEST(d.ask(store->create("live", doc("2"))).is_written());  // made anew: nobody's to erase
  BOOST_TEST(d.second.command({"EXISTS", "t:dead"}) == ":1");
  d.first.kill();
  std::optional<steady::time_point> named;
  steady::time_point next_look;
  // On this replica it is gone throughout.
  while (!named || steady::now() - *named < 2s) {
    auto const found = d.ask(store->load("dead", {.deadline = 500ms}));
    BOOST_TEST((!found || !*found));
    if (!named && steady::now() > next_look) {
      next_look = steady::now() + 50ms;
      if (d.is_named(d.second)) named = steady::now();
    }
    d.wait(5ms);
  }
  BOOST_TEST(d.second.command({"EXISTS", "t:dead"}) == ":0");
  BOOST_TEST(d.second.command({"EXISTS", "t:kept"}) == ":1");
  BOOST_TEST(d.second.command({"EXISTS", "t:live"}) == ":1");
}

// RE23, RE40, SC11: what is no master is not used, whoever names it
BOOST_AUTO_TEST_CASE(a_sentinel_that_does_not_help_is_left_for_the_next) {
  deployment d;
  redis_server misled(monitoring(d.second.port()), {});  // a replica, which it calls the master
  auto options = d.options();
  options.sentinel->addresses = {redis_address{"127.0.0.1", misled.port()}};
  auto const wrong = d.make(options);
  auto const refused = d.ask(wrong->store("a", doc("1"), {.deadline = 1s}));
  BOOST_TEST((refused.has_error() && (refused.error() == errc::wrong_master || refused.error() == errc::unavailable)));
  BOOST_TEST(d.log.find("not a master") != std::string::npos);
  options.sentinel->addresses = {redis_address{"127.0.0.1", "1"}, redis_address{"127.0.0.1", d.first.port()}, redis_address{"127.0.0.1", d.sentinel->port()}};
  options.sentinel->master_name = "unknown";
  auto const unknown = d.make(options);
  BOOST_TEST((d.ask(unknown->store("a", doc("1"))).error() == errc::unavailable));
  BOOST_TEST(d.log.find("no master of this name") != std::string::npos);
  options.sentinel->master_name = "main";
  options.sentinel->allowed_masters = {redis_address{"127.0.0.1", "1"}};
  auto const foreign = d.make(options);
  BOOST_TEST((d.ask(foreign->store("a", doc("1"))).error() == errc::unavailable));
  BOOST_TEST(d.log.find("allowed_masters") != std::string::npos);
  options.sentinel->allowed_masters = {redis_address{"127.0.0.1", d.first.port()}};
  auto const right = d.make(options);
  BOOST_TEST(d.ask(right->store("a", doc("1"))).is_written());
}

// RE09, RE31: wrong credentials do not mend themselves
BOOST_AUTO_TEST_CASE(a_sentinel_that_refuses_us_is_left_alone_for_long) {
  redis_server master;
  redis_server sentinel(monitoring(master.port(), "requirepass right\n"), {});
  client_world world;
  fault_proxy proxy(world.context, sentinel.port());
  redis_storage_options options;
  options.key_prefix = "t:";
  options.sentinel.emplace();
  options.sentinel->addresses = {redis_address{"127.0.0.1", proxy.port()}};
  options.sentinel->master_name = "main";
  options.sentinel->password = "wrong";
  auto const store = world.make(options);
  BOOST_TEST((world.ask(store->load("a")).error() == errc::auth_failed));
  BOOST_TEST((store->retry_after() > 10s));
  world.wait(3s);
  BOOST_TEST(proxy.connections() == 1U);
  options.sentinel->password = "right";
  BOOST_TEST(world.ask(world.make(options)->load("a")).has_value());
}

// RE09, RE24, SC11: each link has its own user, password and TLS
BOOST_AUTO_TEST_CASE(sentinels_and_master_are_each_verified_by_their_own_options) {
  auto pattern = (std::filesystem::temp_directory_path() / "mooring-tls-XXXXXX").string();
  BOOST_REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  std::filesystem::path const folder = pattern;
  auto const write = [&](std::string const& name, std::string const& text) {
    std::ofstream(folder / name) << text;
    return (folder / name).string();
  };
  auto const of_master = make_authority("masters");
  auto const of_sentinel = make_authority("sentinels");
  auto const tls_arguments = [&](std::string const& who, certificate const& authority, certificate const& own, std::string const& port) {
    return std::vector<std::string>{"--tls-port", port, "--tls-auth-clients", "no", "--tls-cert-file", write(who + ".pem", own.pem), "--tls-key-file",
                                    write(who + ".key", own.key_pem), "--tls-ca-cert-file", write(who + ".ca", authority.pem)};
  };
  auto const master_port = redis_server::free_port();
  auto const sentinel_port = redis_server::free_port();
  auto arguments = tls_arguments("master", of_master, issue(of_master, "127.0.0.1"), master_port);
  arguments.insert(arguments.end(), {"--requirepass", "for-master"});
  redis_server master(arguments);
  auto const users = "user default off\nuser watcher on >for-sentinel allchannels +@all\n";
  redis_server sentinel(monitoring(master_port, "sentinel auth-pass main for-master\n") + users,
                        tls_arguments("sentinel", of_sentinel, issue(of_sentinel, "127.0.0.1"), sentinel_port));
  client_world world;
  redis_storage_options options;
  options.key_prefix = "t:";
  options.password = "for-master";
  options.tls.emplace().ca_pem = of_master.pem;
  options.sentinel.emplace();
  options.sentinel->addresses = {redis_address{"127.0.0.1", sentinel_port}};
  options.sentinel->master_name = "main";
  options.sentinel->username = "watcher";
  options.sentinel->password = "for-sentinel";
  options.sentinel->tls.emplace().ca_pem = of_sentinel.pem;
  auto const error_of = [&world](redis_storage_options const& made) {
    auto const found = world.ask(world.make(made)->store("a", doc("1"), {.deadline = 3s}));
    return found.has_error() ? found.error() : error_code();
  };
  BOOST_TEST(error_of(options) == error_code());
  auto changed = options;
  changed.sentinel->tls->ca_pem = of_master.pem;
  BOOST_TEST(error_of(changed) == errc::tls_failed);
  changed = options;
  changed.sentinel->tls->server_name = "elsewhere";
  BOOST_TEST(error_of(changed) == errc::tls_failed);
  changed = options;
  changed.tls->ca_pem = of_sentinel.pem;
  BOOST_TEST(error_of(changed) == errc::tls_failed);
  changed = options;
  changed.tls->server_name = "elsewhere";
  BOOST_TEST(error_of(changed) == errc::tls_failed);
  changed = options;
  changed.sentinel->password = "wrong";
  BOOST_TEST(error_of(changed) == errc::auth_failed);
  changed = options;
  changed.password = "wrong";
  BOOST_TEST(error_of(changed) == errc::auth_failed);
  BOOST_TEST(world.log.find("for-") == std::string::npos);
  std::filesystem::remove_all(folder);
}

BOOST_AUTO_TEST_SUITE_END()
