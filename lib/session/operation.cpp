#include "session/operation.hpp"

#include <utility>

namespace mooring::detail {

bool operation_base::commit() {
  std::lock_guard lock(mutex_);
  if (has_left_) return false;
  stage_ = stage::committed;
  stoppable_ = {};
  return true;
}

void operation_base::stop_with(task_scope::task running) {
  bool is_late = false;
  {
    std::lock_guard lock(mutex_);
    is_late = has_left_ || is_stopped_;
    stoppable_ = running;
  }
  if (is_late) running.cancel();
}

void operation_base::stop() {
  task_scope::task stopped;
  {
    std::lock_guard lock(mutex_);
    if (stage_ != stage::running) return;
    is_stopped_ = true;
    stopped = stoppable_;
  }
  stopped.cancel();
}

bool operation_base::has_left() const {
  std::lock_guard lock(mutex_);
  return has_left_;
}

bool operation_base::has_committed() const {
  std::lock_guard lock(mutex_);
  return stage_ == stage::committed;
}

bool operation_base::finish_locked() noexcept {
  if (has_left_ || stage_ == stage::done) return false;
  stage_ = stage::done;
  return true;
}

awaitable<result<>> operation_base::wait(shared_future<bool> finished) {
  auto const ended = co_await finished.wait();
  if (!ended) co_return ended.error();
  co_return result<>();
}

error_code operation_base::leave_locked(error_code why, task_scope::task& stopped) {
  has_left_ = true;
  if (stage_ == stage::committed) return make_error_code(errc::ambiguous);
  stopped = std::exchange(stoppable_, {});
  return why;
}

}  // namespace mooring::detail
