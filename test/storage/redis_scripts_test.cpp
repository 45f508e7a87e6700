#include "storage/redis_scripts.hpp"
#include "storage/redis_server.hpp"
#include "storage/scripted_world.hpp"

#include <mooring/storage/value_traits.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/test/unit_test.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace mooring;
using namespace mooring::test;
using namespace mooring::detail;

namespace {

boost::test_tools::assertion_result has_redis(boost::unit_test::test_unit_id) { return redis_server::is_available(); }

/** A value that is written as a text of its own. */
struct written {
  written() = default;
  explicit written(std::string t) : text(std::move(t)) {}
  std::string text;
};

constexpr long long first_look = 1'900'000'000'000;

/** The scripts as a server runs them, on the one key t:a. */
class runner {
 public:
  /** What the script answers at a clock that stands at `first_look` when it is first looked at, and `step` ms later at each look from then on. */
  std::string run(redis_script const& script, std::vector<std::string> const& arguments, int step = 0) const {
    auto text = script.text();
    std::string_view const look = "local t = redis.call('TIME')";
    auto const at = text.find(look);
    BOOST_REQUIRE(at != std::string::npos);
    auto const pace = std::to_string(step);
    text.replace(at, look.size(), "now = now + " + pace + "; local t = {0, now * 1000}");
    std::vector<std::string> sent{"EVAL", "local now = " + std::to_string(first_look - step) + "\n" + text, "1", "t:a", "a"};
    sent.insert(sent.end(), arguments.begin(), arguments.end());
    sent.emplace_back("4194304");
    return server.command(sent);
  }

  static std::string record(std::string const& members) { return R"({"v":1,"id":"a","rev":"000102030405060708090a0b0c0d0e0f",)" + members + "}"; }

  void set(std::string const& text) const { BOOST_REQUIRE(server.command({"SET", "t:a", text, "PX", "60000"}) == "+OK"); }
  std::string stored() const { return server.command({"GET", "t:a"}); }

  redis_server server;
};

std::string const fresh(32, 'f');

}  // namespace

template <>
struct mooring::value_traits<written> {
  static result<> check(written const&, text_limits const&, std::string* = nullptr) { return {}; }
  static void close(written&) {}
  static std::string encode(written const& value) { return value.text; }
  static result<written> decode(std::string_view text) { return written(std::string(text)); }
};

BOOST_AUTO_TEST_SUITE(redis_scripts_)

// ST18, ST21: whatever the moment at which a script looks again, a record that has a millisecond left is absent or lives, and no key is given a life of nothing
BOOST_AUTO_TEST_CASE(a_record_whose_end_comes_while_a_script_runs_is_absent, *boost::unit_test::precondition(has_redis)) {
  runner const r;
  auto const& all = redis_scripts::all();
  struct {
    char const* name;
    redis_script const& script;
    std::vector<std::string> arguments;
  } const rows[] = {{"touch", all.touch, {"60000", "0"}},
                    {"load", all.read, {"60000", "0", "slide"}},
                    {"update_hints", all.update_hints, {"60000", "0", "{}"}},
                    {"touch, of limited life", all.touch, {"60000", "3600000"}},
                    {"load, of limited life", all.read, {"60000", "3600000", "slide"}},
                    {"update_hints, of limited life", all.update_hints, {"60000", "3600000", "{}"}},
                    {"update, of limited life", all.update, {"60000", "3600000", "", fresh, "metadata", "{}"}}};
  for (auto const& [name, script, arguments] : rows) {
    bool const is_limited = arguments[1] != "0";
    // What the record says so that it ends so long after the first look.
    auto const set_ending = [&](std::string const& fraction, long long after) {
      auto const moment = std::to_string(first_look + after - (is_limited ? 3'600'000 : 0)) + fraction;
      r.set(r.record((is_limited ? R"("metadata":{},"created":)" : R"("metadata":{},"until":)") + moment));
    };
    for (int const step : {0, 1, 2}) {
      BOOST_TEST_INFO_SCOPE(name << ", " << step << " ms at each look");
      set_ending("", 1);
      auto const said = r.run(script, arguments, step);
      bool const lives = step == 0 || is_limited;  // without an end of its own it is looked at once
      BOOST_TEST(said.starts_with(lives ? "ok\n" : "absent\n"), said);
      auto const left = r.server.command({"PTTL", "t:a"});
      BOOST_TEST((lives ? left == ":1" || left == ":0" || left == ":-2" : left == ":-2"), left);
    }
    // Moments that another writer set may lie between two milliseconds.
    BOOST_TEST_INFO_SCOPE(name << ", less than a millisecond");
    set_ending(".4", 0);
    auto const said = r.run(script, arguments);
    BOOST_TEST(said == "absent\n", said);
    BOOST_TEST(r.stored() == "$-1");
  }
}

// RE17: a record whose value is of another kind is corrupt for this storage, and stays what it is for the other.
BOOST_AUTO_TEST_CASE(an_update_with_a_value_of_another_kind_changes_nothing, *boost::unit_test::precondition(has_redis)) {
  runner const r;
  auto const& update = redis_scripts::all().update;
  std::string const own(R"("metadata":{"k":"v"})");
  std::string const other(R"("data":"text")");
  for (auto const& members : {own, other, own + "," + other}) {
    for (std::string const kind : {"metadata", "data"}) {
      for (std::string const expected : {"", "000102030405060708090a0b0c0d0e0f"}) {
        BOOST_TEST_INFO_SCOPE(members << " updated as " << kind << (expected.empty() ? "" : " on its revision"));
        auto const before = r.record(members + R"(,"hints":{})");
        r.set(before);
        auto const said = r.run(update, {"60000", "0", expected, fresh, kind, kind == "data" ? "new" : R"({"k":"new"})"});
        bool const is_own = members == (kind == "data" ? other : own);
        BOOST_TEST(said == (is_own ? "ok\n" : "corrupt\n"));
        BOOST_TEST((r.stored() == before) == !is_own);
      }
    }
  }
}

// RE16: what a later version may add, as record_codec.hpp says, and what it may not.
BOOST_AUTO_TEST_CASE(members_of_a_later_version_survive_a_rewrite, *boost::unit_test::precondition(has_redis)) {
  runner const r;
  for (std::string const value : {R"("")", R"("text \"\\\n\u0000 \u00e4")", "{}", R"({"a":{"b":{}}})", R"(["a",1,null,{}])", "null", "true", "false", "0", "-1", "99999999999999", "-99999999999999"}) {
    r.set(r.record(R"("metadata":{},"later":)" + value));
    BOOST_TEST(r.run(redis_scripts::all().update_hints, {"60000", "0", "{}"}) == "ok\n");
    auto const found = r.stored();
    BOOST_TEST((boost::json::parse(found).at("later") == boost::json::parse(value)), found);
  }
  for (std::string const value : {"[]", "100000000000001", "0.1234567890123456"}) {
    r.set(r.record(R"("metadata":{},"later":)" + value));
    BOOST_TEST(r.run(redis_scripts::all().update_hints, {"60000", "0", "{}"}) == "ok\n");
    BOOST_TEST((boost::json::parse(r.stored()).at("later") != boost::json::parse(value)), value);
  }
}

// RE17: the same through storages of two kinds that share a prefix, on the model of a server.
BOOST_AUTO_TEST_CASE(storages_of_two_kinds_under_one_prefix_keep_off_each_others_records) {
  simulation sim(1);
  auto const server = std::make_shared<redis_model>();
  auto const link = [&] { return std::make_shared<scripted_redis>(sim, sim.get_executor(), server); };
  redis_storage_options options;
  options.key_prefix = "t:";
  auto const texts = redis_storage_on<text_map>(link(), sim.get_executor(), options);
  auto const own_form = redis_storage_on<written>(link(), sim.get_executor(), options);
  auto const ask = [&sim]<class X>(awaitable<X> work) {
    std::optional<X> answer;
    asio::co_spawn(sim.get_executor(), std::move(work), [&answer](std::exception_ptr failure, X outcome) {
      if (failure) std::rethrow_exception(failure);
      answer.emplace(std::move(outcome));
    });
    while (!answer) BOOST_REQUIRE(sim.step());
    return std::move(*answer);
  };
  auto const first = ask(texts->create("a", text_map{{"k", "v"}}));
  auto const second = ask(own_form->create("b", written("text")));
  BOOST_REQUIRE((first.is_written() && second.is_written()));
  BOOST_TEST((ask(own_form->update("a", written("x"))).error() == errc::corrupt_record));
  BOOST_TEST((ask(own_form->update("a", written("x"), **first)).error() == errc::corrupt_record));
  BOOST_TEST((ask(texts->update("b", {})).error() == errc::corrupt_record));
  BOOST_TEST((ask(texts->update("b", {}, **second)).error() == errc::corrupt_record));
  auto const a = ask(texts->load("a"));
  BOOST_REQUIRE((a && *a));
  BOOST_TEST(((*a)->value == text_map{{"k", "v"}}));
  BOOST_TEST(((*a)->revision == **first));
  auto const b = ask(own_form->load("b"));
  BOOST_REQUIRE((b && *b));
  BOOST_TEST((*b)->value.text == "text");
}

BOOST_AUTO_TEST_SUITE_END()
