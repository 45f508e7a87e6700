#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mooring::gateway {

/** @brief The text of one member's value inside the text of an object, as it was written; of equal keys the last counts.
 *
 *  What passes through a gateway keeps its spelling this way: a number `1.0` stays `1.0`, and a large body is never rebuilt.
 *
 *  @param object  Text of a valid JSON value. Of other text the answer is unspecified, and still a view into it or nothing.
 *  @return A view into `object`; nothing when it is no object or has no such member.
 */
std::optional<std::string_view> member(std::string_view object, std::string_view key);

/** @brief As `member`, along a path of keys. */
template <class... Keys>
std::optional<std::string_view> member_at(std::string_view object, std::string_view key, Keys... rest) {
  auto const found = member(object, key);
  if constexpr (sizeof...(rest) == 0)
    return found;
  else
    return found ? member_at(*found, rest...) : std::nullopt;
}

/** @brief Whether an object names one of its members twice. */
bool has_twins(std::string_view object);

/** @brief The content of a JSON string; nothing when the text is another kind of value. */
std::optional<std::string> string_value(std::string_view text);

/** @brief `whole` with one part of it (a view that `member` gave) replaced. */
std::string replaced(std::string_view whole, std::string_view part, std::string_view replacement);

}  // namespace mooring::gateway
