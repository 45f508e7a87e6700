#include "storage/redis_server.hpp"
#include "storage/sentinel_deployment.hpp"

#include <mooring/storage/redis_storage.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

using namespace mooring;
using namespace mooring::test;
using namespace std::chrono_literals;

// What a new master that makes difficulties is told, and when.

namespace {

using storage_type = redis_storage<document>;
using steady = std::chrono::steady_clock;

boost::test_tools::assertion_result has_redis(boost::unit_test::test_unit_id) { return redis_server::is_available(); }

document doc(std::string text) {
  document made;
  made["k"] = std::move(text);
  return made;
}

struct takeover : deployment {
  /** "dead" is stored, and then erased on the first server only: the second has not heard of it. */
  void erase_on_the_first_only(std::shared_ptr<storage_type> const& store) {
    for (std::string const id : {"dead", "kept"}) BOOST_TEST(ask(store->create(id, doc("1"))).is_written());
    wait_for([this] { return second.command({"EXISTS", "t:kept"}) == ":1"; });
    first.command({"ACL", "SETUSER", "default", "-psync", "-sync"});  // the replica does not come back, and a test may go on to talk to the server
    second.command({"CLIENT", "KILL", "TYPE", "master"});
    wait_for([this] { return second.command({"INFO", "replication"}).find("master_link_status:down") != std::string::npos; });
    BOOST_TEST(ask(store->erase("dead")).value());
    BOOST_TEST(second.command({"EXISTS", "t:dead"}) == ":1");
  }

  /** Once the second server is the master, for `span`: "dead" is gone for whoever asks this store. */
  void follow_to_the_second(std::shared_ptr<storage_type> const& store, duration span) {
    std::optional<steady::time_point> named;
    steady::time_point next_look;
    while (!named || steady::now() - *named < span) {
      auto const found = ask(store->load("dead", {.deadline = 500ms}));
      BOOST_TEST((!found || !*found));
      if (!named && steady::now() > next_look) {
        next_look = steady::now() + 50ms;
        if (is_named(second)) named = steady::now();
      }
      wait(5ms);
    }
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(redis_takeover, *boost::unit_test::precondition(has_redis))

// FA11, RE29: a new master that is to have replicas has none at first, and refuses
BOOST_AUTO_TEST_CASE(a_termination_that_the_new_master_refuses_is_sent_again) {
  takeover d;
  auto const store = d.make(d.options());
  d.erase_on_the_first_only(store);
  d.second.command({"CONFIG", "SET", "min-replicas-to-write", "1"});
  d.first.kill();
  d.run_until_second_is_named();
  d.run_until([&] { return d.log.find("the master is 127.0.0.1 port " + d.second.port()) != std::string::npos; });
  d.wait(1s);
  BOOST_TEST(d.second.command({"EXISTS", "t:dead"}) == ":1");
  d.second.command({"CONFIG", "SET", "min-replicas-to-write", "0"});
  d.wait(1s);
  BOOST_TEST(d.second.command({"EXISTS", "t:dead"}) == ":0");
  BOOST_TEST(d.second.command({"EXISTS", "t:kept"}) == ":1");
  // Once: what comes back by other ways is nobody's to erase.
  d.second.command({"SET", "t:dead", "x"});
  d.wait(1s);
  BOOST_TEST(d.second.command({"EXISTS", "t:dead"}) == ":1");
}

// FA11: the window counts back from the loss of the old master, and what was refused has made nothing anew
BOOST_AUTO_TEST_CASE(a_failover_longer_than_the_window_loses_no_termination) {
  takeover d;
  auto options = d.options();
  options.sentinel->reassert_window = 1s;
  auto const store = d.make(options);
  d.sentinel->command({"SENTINEL", "SET", "main", "down-after-milliseconds", "2000"});
  d.erase_on_the_first_only(store);
  d.first.command({"CONFIG", "SET", "min-replicas-to-write", "1"});
  BOOST_TEST((d.ask(store->create("dead", doc("2"))).error() == errc::unavailable));
  BOOST_TEST((d.ask(store->store("dead", doc("2"))).error() == errc::unavailable));
  d.first.kill();
  d.follow_to_the_second(store, 2s);
  BOOST_TEST(d.second.command({"EXISTS", "t:dead"}) == ":0");
  BOOST_TEST(d.second.command({"EXISTS", "t:kept"}) == ":1");
}

// RE31, RE23: the long pause is for the server that refused us, and not for its successor
BOOST_AUTO_TEST_CASE(a_master_named_during_a_long_pause_is_tried_at_once) {
  takeover d;
  for (auto const* const server : {&d.first, &d.second}) server->command({"ACL", "SETUSER", "u", "on", ">p", "~*", "&*", "+@all"});
  auto options = d.options();
  options.username = "u";
  options.password = "p";
  auto const store = d.make(options);
  BOOST_TEST(d.ask(store->create("a", doc("1"))).is_written());
  wait_for([&] { return d.second.command({"EXISTS", "t:a"}) == ":1"; });
  d.first.command({"ACL", "DELUSER", "u"});  // cuts its connections
  d.run_until([&] { return d.log.find("WRONGPASS") != std::string::npos; });
  BOOST_TEST((d.ask(store->load("a")).error() == errc::auth_failed));
  BOOST_TEST((store->retry_after() > 10s));
  BOOST_TEST(d.sentinel->command({"SENTINEL", "FAILOVER", "main"}) == "+OK");
  auto const named = d.run_until_second_is_named();
  bool is_back = false;
  while (!is_back && steady::now() - named < 10s) {
    is_back = d.ask(store->load("a")).has_value();
    if (!is_back) d.wait(20ms);
  }
  BOOST_TEST(is_back);
  BOOST_TEST((steady::now() - named < 3s));
}

BOOST_AUTO_TEST_SUITE_END()
