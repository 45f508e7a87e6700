#pragma once

#include <mooring/core/clock.hpp>

#include <optional>
#include <type_traits>

namespace mooring {

/** @brief What one call may set for itself. Empty members mean the default of the object that is called. */
struct call_options {
  /** From the moment the awaitable starts, above zero. Zero or less has passed already: the call does nothing and ends with `deadline_exceeded`. */
  std::optional<duration> deadline;
};

// A braced call_options may stand in an awaiting statement: g++ 12 destroys only non-trivial aggregates twice there.
static_assert(std::is_trivially_destructible_v<call_options>);

}  // namespace mooring
