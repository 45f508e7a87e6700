#pragma once

#include <mooring/core/wall_clock.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace mooring::detail {

/** @brief A moment as RFC 3339 text in UTC, with all its nanoseconds: `2026-11-21T12:36:43.123456789Z`. */
std::string write_time(wall_time moment);

/** @brief Reads what `write_time` writes, also with fewer digits of the second or none. Nothing for other texts and for moments that `wall_time` cannot hold. */
std::optional<wall_time> parse_time(std::string_view text);

}  // namespace mooring::detail
