#include "core/bad_ids.hpp"
#include "simulation/simulation.hpp"
#include "storage/bad_utf8.hpp"

#include <mooring/storage/local_storage.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace mooring;
using namespace std::chrono_literals;

namespace {

using storage_type = local_storage<text_map>;

struct fixture {
  explicit fixture(local_storage_options options = {}) : store(storage_type::make(sim.get_executor(), std::move(options)).value()) {}

  template <class T>
  T run(awaitable<T> work) {
    std::optional<T> outcome;
    asio::co_spawn(sim, std::move(work), [&](std::exception_ptr failure, T made) {
      BOOST_REQUIRE(!failure);
      outcome.emplace(std::move(made));
    });
    while (!outcome && sim.step()) {}
    return std::move(outcome.value());
  }

  test::simulation sim{1};
  std::shared_ptr<storage_type> store;
};

struct row {
  std::string name;
  text_map map;
  errc expected;
  std::string why;
};

std::vector<row> bad_maps() {
  std::vector<row> rows;
  text_limits const limits;
  for (auto const& bad : test::bad_utf8()) {
    for (auto const& text : {bad, "good" + bad, bad + "good", "12345678" + bad, std::string(1000, 'a') + bad}) {
      if (text.size() <= limits.max_key_bytes) rows.push_back({"bad UTF-8 in a key", {{"a", "v"}, {text, "v"}}, errc::invalid_argument, "not well-formed UTF-8"});
      rows.push_back({"bad UTF-8 in a value", {{"a", "v"}, {"k", text}}, errc::invalid_argument, "not well-formed UTF-8"});
    }
  }
  for (std::size_t const over : {1U, 2U, 1000U}) {
    text_map entries;
    for (std::size_t i = 0; i < limits.max_entries + over; ++i) entries.emplace(std::to_string(i), "");
    rows.push_back({"too many entries", entries, errc::too_large, std::to_string(limits.max_entries + over) + " entries; at most 64"});
    rows.push_back({"a key too long", {{std::string(limits.max_key_bytes + over, 'k'), ""}}, errc::too_large, std::to_string(limits.max_key_bytes + over) + " bytes; at most 256"});
    rows.push_back({"a value too long", {{"k", std::string(limits.max_value_bytes + over, 'v')}}, errc::too_large, std::to_string(limits.max_value_bytes + over) + " bytes; at most 65536"});
    text_map whole;
    for (char key = 'a'; key < 'e'; ++key) whole.emplace(std::string(1, key), std::string(limits.max_value_bytes - 1, 'v'));
    whole.emplace("", std::string(over, 'v'));
    rows.push_back({"too much in all", whole, errc::too_large, std::to_string(limits.max_total_bytes + over) + " bytes; at most 262144"});
  }
  return rows;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(storage_bad_calls)

// ST14, DE14
BOOST_AUTO_TEST_CASE(each_bad_id_is_refused_by_every_operation_of_local_storage) {
  fixture f;
  auto& store = *f.store;
  for (auto const& id : test::bad_ids()) {
    BOOST_TEST_INFO_SCOPE(id.substr(0, 40));
    auto const is_refused = [](auto const& ended) { return ended.has_error() && ended.error() == errc::invalid_id; };
    BOOST_TEST(is_refused(f.run(store.create(id, {}))));
    BOOST_TEST(is_refused(f.run(store.update(id, {}))));
    BOOST_TEST(is_refused(f.run(store.update(id, {}, revision(1, 1)))));
    BOOST_TEST(is_refused(f.run(store.store(id, {}))));
    BOOST_TEST(is_refused(f.run(store.update_hints(id, {}))));
    BOOST_TEST(is_refused(f.run(store.load(id))));
    BOOST_TEST(is_refused(f.run(store.peek(id))));
    BOOST_TEST(is_refused(f.run(store.touch(id))));
    BOOST_TEST(is_refused(f.run(store.erase(id))));
    BOOST_TEST(is_refused(f.run(store.erase(id, revision(1, 1)))));
    BOOST_TEST(is_refused(*store.load_revision_at_once(id)));
  }
  BOOST_TEST(store.size() == 0U);
}

// ST16, ST17, DE15: the sentence names the rule and the figures; what is stored stays.
BOOST_AUTO_TEST_CASE(each_bad_map_is_refused_by_its_own_error_and_leaves_what_is_stored) {
  fixture f;
  auto& store = *f.store;
  auto const kept = f.run(store.create("id", {{"k", "v"}}));
  auto const hinted = f.run(store.update_hints("id", {{"h", "1"}}));
  BOOST_REQUIRE((kept.is_written() && hinted.value()));
  auto const rows = bad_maps();
  BOOST_TEST(rows.size() >= 150U);
  for (auto const& bad : rows) {
    BOOST_TEST_INFO_SCOPE(bad.name);
    std::string why;
    BOOST_TEST((check_text_map(bad.map, {}, &why).error() == bad.expected));
    BOOST_TEST(why.find(bad.why) != std::string::npos, why);
    BOOST_TEST((f.run(store.create("new", bad.map)).error() == bad.expected));
    BOOST_TEST((f.run(store.update("id", bad.map)).error() == bad.expected));
    BOOST_TEST((f.run(store.update("id", bad.map, **kept)).error() == bad.expected));
    BOOST_TEST((f.run(store.store("id", bad.map)).error() == bad.expected));
    BOOST_TEST((f.run(store.update_hints("id", bad.map)).error() == bad.expected));
  }
  auto const found = f.run(store.peek("id"));
  BOOST_REQUIRE((found && *found));
  BOOST_TEST(((*found)->revision == **kept));
  BOOST_TEST(((*found)->value == text_map{{"k", "v"}}));
  BOOST_TEST(((*found)->hints == hint_map{{"h", "1"}}));
  BOOST_TEST(store.size() == 1U);
}

// ST22: what `create` may bring besides its value.
BOOST_AUTO_TEST_CASE(each_bad_span_of_a_call_is_refused) {
  fixture f;
  auto& store = *f.store;
  for (auto const span : {0ns, -1ns, duration(-1s), duration::min()}) {
    create_options ttl;
    ttl.ttl = span;
    BOOST_TEST((f.run(store.create("id", {}, ttl)).error() == errc::invalid_argument));
    create_options deadline;
    deadline.deadline = span;
    BOOST_TEST((f.run(store.create("id", {}, deadline)).error() == errc::deadline_exceeded));
    BOOST_TEST((f.run(store.load("id", {.deadline = span})).error() == errc::deadline_exceeded));
    BOOST_TEST((f.run(store.erase("id", {.deadline = span})).error() == errc::deadline_exceeded));
  }
  create_options fixed;
  fixed.is_fixed = true;
  BOOST_TEST((f.run(store.create("id", {}, fixed)).error() == errc::invalid_argument));
  BOOST_TEST(store.size() == 0U);
}

// ST22, DE01, DE03
BOOST_AUTO_TEST_CASE(each_bad_option_of_local_storage_is_refused_by_its_name_value_and_rule) {
  struct option {
    std::function<void(local_storage_options&)> change;
    std::string why;
  };
  std::vector<option> rows;
  auto const text = [](duration span) { return span % 1ms == 0ns ? std::to_string(span / 1ms) + " ms" : std::to_string(span.count()) + " ns"; };
  for (auto const span : {0ns, -1ns, duration(-1ms), duration(-1s), duration(-1h), duration::min()}) {
    rows.push_back({[=](auto& o) { o.ttl = span; }, "::ttl is " + text(span) + ", but must be above zero"});
    rows.push_back({[=](auto& o) { o.absolute_lifetime = span; }, "::absolute_lifetime is " + text(span) + ", but must be at least ttl"});
    rows.push_back({[=](auto& o) { o.sweep_interval = span; }, "::sweep_interval is " + text(span) + ", but must be at least 1 ms"});
  }
  for (auto const span : {1ns, duration(1s), duration(30min - 1ns)})
    rows.push_back({[=](auto& o) { o.absolute_lifetime = span; }, "::absolute_lifetime is " + text(span) + ", but must be at least ttl, 1800000 ms"});
  for (auto const span : {1ns, duration(1us), duration(1ms - 1ns)})
    rows.push_back({[=](auto& o) { o.sweep_interval = span; }, "::sweep_interval is " + text(span) + ", but must be at least 1 ms"});
  rows.push_back({[](auto& o) { o.max_entries = 0; }, "::max_entries is 0, but must be above zero"});
  BOOST_TEST(rows.size() >= 25U);
  test::simulation sim(1);
  for (auto const& bad : rows) {
    local_storage_options options;
    bad.change(options);
    std::string why;
    auto const made = storage_type::make(sim.get_executor(), options, &why);
    BOOST_TEST((made.has_error() && made.error() == errc::invalid_argument));
    BOOST_TEST(why.starts_with("local_storage_options" + bad.why), why);
  }
  BOOST_TEST(sim.outstanding() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
