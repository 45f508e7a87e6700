#pragma once

#include <mooring/storage/text_map.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>

namespace mooring::detail {

/** @brief How many bytes of texts count as no limit: far beyond what a server holds under one key, and far from the largest number. */
inline constexpr std::size_t endless_bytes = std::numeric_limits<std::size_t>::max() / 64;

/** @brief How long a record may be as it is stored. No record of texts that keep their limits is longer: a byte of them is at most six in JSON, and metadata and
 *  hints have the same limits. Values of another kind have no limit that is known here, and get the same room. */
inline std::size_t most_record_bytes(text_limits const& limits) { return std::max<std::size_t>(16 * std::min(limits.max_total_bytes, endless_bytes), 4 * 1024 * 1024); }

/** @brief And the reply that it comes in, with room for what Boost.Redis reads at once: it refuses a reply before it is full. */
inline std::size_t most_reply_bytes(text_limits const& limits) { return most_record_bytes(limits) + 64 * 1024; }

}  // namespace mooring::detail
