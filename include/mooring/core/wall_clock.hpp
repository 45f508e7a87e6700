#pragma once

#include <mooring/core/awaitable.hpp>

#include <boost/asio/execution_context.hpp>

#include <chrono>

namespace mooring {

/** A moment of the calendar, UTC. */
using wall_time = std::chrono::sys_time<std::chrono::nanoseconds>;

/** @brief The one source of calendar time in an execution context: the system's clock.
 *
 *  For what people read, and nothing else: it may be set forth and back, so what waits or expires asks `clock_service`.
 *  A simulation installs a derived class with `asio::make_service` before first use.
 *
 *  @par Thread safety  Any thread.
 */
class wall_clock_service : public asio::execution_context::service {
 public:
  inline static asio::execution_context::id id;

  explicit wall_clock_service(asio::execution_context& context);

  virtual wall_time now() const noexcept;

 protected:
  void shutdown() override {}
};

/** @brief The wall clock of the executor's context; made on first use. */
wall_clock_service& wall_clock_of(executor const& ex);

}  // namespace mooring
