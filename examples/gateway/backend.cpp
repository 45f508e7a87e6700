#include "backend.hpp"

#include <algorithm>

namespace mooring::gateway {

bool circuit::may_try(time_point now) {
  std::lock_guard lock(mutex_);
  if (pause_ == duration()) return true;
  if (now < next_try_) return false;
  next_try_ = saturating_add(now, pause_);
  return true;
}

void circuit::succeeded() {
  std::lock_guard lock(mutex_);
  pause_ = duration();
}

void circuit::failed(time_point now) {
  std::lock_guard lock(mutex_);
  pause_ = pause_ == duration() ? first_pause : std::min(pause_ * 2, longest_pause);
  next_try_ = saturating_add(now, pause_);
}

bool circuit::is_closed() const {
  std::lock_guard lock(mutex_);
  return pause_ == duration();
}

}  // namespace mooring::gateway
