#pragma once

#include <mooring/core/error.hpp>

#include <cstddef>
#include <string_view>

namespace mooring {

/** The longest id that is accepted, in bytes. */
inline constexpr std::size_t max_id_bytes = 256;

/** @brief Whether a text may be an id: 1 to 256 bytes, each visible ASCII (0x21 to 0x7E).
 *  @par Source  MCP 2025-11-25, Streamable HTTP, session management: ids hold visible ASCII only.
 */
constexpr bool is_valid_id(std::string_view text) noexcept {
  if (text.empty() || text.size() > max_id_bytes) return false;
  for (char const c : text)
    if (c < 0x21 || c > 0x7E) return false;
  return true;
}

/** @brief Success, or `errc::invalid_id`. */
inline result<> check_id(std::string_view text) noexcept {
  if (is_valid_id(text)) return {};
  return make_error_code(errc::invalid_id);
}

}  // namespace mooring
