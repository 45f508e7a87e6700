#pragma once

#include <mooring/core/awaitable.hpp>
#include <mooring/core/error.hpp>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/this_coro.hpp>

namespace mooring::detail {

/** Whether the caller of an operation that runs in the caller's own coroutine was cancelled. Asked between two awaits: the second would throw. */
inline bool is_cancelled(asio::cancellation_state const& state) noexcept { return state.cancelled() != asio::cancellation_type::none; }

}  // namespace mooring::detail
