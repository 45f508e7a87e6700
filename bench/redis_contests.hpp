#pragma once

#include "contest.hpp"

#include <vector>

namespace mooring::bench {

/** Loads over `redis_storage` with 1 to 1024 in flight, beside Boost.Redis itself and redis-benchmark; and every other operation at 64. */
std::vector<contest> redis_storage_contests(bench_options const& options);

/** A replica whose sessions are in Redis, beside the storage's own load. */
std::vector<contest> redis_manager_contests(bench_options const& options);

}  // namespace mooring::bench
