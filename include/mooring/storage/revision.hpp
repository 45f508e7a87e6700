#pragma once

#include <mooring/core/entropy.hpp>
#include <mooring/core/error.hpp>

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace mooring {

/** @brief An opaque token, fresh on each change of a stored value: equal revisions of an id mean equal values. Compared for equality only.
 *
 *  128 random bits, so that a revision never repeats for an id, even when the id is erased and made again.
 *  A default-made one is no revision and equals no stored one.
 */
class revision {
 public:
  constexpr revision() noexcept = default;
  constexpr revision(std::uint64_t high, std::uint64_t low) noexcept : high_(high), low_(low) {}

  /** @brief A fresh one. @par Errors  `errc::unavailable`: the random source failed. */
  static result<revision> fresh(entropy_service& source);

  /** @brief Reads what `text` writes. @par Errors  `errc::corrupt_record`: not 32 lower-case hexadecimal digits, or none but zeros, which name no revision. */
  static result<revision> parse(std::string_view text);

  /** @brief 32 lower-case hexadecimal digits. */
  std::string text() const;

  constexpr bool is_none() const noexcept { return high_ == 0 && low_ == 0; }

  friend constexpr bool operator==(revision const&, revision const&) noexcept = default;

 private:
  std::uint64_t high_ = 0;
  std::uint64_t low_ = 0;
};

}  // namespace mooring
