#pragma once

#include <mooring/core/clock.hpp>
#include <mooring/core/log.hpp>

#include <cstddef>
#include <limits>
#include <string>

namespace mooring {

/** The capacity of a cache that never evicts for lack of room. */
inline constexpr std::size_t unbounded = std::numeric_limits<std::size_t>::max();

/** @brief How a cache behaves. Durations are not negative; 0 switches off what it bounds, where a member does not say otherwise. */
struct cache_options {
  std::size_t capacity_entries = 1000;              ///< How many values are cached at most: above 0 and below 2^32, or `unbounded`.
  duration max_stale = std::chrono::seconds(30);    ///< How old the last good check may be while checks fail. 0: never serve unchecked.
  duration check_interval{0};                       ///< How long a good check or load counts for later gets. 0: check for every get.
  duration negative_ttl = std::chrono::seconds(1);  ///< How long "found nothing" is remembered. 0: not at all.
  std::size_t negative_entries = 1024;              ///< How many keys without a value, and failed keys, are remembered at most.
  duration failure_backoff = std::chrono::milliseconds(250);     ///< Pause after a failed load, doubled by each further failure. 0: none.
  duration failure_backoff_limit = std::chrono::seconds(5);      ///< Where the doubling ends; not below `failure_backoff`.
  duration load_timeout = std::chrono::seconds(30);              ///< How long a load may take. 0: as long as it likes.
  duration drain_deadline = std::chrono::seconds(10);            ///< How long leases keep a value that left the cache. 0: it is closed at once.
  std::size_t max_flights = 1024;                   ///< Loads and checks at one time, above 0.
  std::size_t max_waiters = 16384;                  ///< Gets that wait for one load or check, above 0.
  log_sink log;                                     ///< Hears of what callbacks throw; never of keys or values.
};

/** @brief The first rule that the options break, as a sentence that names value and rule; empty when they are right. */
std::string explain(cache_options const& options);

}  // namespace mooring
