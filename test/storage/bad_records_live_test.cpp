#include "storage/bad_records.hpp"
#include "storage/contract_world.hpp"
#include "storage/redis_server.hpp"

#include <mooring/storage/redis_storage.hpp>
#include <mooring/storage/value_traits.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

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

/** A value of the user's own kind, which has no limit that the library knows. */
struct long_text {
  long_text() = default;
  explicit long_text(std::string t) : text(std::move(t)) {}
  std::string text;
};

}  // namespace

template <>
struct mooring::value_traits<long_text> {
  static result<> check(long_text const&, text_limits const&, std::string* = nullptr) { return {}; }
  static void close(long_text&) {}
  static std::string encode(long_text const& value) { return value.text; }
  static result<long_text> decode(std::string_view text) { return long_text(std::string(text)); }
};

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

// RE17, RE22: one that no reply is to bring is not brought where a script reads it, and nobody on the same connection is the worse for it.
BOOST_AUTO_TEST_CASE(a_record_that_is_too_long_for_a_reply_disturbs_no_other) {
  redis_server const server;
  asio::io_context context;
  redis_storage_options options;
  options.unix_socket = server.socket();
  options.key_prefix = "t:";
  options.absolute_lifetime = 1h;
  options.health_check = 20s;
  auto const store = redis_storage<text_map>::make(context.get_executor(), options).value();
  BOOST_TEST(run(context, store->create("good", {})).is_written());
  auto const epoch = store->epoch();
  auto long_record = good_record();
  long_record.insert(long_record.size() - 1, ",\"more\":\"" + std::string(5'000'000, 'x') + "\"");
  BOOST_REQUIRE(server.command({"SET", "t:a", long_record}) == "+OK");
  int pending = 0;
  auto const is_ended = [&pending](auto is_right) {
    ++pending;
    return [&pending, is_right](std::exception_ptr failure, auto outcome) {
      BOOST_TEST((!failure && is_right(outcome)));
      --pending;
    };
  };
  auto const is_corrupt = [](auto const& outcome) { return outcome.error() == errc::corrupt_record; };
  for (int i = 0; i < 10; ++i) {
    asio::co_spawn(context, store->update("good", {}), is_ended([](write_outcome const& outcome) { return outcome.is_written(); }));
    asio::co_spawn(context, store->load("a"), is_ended(is_corrupt));
    asio::co_spawn(context, store->peek("a"), is_ended(is_corrupt));
    asio::co_spawn(context, store->update("a", {}), is_ended(is_corrupt));
    asio::co_spawn(context, store->touch("a"), is_ended(is_corrupt));
    asio::co_spawn(context, store->load("good"), is_ended([](auto const& outcome) { return outcome && *outcome; }));
  }
  context.restart();
  auto const patience = std::chrono::steady_clock::now() + 20s;
  while (pending > 0 && std::chrono::steady_clock::now() < patience) context.run_one_for(100ms);
  BOOST_TEST(pending == 0);
  BOOST_TEST(store->epoch() == epoch);
  BOOST_TEST(run(context, store->erase("a")).value());
  asio::co_spawn(context, store->close(), [](std::exception_ptr) {});
  context.restart();
  context.run_for(5s);
  BOOST_TEST(context.stopped());
}

// RE17: and none is written, whatever makes it so long
BOOST_AUTO_TEST_CASE(a_record_that_could_not_be_read_again_is_not_written) {
  redis_server const server;
  asio::io_context context;
  for (bool const has_lifetime : {false, true}) {
    BOOST_TEST_INFO_SCOPE("has a lifetime: " << has_lifetime);
    redis_storage_options options;
    options.unix_socket = server.socket();
    options.key_prefix = has_lifetime ? "u:" : "t:";
    options.write_timeout = options.read_timeout = options.operation_timeout = options.health_check = 20s;  // megabytes, on a machine that may be busy
    if (has_lifetime) options.absolute_lifetime = 1h;
    auto const store = redis_storage<long_text>::make(context.get_executor(), options).value();
    auto const error_of = [](write_outcome const& outcome) { return outcome.has_error() ? outcome.error() : error_code(); };
    long_text const fits(std::string(4'000'000, 'x'));
    long_text const large(std::string(4'200'000, 'x'));
    long_text const escaped(std::string(2'500'000, has_lifetime ? '/' : '"'));  // twice as long as JSON, in one writer's or the other's
    BOOST_TEST(error_of(run(context, store->create("a", large))) == errc::too_large);
    BOOST_TEST(error_of(run(context, store->store("a", large))) == errc::too_large);
    BOOST_TEST(error_of(run(context, store->create("a", escaped))) == errc::too_large);
    BOOST_TEST(error_of(run(context, store->store("a", escaped))) == errc::too_large);
    BOOST_TEST(!run(context, store->load("a")).value().has_value());
    auto const made = run(context, store->create("a", fits));
    BOOST_REQUIRE_EQUAL(error_of(made), error_code());
    BOOST_TEST(error_of(run(context, store->update("a", large))) == errc::too_large);
    BOOST_TEST(error_of(run(context, store->update("a", escaped))) == errc::too_large);
    hint_map hints;
    for (int i = 0; i < 4; ++i) hints["h" + std::to_string(i)] = std::string(64 * 1024 - 100, '"');
    BOOST_TEST((run(context, store->update_hints("a", hints)).error() == errc::too_large));
    auto const found = run(context, store->load("a"));
    BOOST_REQUIRE((found && *found));
    BOOST_TEST(((*found)->revision == **made));
    BOOST_TEST(((*found)->value.text == fits.text));
    // The longest of all that are written is read, too.
    std::size_t longest = 4 * 1024 * 1024;
    while (error_of(run(context, store->store("b", long_text(std::string(longest, 'x'))))) == errc::too_large) --longest;
    BOOST_TEST(longest > 4 * 1024 * 1024 - 1000U);
    auto const whole = run(context, store->load("b"));
    BOOST_REQUIRE((whole && *whole));
    BOOST_TEST((*whole)->value.text.size() == longest);
    asio::co_spawn(context, store->close(), [](std::exception_ptr) {});
    context.restart();
    context.run_for(5s);
    BOOST_TEST(context.stopped());
  }
}

BOOST_AUTO_TEST_SUITE_END()
