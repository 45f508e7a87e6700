#include "storage/redis_server.hpp"
#include "storage/sentinel_deployment.hpp"

#include <mooring/storage/redis_storage.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>

using namespace mooring;
using namespace mooring::test;
using namespace std::chrono_literals;

// What is erased again on a new connection, and what is not.

namespace {

using storage_type = redis_storage<document>;

boost::test_tools::assertion_result has_redis(boost::unit_test::test_unit_id) { return redis_server::is_available(); }

document doc(std::string text) {
  document made;
  made["k"] = std::move(text);
  return made;
}

struct reassertion : deployment {
  bool has(redis_server const& server, std::string const& id) const { return server.command({"EXISTS", "t:" + id}) == ":1"; }

  /** `id` was erased on the first server, and the second, which is the master now, refuses to hear of it, or of anything else. */
  std::shared_ptr<storage_type> erase_where_the_new_master_refuses(std::string const& id) {
    auto const store = make(options());
    BOOST_TEST(ask(store->create(id, doc("1"))).is_written());
    BOOST_TEST(ask(store->erase(id)).value());
    wait_for([&] { return !has(second, id); });
    second.command({"CONFIG", "SET", "min-replicas-to-write", "1"});
    first.kill();
    run_until_second_is_named();
    run_until([this] { return log.find("opening a connection: the server says NOREPLICAS") != std::string::npos; });
    return store;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(redis_reassertion_, *boost::unit_test::precondition(has_redis))

// ST09, FA11: an erase that waits for its connection is not among those that a new connection begins with
BOOST_AUTO_TEST_CASE(an_erase_that_makes_its_connection_says_what_it_removed) {
  reassertion d;
  BOOST_TEST(d.ask(d.make(d.options())->create("a", doc("1"))).is_written());
  auto const fresh = d.make(d.options());
  BOOST_TEST(d.ask(fresh->erase("a")).value());
  BOOST_TEST(!d.ask(fresh->erase("a")).value());
}

// ST24, ST26: what was not sent is never carried out, however late its caller hears of it
BOOST_AUTO_TEST_CASE(an_erase_that_never_left_removes_nothing_later) {
  reassertion d;
  BOOST_TEST(d.ask(d.make(d.options())->create("a", doc("1"))).is_written());
  auto const fresh = d.make(d.options());
  d.first.pause();
  asio::io_context elsewhere;
  std::optional<result<bool>> erased;
  asio::co_spawn(elsewhere, fresh->erase("a", {.deadline = 200ms}), [&erased](std::exception_ptr, result<bool> outcome) { erased = outcome; });
  elsewhere.poll();
  d.wait(400ms);
  d.first.resume();
  bool is_found = false;
  d.run_until([&] {
    auto const found = d.ask(fresh->peek("a"));
    is_found = found && *found;
    return found.has_value();
  });
  BOOST_TEST(is_found);
  BOOST_TEST(!erased.has_value());
  elsewhere.poll();
  BOOST_REQUIRE(erased.has_value());
  BOOST_TEST((erased->error() == errc::deadline_exceeded));
}

// FA11, RE29: what was made anew is kept, however late its caller hears of it
BOOST_AUTO_TEST_CASE(a_repeated_opening_spares_a_record_whose_creator_sleeps) {
  reassertion d;
  auto const store = d.erase_where_the_new_master_refuses("a");
  asio::io_context elsewhere;
  std::optional<write_outcome> made;
  asio::co_spawn(elsewhere, store->create("a", doc("2")), [&made](std::exception_ptr, write_outcome outcome) { made = outcome; });
  d.second.command({"CONFIG", "SET", "min-replicas-to-write", "0"});
  elsewhere.poll();
  d.wait(1s);  // rounds come every 300 ms
  BOOST_TEST(d.has(d.second, "a"));
  BOOST_TEST(!made.has_value());
  d.run_until([&] {
    elsewhere.poll();
    return made.has_value();
  });
  BOOST_TEST(made->is_written());
  BOOST_TEST(d.has(d.second, "a"));
}

// FA11, RE29
BOOST_AUTO_TEST_CASE(a_repeated_opening_spares_a_record_that_is_being_made) {
  reassertion d;
  auto const store = d.erase_where_the_new_master_refuses("a");
  d.second.command({"CONFIG", "SET", "min-replicas-to-write", "0"});
  d.second.pause();
  std::optional<write_outcome> made;
  asio::co_spawn(d.context, store->create("a", doc("2")), [&made](std::exception_ptr, write_outcome outcome) { made = outcome; });
  d.wait(700ms);
  BOOST_TEST(!made.has_value());
  d.second.resume();
  d.run_until([&] { return made.has_value(); });
  BOOST_TEST(made->is_written());
  d.wait(700ms);
  BOOST_TEST(d.has(d.second, "a"));
}

BOOST_AUTO_TEST_SUITE_END()
