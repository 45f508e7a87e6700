#include <mooring/cache/cache_options.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

using namespace mooring;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(cache_options_)

// CA01, DE09, DE10, DE11
BOOST_AUTO_TEST_CASE(each_bad_option_is_named_with_its_rule) {
  struct row {
    std::function<void(cache_options&)> change;
    std::string field;
    std::string rule;
  };
  std::vector<row> rows;
  std::vector<std::pair<std::string, duration cache_options::*>> const spans{
      {"max_stale", &cache_options::max_stale},           {"check_interval", &cache_options::check_interval},
      {"negative_ttl", &cache_options::negative_ttl},     {"failure_backoff", &cache_options::failure_backoff},
      {"failure_backoff_limit", &cache_options::failure_backoff_limit}, {"load_timeout", &cache_options::load_timeout},
      {"drain_deadline", &cache_options::drain_deadline}};
  for (auto const& [field, member] : spans)
    for (auto const span : {duration(-1ns), duration(-1ms), duration(-1h), duration::min()})
      rows.push_back({[member = member, span](auto& o) { o.*member = span; }, field, "must not be negative"});
  std::vector<std::pair<std::string, std::size_t cache_options::*>> const bounds{{"capacity_entries", &cache_options::capacity_entries},
                                                                                {"max_flights", &cache_options::max_flights},
                                                                                {"max_waiters", &cache_options::max_waiters}};
  std::size_t const huge[] = {std::size_t(1) << 32, static_cast<std::size_t>(std::numeric_limits<std::int64_t>::min()), static_cast<std::size_t>(-2)};
  for (auto const& [field, member] : bounds) {
    rows.push_back({[member = member](auto& o) { o.*member = 0; }, field, "above 0"});
    for (auto const bound : huge) rows.push_back({[member = member, bound](auto& o) { o.*member = bound; }, field, "below 2^32"});
  }
  for (auto const bound : huge) rows.push_back({[bound](auto& o) { o.negative_entries = bound; }, "negative_entries", "below 2^32"});
  rows.push_back({[](auto& o) { o.failure_backoff_limit = o.failure_backoff - 1ms; }, "failure_backoff_limit", "not be below failure_backoff"});
  BOOST_TEST(rows.size() >= 40U);
  for (auto const& bad : rows) {
    cache_options options;
    bad.change(options);
    auto const why = explain(options);
    BOOST_TEST(why.starts_with(bad.field + " is "), why << " (" << bad.field << ")");
    BOOST_TEST(why.find(bad.rule) != std::string::npos, why);
  }
}

// CA01, DE09, DE10, DE11
BOOST_AUTO_TEST_CASE(the_defaults_are_the_documented_ones_and_zero_switches_off) {
  cache_options options;
  BOOST_TEST(explain(options).empty());
  BOOST_TEST((options.max_stale == 30s && options.check_interval == 0s));
  BOOST_TEST((options.negative_ttl == 1s && options.negative_entries == 1024U));
  BOOST_TEST((options.failure_backoff == 250ms && options.failure_backoff_limit == 5s));
  BOOST_TEST((options.max_flights == 1024U && options.max_waiters == 16384U));
  options.max_stale = options.check_interval = options.negative_ttl = options.failure_backoff = options.failure_backoff_limit = options.load_timeout = options.drain_deadline = 0s;
  options.negative_entries = 0;
  options.capacity_entries = unbounded;
  BOOST_TEST(explain(options).empty());
}

BOOST_AUTO_TEST_SUITE_END()
