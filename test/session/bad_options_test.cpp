#include "session/session_world.hpp"

#include <mooring/cache/cache_options.hpp>

#include <limits>

using namespace mooring;
using namespace mooring::test;

namespace {

/** An option that breaks its rule, and what the refusal has to say: the option's name first, then value and rule. */
struct row {
  row(std::string f, std::function<void(manager_options&)> c, std::vector<std::string> w) : field(std::move(f)), change(std::move(c)), words(std::move(w)) {}
  std::string field;
  std::function<void(manager_options&)> change;
  std::vector<std::string> words;
};

std::vector<row> bad_options() {
  std::vector<row> rows;
  std::vector<std::pair<duration, std::string>> const never{{0ns, "0 ms"}, {-1ns, "-1 ns"}, {-1ms, "-1 ms"}, {-1h, "-3600000 ms"}, {duration::min(), "-9223372036854775808 ns"}};
  std::vector<std::pair<std::string, duration manager_deadlines::*>> const deadlines{
      {"deadlines.generate", &manager_deadlines::generate}, {"deadlines.create", &manager_deadlines::create},
      {"deadlines.read", &manager_deadlines::read},         {"deadlines.write_back", &manager_deadlines::write_back},
      {"deadlines.change", &manager_deadlines::change},     {"deadlines.terminate", &manager_deadlines::terminate},
      {"deadlines.factory", &manager_deadlines::factory},   {"deadlines.get", &manager_deadlines::get},
      {"deadlines.shutdown", &manager_deadlines::shutdown}};
  for (auto const& [span, text] : never) {
    for (auto const& [name, member] : deadlines)
      rows.emplace_back(name, [member = member, span = span](auto& o) { o.deadlines.*member = span; }, std::vector<std::string>{"above zero", text});
    rows.emplace_back("partial_retry", [span = span](auto& o) { o.partial_retry = span; }, std::vector<std::string>{"above zero", text});
    rows.emplace_back("ttl", [span = span](auto& o) { o.ttl = span; }, std::vector<std::string>{"at least 2 ms", text});
    rows.emplace_back("sweep_interval", [span = span](auto& o) { o.sweep_interval = span; }, std::vector<std::string>{"at least 1 ms", text});
    rows.emplace_back("placeholder_ttl", [span = span](auto& o) { o.placeholder_ttl = span; }, std::vector<std::string>{"above deadlines.factory", "15000 ms", text});
    if (span == 0ns) continue;
    rows.emplace_back("tombstone_ttl", [span = span](auto& o) { o.tombstone_ttl = span; }, std::vector<std::string>{"negative", text});
    for (auto const& [name, member] : std::vector<std::pair<std::string, duration manager_options::*>>{{"max_stale", &manager_options::max_stale},
                                                                                                      {"check_interval", &manager_options::check_interval},
                                                                                                      {"failure_backoff", &manager_options::failure_backoff},
                                                                                                      {"failure_backoff_limit", &manager_options::failure_backoff_limit}})
      rows.emplace_back(name, [member = member, span = span](auto& o) { o.*member = span; }, std::vector<std::string>{"negative"});
  }
  rows.emplace_back("ttl", [](auto& o) { o.ttl = 2ms - 1ns; }, std::vector<std::string>{"1999999 ns"});
  rows.emplace_back("sweep_interval", [](auto& o) { o.sweep_interval = 999us; }, std::vector<std::string>{"999000 ns"});
  rows.emplace_back("placeholder_ttl", [](auto& o) { o.placeholder_ttl = 15s; }, std::vector<std::string>{"15000 ms"});
  rows.emplace_back("placeholder_ttl", [](auto& o) { o.deadlines.factory = 60s; }, std::vector<std::string>{"60000 ms"});
  rows.emplace_back("failure_backoff_limit", [](auto& o) { o.failure_backoff_limit = 249ms; }, std::vector<std::string>{"249 ms", "failure_backoff"});
  rows.emplace_back("check_interval", [](auto& o) { o.check_interval = 15min + 1ns; }, std::vector<std::string>{"half", "1800000 ms", "900000000001 ns"});
  rows.emplace_back("sweep_concurrency", [](auto& o) { o.sweep_concurrency = 0; }, std::vector<std::string>{"above 0"});
  rows.emplace_back("max_restores", [](auto& o) { o.max_restores = 0; }, std::vector<std::string>{"above 0"});
  rows.emplace_back("max_sessions", [](auto& o) { o.max_sessions = 0; }, std::vector<std::string>{"above 0"});
  rows.emplace_back("max_sessions_per_principal", [](auto& o) { o.max_sessions_per_principal = 0; }, std::vector<std::string>{"above 0", "empty"});
  // A negative number that was converted shows as a huge one.
  for (std::size_t const capacity : {std::size_t(1) << 32, static_cast<std::size_t>(-2), static_cast<std::size_t>(std::numeric_limits<std::int64_t>::min())})
    rows.emplace_back("cache_capacity", [capacity](auto& o) { o.cache_capacity = capacity; }, std::vector<std::string>{"below 2^32", std::to_string(capacity)});
  rows.emplace_back("binding_keys", [](auto& o) { o.binding_keys.emplace_back("k", secret("too short")); }, std::vector<std::string>{"\"k\"", "9 bytes", "32"});
  rows.emplace_back("binding_keys", [](auto& o) { o.binding_keys.emplace_back("", secret(std::string(32, 'k'))); }, std::vector<std::string>{"id"});
  return rows;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(session_bad_options)

// SM01, DE01, DE02, DE03, DE08, DE09, DE11
BOOST_AUTO_TEST_CASE(each_bad_option_is_refused_by_its_name_value_and_rule) {
  simulation sim(1);
  auto const factory = std::make_shared<test_factory>(sim, std::make_shared<ledger>(), "r");
  auto const rows = bad_options();
  BOOST_TEST(rows.size() >= 90U);
  for (auto const& bad : rows) {
    auto const store = std::make_shared<test_link>(sim, sim.get_executor(), std::make_shared<simulated_store<metadata>>());
    manager_options options;
    bad.change(options);
    std::string why;
    auto const made = manager::make(sim.get_executor(), store, factory, options, &why);
    BOOST_TEST((made.has_error() && made.error() == errc::invalid_argument), bad.field << ": " << why);
    BOOST_TEST(why.starts_with(bad.field), bad.field << ": " << why);
    for (auto const& word : bad.words) BOOST_TEST(why.find(word) != std::string::npos, bad.field << ": '" << why << "' says nothing of " << word);
    BOOST_TEST(manager::make(sim.get_executor(), store, factory, options).has_error());
  }
  BOOST_TEST(sim.outstanding() == 0U);
}

BOOST_AUTO_TEST_CASE(a_manager_without_storage_or_factory_is_refused) {
  simulation sim(1);
  auto const factory = std::make_shared<test_factory>(sim, std::make_shared<ledger>(), "r");
  auto const store = std::make_shared<test_link>(sim, sim.get_executor(), std::make_shared<simulated_store<metadata>>());
  std::string why;
  BOOST_TEST(manager::make(sim.get_executor(), nullptr, factory, {}, &why).error() == errc::invalid_argument);
  BOOST_TEST(why == "storage: must not be null");
  BOOST_TEST(manager::make(sim.get_executor(), store, nullptr, {}, &why).error() == errc::invalid_argument);
  BOOST_TEST(why == "factory: must not be null");
}

// SM01, SM32: the two times to live of one record are one
BOOST_AUTO_TEST_CASE(a_ttl_that_is_not_the_storages_is_refused_and_an_empty_one_is_the_storages) {
  session_world::setup how;
  how.store.ttl = 5min;
  session_world w(1, how);
  manager_options options;
  options.ttl = 30min;
  std::string why;
  BOOST_TEST(manager::make(w.sim.get_executor(), w.replicas[0].link, w.replicas[0].factory, options, &why).error() == errc::invalid_argument);
  BOOST_TEST(why == "ttl: the storage's is 300000 ms, and this is 1800000 ms; leave it empty to have the storage's");
  local_storage_options brief;
  brief.ttl = 1ns;
  auto const store = std::make_shared<test_link>(w.sim, w.sim.get_executor(), std::make_shared<simulated_store<metadata>>(brief));
  BOOST_TEST(manager::make(w.sim.get_executor(), store, w.replicas[0].factory, {}, &why).error() == errc::invalid_argument);
  BOOST_TEST(why == "ttl: must be at least 2 ms, and the storage's is 1 ns");
  // A lease keeps its record alive, so touched it is more often than the storage's time to live.
  auto const held = w.run(w.m().open({}, open_parameters({"a"})));
  BOOST_REQUIRE(held.has_value());
  w.sim.run_for(12min);
  BOOST_TEST(w.record(held->id).has_value());
}

// SM01, DE02, DE08, DE09, DE10, DE11, DE12, DE13: the defaults, and that the ends of each rule are inside.
BOOST_AUTO_TEST_CASE(the_defaults_are_the_documented_ones_and_the_ends_of_each_rule_are_allowed) {
  manager_options const usual;
  BOOST_TEST(!usual.ttl.has_value());
  BOOST_TEST((usual.placeholder_ttl == 60s && usual.placeholder_ttl > usual.deadlines.factory));
  BOOST_TEST((usual.max_stale == 30s && usual.check_interval == 0s));
  BOOST_TEST((usual.failure_backoff == 250ms && usual.failure_backoff_limit == 5s));
  BOOST_TEST(usual.max_restores == 64U);
  BOOST_TEST(usual.max_conflict_retries == 3U);
  BOOST_TEST(usual.max_sessions == 10'000U);
  BOOST_TEST(!usual.max_sessions_per_principal.has_value());
  BOOST_TEST(usual.max_tombstones == 65'536U);
  BOOST_TEST(!usual.tombstone_ttl.has_value());

  simulation sim(1);
  auto const factory = std::make_shared<test_factory>(sim, std::make_shared<ledger>(), "r");
  for (auto const& change : std::vector<std::function<void(manager_options&)>>{
           [](auto&) {}, [](auto& o) { o.ttl = 30min; }, [](auto& o) { o.placeholder_ttl = 15s + 1ns; }, [](auto& o) { o.sweep_interval = 1ms; },
           [](auto& o) { o.max_stale = o.check_interval = o.failure_backoff = o.failure_backoff_limit = 0ns; }, [](auto& o) { o.cache_capacity = unbounded; },
           [](auto& o) { o.cache_capacity = 1; }, [](auto& o) { o.max_conflict_retries = 0; }, [](auto& o) { o.max_tombstones = 0; }, [](auto& o) { o.tombstone_ttl = 0ns; }, [](auto& o) { o.check_interval = 15min; }}) {
    auto const store = std::make_shared<test_link>(sim, sim.get_executor(), std::make_shared<simulated_store<metadata>>());
    manager_options options;
    change(options);
    std::string why;
    BOOST_TEST(manager::make(sim.get_executor(), store, factory, options, &why).has_value(), why);
  }
}

BOOST_AUTO_TEST_SUITE_END()
