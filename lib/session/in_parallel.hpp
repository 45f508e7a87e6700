#pragma once

#include "session/manager_state.hpp"

#include <cstddef>
#include <functional>

namespace mooring::detail {

/** @brief Takes `step` for each number below `count`, some at a time (`sweep_concurrency`), in background tasks. Returns when all have ended, or early when its
 *  caller is cancelled. What a step throws goes to the log, and the others are taken still; once the manager shuts down, none is. */
awaitable<void> in_parallel(state_ptr state, std::size_t count, std::function<awaitable<void>(std::size_t)> step);

}  // namespace mooring::detail
