#pragma once

#include <mooring/cache/detail/shared_event.hpp>
#include <mooring/core/awaitable.hpp>
#include <mooring/core/call_options.hpp>
#include <mooring/core/error.hpp>

#include <memory>
#include <optional>
#include <utility>

namespace mooring {
namespace detail {

template <class T>
struct shared_future_state {
  shared_event event;
  std::optional<result<T>> outcome;  // written once, before `event` is set; read only after
};

}  // namespace detail

/** @brief One outcome for any number of waiters on any executors: a copyable handle.
 *
 *  The first completion counts; it is given to all who wait and all who come later. Default-made handles belong to no promise: theirs is `errc::closed`.
 *  A context in which some wait is not destroyed while another thread completes or drops the promise: that posts to their executors.
 */
template <class T>
class shared_future {
 public:
  shared_future() = default;

  /** @brief Suspends until the promise is completed or dropped.
   *
   *  @param call  `deadline`: from now; empty means none.
   *  @return A copy of what the promise was completed with.
   *  @par Errors
   *   - `errc::closed`             every promise was dropped before one completed.
   *   - `errc::deadline_exceeded`  time ran out.
   *   - `errc::cancelled`          this caller was cancelled.
   *   - any error that the promise was completed with.
   *  @par Cancellation   Terminal, partial and total; ends this waiter at once and disturbs no other. The caller's cancellation state is not changed.
   *  @par Deadline       Of this waiter alone. A timer is armed only if it has to wait.
   *  @par Ordering       What happened before `complete` happens before the wait ends.
   *  @par Thread safety  Any thread. Resumes on the caller's executor, never inside the completer's stack; one post wakes all waiters of one executor.
   *  @par Complexity     A future that is ready answers without suspending or allocating.
   */
  awaitable<result<T>> wait(call_options call = {}) const { return wait_for(state_, call); }

  /** @brief Whether `wait` would answer at once. */
  bool is_ready() const noexcept { return !state_ || state_->event.is_set(); }

 private:
  template <class>
  friend class shared_promise;
  using state = detail::shared_future_state<T>;

  explicit shared_future(std::shared_ptr<state> shared) : state_(std::move(shared)) {}

  static awaitable<result<T>> wait_for(std::shared_ptr<state> shared, call_options call) {
    if (!shared) co_return make_error_code(errc::closed);
    if (!shared->event.is_set()) {
      if (auto waited = co_await shared->event.wait(call); !waited) co_return waited.error();
    }
    if (!shared->outcome) co_return make_error_code(errc::closed);
    co_return *shared->outcome;
  }

  std::shared_ptr<state> state_;
};

/** @brief The completing end of `shared_future`. Move-only; dropping it without completing ends every waiter with `errc::closed`. */
template <class T>
class shared_promise {
 public:
  shared_promise() : state_(std::make_shared<state>()) {}
  shared_promise(shared_promise&&) noexcept = default;
  shared_promise& operator=(shared_promise&& other) noexcept {
    if (this != &other) {
      drop();
      state_ = std::move(other.state_);
    }
    return *this;
  }
  ~shared_promise() { drop(); }

  /** @brief Gives the outcome to all waiters, present and later.
   *  @return False, and nothing changes, when it was completed before (or moved from).
   *  @par Thread safety  Any thread, but not two calls at once: a promise has one owner. Nobody is resumed inside this call.
   */
  bool complete(result<T> outcome) {
    if (!state_ || state_->event.is_set()) return false;
    state_->outcome.emplace(std::move(outcome));
    state_->event.set();
    return true;
  }

  /** @brief Another handle to the outcome. */
  shared_future<T> get_future() const { return shared_future<T>(state_); }

 private:
  using state = detail::shared_future_state<T>;

  void drop() noexcept {
    if (state_) state_->event.set();
  }

  std::shared_ptr<state> state_;
};

}  // namespace mooring
