#pragma once

#include <mooring/core/error.hpp>
#include <mooring/storage/text_map.hpp>
#include <mooring/storage/value_traits.hpp>

#include <string>
#include <string_view>

namespace mooring {

/** @brief What a session's record shares between replicas: named texts, any UTF-8.
 *
 *  A session is rebuilt when its metadata changed, whichever key it was. Keys that begin with `reserved_prefix` are the library's own.
 */
struct metadata : text_map {
  using text_map::text_map;
  metadata() = default;
  explicit metadata(text_map map) : text_map(std::move(map)) {}
};

/** How the keys begin that a caller may not set. */
inline constexpr std::string_view reserved_prefix = "mooring.";

constexpr bool is_reserved_key(std::string_view key) noexcept { return key.starts_with(reserved_prefix); }

/** @brief Whether a caller's data may enter a record.
 *
 *  @param why  Where given, is set to a sentence when the data is refused; it repeats no key or value.
 *  @return Success, or
 *   - `errc::invalid_argument`  a key is reserved, or a text is not UTF-8.
 *   - `errc::too_large`         over a limit.
 */
result<> check_data(metadata const& data, text_limits const& limits, std::string* why = nullptr);

/** @brief Writes metadata as one JSON object of strings, keys in order. Equal metadata give equal texts.
 *  @par Errors  None, for metadata that `check_text_map` accepts.
 *  @par Source  RFC 8259.
 */
std::string encode_json(metadata const& value);

/** @brief Reads what `encode_json` writes, and any JSON object of strings.
 *
 *  @return The metadata, or `errc::corrupt_record`: not one JSON object, a value that is no string, a key that stands there twice, text that is not
 *          UTF-8, anything after the object, or more than the limits allow.
 *  @par Complexity  Linear in the text, which is refused unread when it is longer than a map within the limits can be.
 */
result<metadata> decode_json(std::string_view text, text_limits const& limits = {});

}  // namespace mooring
