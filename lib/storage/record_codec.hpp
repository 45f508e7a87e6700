#pragma once

#include <mooring/core/error.hpp>
#include <mooring/storage/detail/redis_records.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mooring::detail {

/** What of a record a reader has to know besides its value. */
struct read_record {
  raw_record record;
  std::optional<std::int64_t> ttl;  ///< Milliseconds: that of the storage which created it. Not known of older records.
  bool is_fixed = false;  ///< It expires at a moment of its own, whoever asks for it.
};

/** @brief A new record as JSON text: `{"v":1,"id":...,"rev":...,"metadata":{...} or "data":"...","hints":{},"ttl":...}`; a `ttl` of zero is left out.
 *
 *  Scripts of the store read it and write it back with a reader of their own, so it holds nothing but objects, strings and the whole numbers of its version and
 *  moments. What a later version adds under the same number has to survive that, too: strings, objects, arrays that are not empty (an empty one comes back as {}),
 *  whole numbers of at most 14 digits (more are rounded), `true`, `false` and `null`; and, as everything here, nested at most 32 deep. All else is put in a string.
 */
std::string write_record(std::string_view id, revision const& rev, record_body const& body, std::int64_t ttl = 0);

/** @brief Named texts as a JSON object. */
std::string write_texts(text_map const& texts);

/** @brief Reads a record that was stored under `id`. Members that are not known are left to their writer.
 *  @par Errors  `errc::corrupt_record`: no such record, or one of another id. `errc::unsupported_version`: of a newer major version.
 */
result<read_record> parse_record(std::string_view id, std::string_view text);

}  // namespace mooring::detail
