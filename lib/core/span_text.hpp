#pragma once

#include <mooring/core/clock.hpp>

#include <chrono>
#include <string>

namespace mooring::detail {

/** @brief A span for a message: "1500 ms", and where that would round, "1500001 ns". */
inline std::string span_text(duration span) {
  auto const whole = std::chrono::duration_cast<std::chrono::milliseconds>(span);
  return whole == span ? std::to_string(whole.count()) + " ms" : std::to_string(span.count()) + " ns";
}

}  // namespace mooring::detail
