#pragma once

#include <mooring/core/error.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>

namespace mooring {

/** Named texts: what metadata and hints are made of. Keys and values hold any UTF-8, NUL included. */
using text_map = std::map<std::string, std::string, std::less<>>;

/** @brief How much a map of texts may hold. The same limits are for metadata and for hints. */
struct text_limits {
  std::size_t max_entries = 64;
  std::size_t max_key_bytes = 256;
  std::size_t max_value_bytes = 64 * 1024;
  std::size_t max_total_bytes = 256 * 1024;  ///< All keys and values together.
};

static_assert(std::is_trivially_destructible_v<text_limits>);

/** @brief Whether a text is well-formed UTF-8: no overlong form, no surrogate, nothing beyond U+10FFFF, nothing cut off.
 *  @par Source  RFC 3629, section 4.
 */
bool is_valid_utf8(std::string_view text) noexcept;

/** @brief Whether a map of texts keeps its limits.
 *
 *  @param why  Where given, is set to a sentence that names the rule and the figures when the map is refused; never repeats a key or value.
 *  @return Success, or the first of:
 *   - `errc::too_large`         too many entries, or a key, a value or the whole is too long.
 *   - `errc::invalid_argument`  a key or value is not UTF-8.
 *  @par Complexity  Linear in the bytes of the map, which is not read beyond its limits.
 */
result<> check_text_map(text_map const& map, text_limits const& limits, std::string* why = nullptr);

}  // namespace mooring
