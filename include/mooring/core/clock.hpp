#pragma once

#include <mooring/core/awaitable.hpp>
#include <mooring/core/error.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/execution_context.hpp>

#include <chrono>
#include <cstdint>
#include <memory>

namespace mooring {

using duration = std::chrono::nanoseconds;
using time_point = std::chrono::steady_clock::time_point;

/** @brief The one source of time and of wake-ups in an execution context.
 *
 *  Everything in this library that waits or expires asks the clock of its executor's context: `clock_of(executor)`. The default is the steady clock;
 *  a simulation installs a derived class with `asio::make_service` before first use (the derived class inherits `id` and so takes its place).
 *
 *  @par Thread safety  Any thread.
 */
class clock_service : public asio::execution_context::service {
 public:
  inline static asio::execution_context::id id;

  /** Names one scheduled wake-up. Trivial; a default-made one names none. */
  struct alarm {
    time_point when{};
    std::uint64_t number = 0;
  };

  explicit clock_service(asio::execution_context& context);
  ~clock_service() override;

  /** @brief The present moment. Never goes back. */
  virtual time_point now() const noexcept;

  /** @brief A moment at most 20 ms before `now()`, for a fraction of its price. Never goes back. */
  virtual time_point recent() const noexcept;

  /** @brief Posts `handler` to `on`, an executor of this context or another, once `when` has come; at once for a moment in the past.
   *
   *  The handler is destroyed without being called when the alarm is cancelled or the context ends.
   */
  virtual alarm schedule(time_point when, executor on, asio::any_completion_handler<void()> handler);

  /** @brief Takes an alarm back.
   *  @return True when the handler was still waiting and will never run: the caller now owns the outcome. False when it was posted or taken back before.
   */
  virtual bool cancel(alarm const& scheduled) noexcept;

 protected:
  void shutdown() override;

 private:
  class wheel;
  std::shared_ptr<wheel> wheel_;
};

/** @brief The clock of an execution context; made on first use. */
clock_service& clock_of(asio::execution_context& context);

/** @brief The clock of the executor's context. */
clock_service& clock_of(executor const& ex);

/** @brief Suspends until a moment has come.
 *  @return Success at the moment; `errc::cancelled` when cancelled before (any cancellation type).
 *  @par Thread safety  Resumes on the caller's executor, never inside another's stack.
 */
awaitable<result<>> sleep_until(time_point when);

/** @brief As `sleep_until(now + span)`. A span of zero or less suspends once. */
awaitable<result<>> sleep_for(duration span);

/** @brief `start + span`, or the end of time where that would overflow. */
time_point saturating_add(time_point start, duration span) noexcept;

}  // namespace mooring
