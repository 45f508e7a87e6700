#pragma once

#include <mooring/core/clock.hpp>

#include <algorithm>
#include <optional>

namespace mooring::detail {

/** When a record expires: a sliding time to live under a fixed end. Nothing moves an expiry earlier, or beyond creation + absolute lifetime. */
struct expiry_rules {
  duration ttl{};
  std::optional<duration> absolute_lifetime;

  time_point at_creation(time_point now, std::optional<duration> own_ttl) const noexcept {
    auto const first = saturating_add(now, own_ttl ? std::min(*own_ttl, ttl) : ttl);
    return std::min(first, end_of_life(now));
  }

  time_point slid(time_point expires, time_point created, time_point now) const noexcept {
    return std::max(expires, std::min(saturating_add(now, ttl), end_of_life(created)));
  }

  time_point end_of_life(time_point created) const noexcept {
    return absolute_lifetime ? saturating_add(created, *absolute_lifetime) : time_point::max();
  }
};

}  // namespace mooring::detail
