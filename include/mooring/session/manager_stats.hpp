#pragma once

#include <mooring/cache/cache_statistics.hpp>

#include <cstddef>
#include <cstdint>

namespace mooring {

/** A snapshot of one replica. Counters count from construction. */
struct manager_stats {
  std::size_t open_sessions = 0;  ///< Session objects that are not closed yet: cached, leased, or on their way there.
  std::size_t creations = 0;      ///< Running now.
  std::size_t restores = 0;       ///< Running now.
  std::size_t tombstones = 0;     ///< Ids remembered as gone for everybody.
  std::uint64_t created = 0;
  std::uint64_t restored = 0;
  std::uint64_t terminated = 0;
  std::uint64_t closed = 0;       ///< Session objects closed, whatever the reason.
  std::uint64_t refused = 0;      ///< Calls that ended with an error.
  cache_statistics cache;
};

}  // namespace mooring
