#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>

namespace mooring {

/** @brief The default hash of a cache's keys: `std::hash`; for text also of a `std::string_view`, so that looking up copies nothing. */
template <class Key>
struct cache_hash : std::hash<Key> {};

template <>
struct cache_hash<std::string> {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
};

/** @brief How a key is passed to look it up: `std::string_view` for text with a transparent hash, otherwise a reference. */
template <class Key, class Hash>
using cache_key_view =
    std::conditional_t<std::is_same_v<Key, std::string> && std::is_invocable_v<Hash const&, std::string_view>, std::string_view, Key const&>;

}  // namespace mooring
