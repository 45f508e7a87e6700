#pragma once

#include <mooring/session/json_text.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mooring::detail {

struct json_member {
  std::string key;
  json_text value;
};

/** Takes JSON apart without changing its spelling. */
struct json_reader {
  /** @brief As `json_text::parse`, for a depth of the caller's choice.
   *  @param fault  Set to what is wrong, as the end of a sentence, when there is no value.
   */
  static std::optional<json_text> parse(std::string_view text, std::size_t max_depth, char const*& fault);

  /** The members of an object, in order; nothing for another value. */
  static std::optional<std::vector<json_member>> members(json_text const& value);

  /** The content of a string; nothing for another value. */
  static std::optional<std::string> string(json_text const& value);
};

/** A text as a JSON string. */
std::string quoted(std::string_view text);

}  // namespace mooring::detail
