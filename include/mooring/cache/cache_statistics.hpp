#pragma once

#include <mooring/cache/disposal_reason.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace mooring {

/** @brief One consistent snapshot of a cache: counters since it was made, and what it holds now. Each event is counted once.
 *
 *  A check that is being asked for an answer at once is counted as alive, and its get as a hit, until it says otherwise.
 */
struct cache_statistics {
  std::uint64_t hits = 0;              ///< Gets answered with a cached value, stale ones included.
  std::uint64_t stale_hits = 0;        ///< Of the hits: the check failed and `max_stale` allowed the value.
  std::uint64_t misses = 0;            ///< Gets that began a load because no value was cached.
  std::uint64_t joins = 0;             ///< Gets that joined a running load or check.
  std::uint64_t negative_hits = 0;     ///< Gets answered from the memory of keys without a value.
  std::uint64_t backoff_refusals = 0;  ///< Gets answered with the error of a recent failed load.
  std::uint64_t loads_found = 0;       ///< Loads that made a value, including those that lost a race.
  std::uint64_t loads_empty = 0;       ///< Loads that found nothing.
  std::uint64_t loads_failed = 0;      ///< Loads that failed, threw or ran into `load_timeout`.
  std::uint64_t loads_cancelled = 0;   ///< Loads that ended without an outcome: nobody waited any more, they were overtaken before they began, or by `close`.
  std::uint64_t checks_alive = 0;
  std::uint64_t checks_expired = 0;
  std::uint64_t checks_failed = 0;     ///< Transient errors, thrown ones included.
  std::uint64_t checks_abandoned = 0;  ///< Checks whose get left before the verdict; a waiter took over, if there was one.
  std::uint64_t busy = 0;              ///< Gets refused for `max_flights` or `max_waiters`.
  std::uint64_t dispose_failures = 0;  ///< Disposals that threw or were cancelled.
  std::array<std::uint64_t, disposal_reasons> disposals{};  ///< By `disposal_reason`: counted when the disposal is decided.
  std::size_t size = 0;      ///< Cached values.
  std::size_t flights = 0;   ///< Loads and checks running.
  std::size_t waiters = 0;   ///< Gets waiting for one of them.
  std::size_t draining = 0;  ///< Values that left the cache and are still leased.
  std::size_t disposing = 0; ///< Disposals not ended.
  std::size_t negatives = 0; ///< Keys remembered as having no value, or as failed.

  std::uint64_t disposed(disposal_reason reason) const { return disposals[static_cast<std::size_t>(reason)]; }
};

}  // namespace mooring
