#pragma once

namespace mooring {

/** @brief Why a value left the cache. Each value leaves once, with one reason. */
enum class disposal_reason : unsigned char {
  capacity,    ///< It was the least recently used one, and another needed the place.
  expired,     ///< Its check said that it is no longer valid.
  replaced,    ///< `set` put another value in its place.
  terminated,  ///< `erase`, unless that names another reason.
  lost_race,   ///< A load made it, but `set`, `erase` or the last waiter's leaving came first: it was never in the cache.
  shutdown,    ///< The cache was closed.
};

/** How many reasons there are. */
inline constexpr int disposal_reasons = 6;

/** @brief The name of a reason as it is written in code, for logs and metrics. Never null. */
char const* name_of(disposal_reason reason) noexcept;

}  // namespace mooring
