#include "session/outstanding.hpp"

#include <utility>

namespace mooring::detail {

void outstanding::count::enter() {
  std::lock_guard lock(mutex);
  ++running;
}

void outstanding::count::leave() noexcept {
  std::vector<shared_promise<bool>> leaving;
  {
    std::lock_guard lock(mutex);
    if (--running == 0) leaving.swap(waiting);
  }
  for (auto& waiter : leaving) waiter.complete(true);
}

shared_future<bool> outstanding::idle() {
  shared_promise<bool> ended;
  auto future = ended.get_future();
  {
    std::lock_guard lock(shared_->mutex);
    if (shared_->running > 0) {
      shared_->waiting.push_back(std::move(ended));
      return future;
    }
  }
  ended.complete(true);
  return future;
}

}  // namespace mooring::detail
