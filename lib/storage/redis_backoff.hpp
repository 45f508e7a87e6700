#pragma once

#include <mooring/core/clock.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace mooring::detail {

/** How long to leave a server alone after a connection failed or was lost. A decision of what happened and a random number; knows no clock. */
class redis_backoff {
 public:
  /** The pause before the next attempt: none after a connection that was worth having. `lived`: how long it held, zero when none was made.
   *  `is_refused`: the server does not want us. `random`: any number, for the jitter. */
  duration next(duration lived, bool is_refused, std::uint64_t random) noexcept {
    if (is_refused) return jittered(refused_pause, random);
    if (lived >= worth) {
      failures_ = 0;
      return duration::zero();
    }
    auto pause = first_pause;
    for (int i = 0; i < failures_ && pause < longest_pause; ++i) pause += pause / 2;
    ++failures_;
    return jittered(std::min(pause, longest_pause), random);
  }

 private:
  // Three attempts a second at most, and back within a second of the server.
  static constexpr duration first_pause = std::chrono::milliseconds(400);
  static constexpr duration longest_pause = std::chrono::milliseconds(900);
  static constexpr duration refused_pause = std::chrono::seconds(30);  // wrong credentials do not mend themselves
  static constexpr duration worth = std::chrono::seconds(1);

  // Up to a sixth less, so that replicas that lost a server together do not come back together.
  static duration jittered(duration pause, std::uint64_t random) noexcept { return pause - pause * static_cast<int>(random % 64) / 384; }

  int failures_ = 0;
};

}  // namespace mooring::detail
