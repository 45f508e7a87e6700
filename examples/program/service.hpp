#pragma once

#include <mooring/core/awaitable.hpp>

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <functional>

namespace mooring::program {

/** @brief Runs a server program until SIGTERM or SIGINT.
 *
 *  @param threads  How many threads run the context, at least 1.
 *  @param stop     Awaited at the first signal: ends the service gracefully.
 *  @param force    Called at the second signal, while `stop` is awaited: makes it end at once. Empty: the program exits at once with status 1.
 *  @return The exit status: 0 after an orderly end.
 */
int run(boost::asio::io_context& context, std::size_t threads, std::function<awaitable<void>()> stop, std::function<void()> force = {});

}  // namespace mooring::program
