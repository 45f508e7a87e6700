#pragma once

#include <mooring/core/clock.hpp>
#include <mooring/core/log.hpp>
#include <mooring/session/backend_health.hpp>
#include <mooring/session/binding.hpp>
#include <mooring/session/manager_event.hpp>
#include <mooring/storage/text_map.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

namespace mooring {

/** How long single steps may take. Each of the first group covers one storage operation, never two. All above zero. */
struct manager_deadlines {
  duration generate = std::chrono::seconds(5);
  duration create = std::chrono::seconds(5);       ///< Its read, its write and its clean-up, each.
  duration read = std::chrono::seconds(3);         ///< `validate`; the check and the reads of `get`.
  duration write_back = std::chrono::seconds(5);   ///< Hints, and the touch after a restore or, at most a twelfth of the time to live, under a lease.
  duration change = std::chrono::seconds(5);       ///< `decorate` and `notify_backend_expired`: each read, each write.
  duration terminate = std::chrono::seconds(5);

  duration factory = std::chrono::seconds(15);   ///< One whole `session_factory::open`.
  duration get = std::chrono::seconds(20);       ///< One whole `get`.
  duration shutdown = std::chrono::seconds(10);  ///< One whole `shutdown`, and the drain of a session that left the cache.
};

struct manager_options {
  /** How many sessions the cache holds. 0: the default, 1000. */
  std::size_t cache_capacity = 0;
  /** The storage's time to live: sets how often leased records are touched and cached ones swept. At least 2 ms. Empty: what the storage says of itself, or 30 min
   *  where it says nothing. */
  std::optional<duration> ttl;
  /** How long a minted id waits for its `create`. Above `deadlines.factory`. */
  duration placeholder_ttl = std::chrono::seconds(60);
  /** Between two sweeps, jittered by a tenth. Empty: half of `ttl`. At least 1 ms. */
  std::optional<duration> sweep_interval;
  /** How many cached sessions a sweep asks for at once, and how many leased records are touched at once. Above zero. */
  std::size_t sweep_concurrency = 8;
  /** How long a cached session serves on its last good check while the storage cannot be asked. 0: not at all. */
  duration max_stale = std::chrono::seconds(30);
  /** A good check serves the gets of this long, until the storage's `epoch` goes up. 0: every get is checked. At most half of the time to live, since only a check
   *  keeps a session that is used from expiring: after its last use it lives by up to this much less. */
  duration check_interval{};
  /** After a failed restore the same error is given again for this long, doubling up to the limit. 0: off. */
  duration failure_backoff = std::chrono::milliseconds(250);
  duration failure_backoff_limit = std::chrono::seconds(5);
  /** How many restores run at once; beyond: `errc::busy`. Above zero. */
  std::size_t max_restores = 64;
  /** How often `decorate` and `notify_backend_expired` read again after a conflict. */
  std::size_t max_conflict_retries = 3;
  /** When a session that a factory called partial is rebuilt. Above zero. */
  duration partial_retry = std::chrono::seconds(30);
  /** How many sessions this replica has open or in creation; of one principal (empty: no limit of its own). */
  std::size_t max_sessions = 10'000;
  std::optional<std::size_t> max_sessions_per_principal;
  /** How many terminated ids are remembered, and for how long. Empty: `ttl`, at least a minute. Oldest leave first. */
  std::size_t max_tombstones = 65'536;
  std::optional<duration> tombstone_ttl;

  manager_deadlines deadlines;
  /** What the data of open and decorate must keep; the storage has its own. */
  text_limits limits;

  /** Keys that bind records to their owners; the first signs. Empty: salt alone, with a warning on a storage that others share. */
  std::vector<binding_key> binding_keys;
  /** A wrong owner gets the answers of an unknown id, at the same cost. */
  bool hide_owner_mismatch = false;

  /** Which backends a new session tries; see `backends_to_try`. */
  health_lookup health_monitor;
  health_lookup configured_health;

  /** False: `shutdown` leaves the storage open, because others in this process use it. */
  bool closes_storage = true;

  log_sink log;
  manager_observer observer;
};

}  // namespace mooring
