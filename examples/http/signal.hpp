#pragma once

#include <mooring/core/awaitable.hpp>
#include <mooring/core/clock.hpp>
#include <mooring/core/error.hpp>

#include <memory>
#include <optional>

namespace mooring::http {

/** @brief A flag that coroutines can wait for.
 *  @par Thread safety  Any thread, every member. Waiters are posted to their own executors, never resumed inside `raise`.
 */
class signal {
 public:
  signal();
  ~signal();
  signal(signal const&) = delete;
  signal& operator=(signal const&) = delete;

  /** @brief Sets the flag and wakes every waiter. */
  void raise();

  /** @brief Takes the flag back. */
  void lower();

  bool is_raised() const;

  /** @brief Suspends until the flag is set, at once where it is.
   *  @return Success; `errc::deadline_exceeded` when `until` came first; `errc::cancelled`. The signal may die while awaited: `errc::cancelled`.
   */
  awaitable<result<>> wait(std::optional<time_point> until = std::nullopt) const;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace mooring::http
