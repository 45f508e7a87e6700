#pragma once

#include <mooring/core/awaitable.hpp>
#include <mooring/core/log.hpp>

#include <cstddef>
#include <memory>

namespace mooring {

/** @brief Owns background coroutines: `close` cancels and joins them, so that nothing runs for an object that is gone.
 *
 *  Each task runs on a strand of its own over the scope's executor, so that cancelling it is safe on any thread pool.
 *  Tasks take what they use by value or `shared_ptr`: a scope that is destroyed without `close` cancels its tasks and does not wait for them.
 *
 *  Closes in one order: refuse new tasks, cancel the running ones, wait for each to end.
 *
 *  @par Thread safety  Any thread, every member.
 */
class task_scope {
 public:
  /** A running task, to cancel it alone. Default-made or of an ended task: `cancel` does nothing. Copies name the same task. */
  class task {
   public:
    task() = default;

    /** @brief Asks the task to stop (terminal cancellation), from any thread. Returns at once; the task ends on its own strand. */
    void cancel() const;

   private:
    friend class task_scope;
    struct entry;
    explicit task(std::shared_ptr<entry> e) noexcept;
    std::shared_ptr<entry> entry_;
  };

  /** @brief A scope whose tasks run on `ex`. What tasks throw is named to `log`, except the exception of a cancelled await. */
  explicit task_scope(executor ex, log_sink log = {});
  ~task_scope();

  task_scope(task_scope const&) = delete;
  task_scope& operator=(task_scope const&) = delete;

  /** @brief Starts a coroutine as a task; it begins on a later step of the executor, never inside this call.
   *  @return False, and the coroutine never runs, when the scope is closing or closed. `started`, where given, is set to the new task. A task that is cancelled before
   *          its first step never runs either: what it must do in any case belongs into what it owns.
   */
  bool spawn(awaitable<void> work, task* started = nullptr);

  /** @brief As `spawn`, but the task runs on another executor than the scope's own. */
  bool spawn_on(executor on, awaitable<void> work, task* started = nullptr);

  /** @brief Cancels every task without waiting, and refuses new ones. */
  void cancel();

  /** @brief Cancels every task and suspends until all have ended. Twice, early and concurrently all work.
   *
   *  Must not be awaited by a task of this scope: it would wait for itself. Cancelling the caller does not shorten the wait.
   */
  awaitable<void> close();

  /** @brief How many tasks have not ended. */
  std::size_t size() const;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace mooring
