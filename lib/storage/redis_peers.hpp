#pragma once

#include "storage/redis_line.hpp"

#include <mooring/core/clock.hpp>
#include <mooring/storage/redis_options.hpp>

#include <chrono>

namespace mooring::detail {

/** A Sentinel that takes longer is left for the next: there has to be time for several. */
inline constexpr duration sentinel_patience = std::chrono::seconds(1);

/** @brief Options with their defaults in the place of zeros. */
redis_storage_options with_defaults(redis_storage_options options);

/** @brief Whom a line to the server talks to, by options that have their defaults. */
redis_peer peer_of_server(redis_storage_options const& options);

/** @brief Whom a line to a Sentinel talks to, by options that have their defaults and name Sentinels. */
redis_peer peer_of_sentinel(redis_storage_options const& options);

}  // namespace mooring::detail
