#pragma once

#include <mooring/cache/shared_future.hpp>
#include <mooring/core/awaitable.hpp>
#include <mooring/core/error.hpp>
#include <mooring/core/task_scope.hpp>

#include <functional>
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

  /** Cancels that, now or when it comes, unless the work has committed. */
  void stop();

  bool has_left() const;
  bool has_committed() const;

 protected:
  enum class stage { running, committed, done };

  bool finish_locked() noexcept;

  /** Waits for the end of the work. What to tell the caller when it did not come; success when it came. */
  static awaitable<result<>> wait(shared_future<bool> finished);
  /** Under the mutex; what to cancel then, outside it, is moved to `stopped`. */
  error_code leave_locked(error_code why, task_scope::task& stopped);

  mutable std::mutex mutex_;
  stage stage_ = stage::running;
  bool has_left_ = false;
  bool is_stopped_ = false;
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

  /** The work's, before it delivers: what to do if the outcome is delivered and the caller dies without fetching it. */
  void if_unfetched(std::function<void()> undo) {
    std::lock_guard lock(mutex_);
    undo_ = std::move(undo);
  }

  /** What the caller awaits. */
  static awaitable<result<T>> join(std::shared_ptr<operation> self) {
    seat const mine(self);
    auto const waited = co_await wait(self->finished_.get_future());
    co_return self->fetch(waited ? make_error_code(errc::closed) : waited.error());
  }

 private:
  // The caller's: a frame that dies while it waits leaves, too.
  class seat {
   public:
    explicit seat(std::shared_ptr<operation> of) noexcept : of_(std::move(of)) {}
    ~seat() { of_->abandon(); }
    seat(seat const&) = delete;
    seat& operator=(seat const&) = delete;

   private:
    std::shared_ptr<operation> const of_;
  };

  // A result in hand is returned, cancelled or not.
  result<T> fetch(error_code otherwise) {
    task_scope::task stopped;
    std::function<void()> unused;  // dies outside the lock
    {
      std::lock_guard lock(mutex_);
      is_fetched_ = true;
      unused.swap(undo_);
      if (outcome_) return std::move(*outcome_);
      otherwise = leave_locked(otherwise, stopped);
    }
    stopped.cancel();
    return otherwise;
  }

  void abandon() {
    task_scope::task stopped;
    std::optional<result<T>> lost;
    std::function<void()> undo;
    {
      std::lock_guard lock(mutex_);
      if (is_fetched_) return;
      lost.swap(outcome_);
      if (lost) undo.swap(undo_);
      else leave_locked(make_error_code(errc::cancelled), stopped);
    }
    stopped.cancel();
    lost.reset();
    if (undo) undo();
  }

  bool is_fetched_ = false;
  std::optional<result<T>> outcome_;
  std::function<void()> undo_;
};

/** @brief The work's end of an operation. One that is dropped ends the caller's wait with `closed`, or `ambiguous` behind the commit. */
template <class T>
class answer {
 public:
  explicit answer(std::shared_ptr<operation<T>> to) noexcept : to_(std::move(to)) {}
  answer(answer&&) noexcept = default;
  answer& operator=(answer&&) = delete;
  ~answer() {
    if (!to_) return;
    result<T> lost(make_error_code(to_->has_committed() ? errc::ambiguous : errc::closed));
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
