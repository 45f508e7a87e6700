#pragma once

#include <mooring/core/error.hpp>
#include <mooring/session/metadata.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace mooring {

/** The keys that the library keeps in a record's metadata. A placeholder has the first only, a live record all. */
namespace record_key {
inline constexpr std::string_view state = "mooring.state";
inline constexpr std::string_view owner = "mooring.owner";
inline constexpr std::string_view backends = "mooring.backends";
inline constexpr std::string_view opening = "mooring.opening";
}  // namespace record_key

enum class record_state { placeholder, live };

/** @brief A record's metadata, taken apart: what restoring a session needs, so that it guesses nothing. */
struct record {
  record_state state = record_state::placeholder;
  std::string owner;                  ///< As `owner_binder` writes it.
  std::vector<std::string> backends;  ///< Desired ones; any bytes, in the caller's order. May be empty.
  std::string opening;                ///< The client's opening parameters, opaque.
  metadata data;                      ///< The caller's own, without reserved keys.
  metadata unknown;                   ///< Reserved keys that this version doesn't know, which a later one may have written: kept through every change.
};

/** @brief The metadata of an id that was minted and has no session yet. */
metadata placeholder_metadata();

/** @brief Puts a live record together. `record::state` is not looked at. */
metadata write_record(record const& parts);

/** @brief What a record's metadata say it is.  @par Errors  `errc::corrupt_record`: no known state. */
result<record_state> state_of(metadata const& stored);

/** @brief Takes a record apart.
 *  @return The parts; or `errc::corrupt_record` for an unknown state, or a live record without owner, list of backends or opening parameters, or with a list that
 *          cannot be read.
 */
result<record> read_record(metadata const& stored);

/** @brief Writes a list of texts of any bytes as visible ASCII: percent-encoded, each ended by ';'. Equal lists give equal texts, an empty list an empty text.
 *  @par Source  RFC 3986, section 2.1 (percent-encoding).
 */
std::string encode_list(std::vector<std::string> const& items);

/** @brief Reads what `encode_list` writes, and nothing else.  @par Errors  `errc::corrupt_record`. */
result<std::vector<std::string>> decode_list(std::string_view text);

}  // namespace mooring
