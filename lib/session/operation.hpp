#pragma once

#include <mooring/cache/shared_future.hpp>
#include <mooring/core/awaitable.hpp>
#include <mooring/core/error.hpp>
#include <mooring/core/task_scope.hpp>

#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace mooring::detail {

/** @brief Work that a manager does for a caller, in a scope of its own: the caller waits and may leave, the work goes on to a clean end.
 *
 *  States: running -> committed -> done, and the caller may leave in each. Who leaves before the commit is told `cancelled`, and the work undoes what it began; who
 *  leaves later is told `ambiguous`, because the first write may have happened.
 *
 *  @par Thread safety  Any thread. A leaf mutex guards everything.
 */
class operation_base {
 public:
  /** The work is about to write. False: the caller has left, do not. */
  bool commit();

  /** What to stop when the caller leaves or the session is terminated before the commit. */
  void stop_with(task_scope::task running);

  /** Cancels that, unless the work has committed. */
  void stop() const;

  bool has_left() const;

 protected:
  enum class stage { running, committed, done };

  bool finish_locked() noexcept;

  /** Waits for the end of the work. What to tell the caller when it did not come; success when it came. */
  static awaitable<result<>> wait(shared_future<bool> finished);
  error_code leave_locked(error_code why);

  mutable std::mutex mutex_;
  stage stage_ = stage::running;
  bool has_left_ = false;
  task_scope::task stoppable_;
  shared_promise<bool> finished_;
};

template <class T>
class operation : public operation_base {
 public:
  /** The end of the work. False: the caller has left, and the result was not taken. */
  bool deliver(result<T>& made) {
    {
      std::lock_guard lock(mutex_);
      if (!finish_locked()) return false;
      outcome_.emplace(std::move(made));
    }
    finished_.complete(true);
    return true;
  }

  /** What the caller awaits. */
  static awaitable<result<T>> join(std::shared_ptr<operation> self) {
    auto const waited = co_await wait(self->finished_.get_future());
    std::lock_guard lock(self->mutex_);
    // A result in hand is returned, cancelled or not.
    if (self->outcome_) co_return std::move(*self->outcome_);
    co_return self->leave_locked(waited ? make_error_code(errc::closed) : waited.error());
  }

 private:
  std::optional<result<T>> outcome_;
};

/** @brief The work's end of an operation. One that is dropped ends the caller's wait with `closed`. */
template <class T>
class answer {
 public:
  explicit answer(std::shared_ptr<operation<T>> to) noexcept : to_(std::move(to)) {}
  answer(answer&&) noexcept = default;
  answer& operator=(answer&&) = delete;
  ~answer() {
    if (!to_) return;
    result<T> lost(make_error_code(errc::closed));
    to_->deliver(lost);
  }

  /** False: the caller has left; `made` still holds what nobody took. */
  bool deliver(result<T>& made) { return std::exchange(to_, nullptr)->deliver(made); }

  operation<T>& of() const noexcept { return *to_; }
  std::shared_ptr<operation<T>> const& shared() const noexcept { return to_; }

 private:
  std::shared_ptr<operation<T>> to_;
};

}  // namespace mooring::detail
