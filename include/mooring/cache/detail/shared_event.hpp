#pragma once

#include <mooring/core/awaitable.hpp>
#include <mooring/core/call_options.hpp>
#include <mooring/core/error.hpp>

#include <memory>

namespace mooring::detail {

/** @brief A flag that is set once, and those who wait for it. The copyable part of every `shared_future`, without its type.
 *  @par Thread safety  Any thread, every member.
 */
class shared_event {
 public:
  shared_event();
  ~shared_event();

  shared_event(shared_event const&) = delete;
  shared_event& operator=(shared_event const&) = delete;

  /** @brief Sets the flag and wakes all, each on its own executor and never inside this call. Later calls do nothing. */
  void set() noexcept;

  /** @brief Whether `set` was called; what happened before it is then visible. */
  bool is_set() const noexcept;

  /** @brief Suspends until the flag is set. The event must live until then: its owner is kept by the waiting coroutine.
   *  @par Errors  `errc::deadline_exceeded`, `errc::cancelled`.
   */
  awaitable<result<>> wait(call_options call);

  /** @brief As `wait`, but no cancellation ends it, and there is no deadline. */
  awaitable<void> wait_uncancelled();

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace mooring::detail
