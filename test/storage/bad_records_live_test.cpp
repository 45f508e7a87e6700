#include "storage/bad_records.hpp"
#include "storage/contract_world.hpp"
#include "storage/redis_server.hpp"

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

namespace {

boost::test_tools::assertion_result has_redis(boost::unit_test::test_unit_id) { return redis_server::is_available(); }

template <class T>
T run(asio::io_context& context, awaitable<T> work) {
  std::optional<T> outcome;
  asio::co_spawn(context, std::move(work), [&](std::exception_ptr failure, T made) {
    BOOST_REQUIRE(!failure);
    outcome.emplace(std::move(made));
  });
  context.restart();
  auto const patience = std::chrono::steady_clock::now() + 20s;
  while (!outcome && std::chrono::steady_clock::now() < patience) context.run_one_for(100ms);
  BOOST_REQUIRE(outcome.has_value());
  return std::move(*outcome);
}

// A script's own reader sees the last of two members of one name.
bool is_expected(error_code told, bad_record const& row, bool is_by_script) {
  bool const is_hidden = is_by_script && row.name == "twice and another \"v\"" && told == errc::unsupported_version;
  return told == row.expected || is_hidden;
}

// What a script may say that looks at no more of a record than it needs: never that the server failed.
bool is_told_of_the_record(error_code told) { return !told || told == errc::corrupt_record || told == errc::unsupported_version || told == errc::conflict; }

}  // namespace

BOOST_AUTO_TEST_SUITE(bad_records_live, *boost::unit_test::precondition(has_redis))

// SC08, RE16, RE17: the same table in a live server, read with one command and, where records have a lifetime, by script.
BOOST_AUTO_TEST_CASE(each_malformed_record_in_a_server_is_told_by_its_own_error_and_can_be_erased) {
  redis_server const server;
  asio::io_context context;
  auto const rows = bad_records();
  BOOST_TEST(rows.size() >= 300U);
  for (bool const has_lifetime : {false, true}) {
    redis_storage_options options;
    options.unix_socket = server.socket();
    options.key_prefix = "t:";
    if (has_lifetime) options.absolute_lifetime = 1h;
    auto const store = redis_storage<text_map>::make(context.get_executor(), options).value();
    for (auto const& row : rows) {
      BOOST_TEST_INFO_SCOPE((has_lifetime ? "by script, " : "") << row.name << ": " << row.text.substr(0, 120));
      BOOST_REQUIRE(server.command({"SET", "t:a", row.text}) == "+OK");
      auto const loaded = run(context, store->load("a"));
      BOOST_TEST(is_expected(loaded.error(), row, has_lifetime), loaded.error().message());
      auto const peeked = run(context, store->peek("a"));
      BOOST_TEST(is_expected(peeked.error(), row, has_lifetime), peeked.error().message());
      auto const erased = run(context, store->erase("a", revision(7, 7)));
      BOOST_TEST((erased.has_error() && is_told_of_the_record(erased.error())), erased.error().message());
      auto const updated = run(context, store->update("a", {}, revision(7, 7)));
      BOOST_TEST((updated.has_error() && is_told_of_the_record(updated.error())), updated.error().message());
      auto const touched = run(context, store->touch("a"));
      BOOST_TEST(is_told_of_the_record(touched.error()), touched.error().message());
      auto const hinted = run(context, store->update_hints("a", {}));
      BOOST_TEST(is_told_of_the_record(hinted.error()), hinted.error().message());
      BOOST_TEST(run(context, store->erase("a")).value());
    }
    asio::co_spawn(context, store->close(), [](std::exception_ptr) {});
    context.restart();
    context.run_for(5s);
    BOOST_TEST(context.stopped());
  }
}

BOOST_AUTO_TEST_SUITE_END()
