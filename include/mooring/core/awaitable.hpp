#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace mooring {

namespace asio = boost::asio;

using asio::awaitable;

/** The executor type on which coroutines of this library run: any executor of any execution context. */
using executor = asio::any_io_executor;

}  // namespace mooring
