#pragma once

#include <mooring/core/error.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace mooring {

/** @brief Whether a text is a UUID in its one textual form: 36 characters, hexadecimal digits of either case in groups of 8, 4, 4, 4 and 12 with hyphens between.
 *
 *  Any version and variant, the nil and the maximal one included. No braces, no `urn:uuid:`.
 *  @par Source  RFC 9562, section 4.
 */
constexpr bool is_uuid(std::string_view text) noexcept {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char const c = text[i];
    bool const is_hyphen = i == 8 || i == 13 || i == 18 || i == 23;
    bool const is_digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (is_hyphen ? c != '-' : !is_digit) return false;
  }
  return true;
}

/** @brief Success, or `errc::invalid_id`; then `why`, where given, is a sentence that says what is wrong and never repeats the id. */
result<> check_uuid(std::string_view text, std::string* why = nullptr);

}  // namespace mooring
