#include "backend.hpp"

#include <algorithm>
#include <utility>

namespace mooring::gateway {

bool circuit::may_try(time_point now) {
  std::lock_guard lock(mutex_);
  if (pause_ == duration()) return true;
  if (now < next_try_) return false;
  next_try_ = saturating_add(now, pause_);
  return true;
}

bool circuit::succeeded() {
  std::lock_guard lock(mutex_);
  return std::exchange(pause_, duration()) != duration();
}

bool circuit::failed(time_point now) {
  std::lock_guard lock(mutex_);
  bool const is_news = pause_ == duration();
  pause_ = pause_ == duration() ? first_pause : std::min(pause_ * 2, longest_pause);
  next_try_ = saturating_add(now, pause_);
  return is_news;
}

bool circuit::is_paused(time_point now) const {
  std::lock_guard lock(mutex_);
  return pause_ != duration() && now < next_try_;
}

bool circuit::is_closed() const {
  std::lock_guard lock(mutex_);
  return pause_ == duration();
}

void backend::close() {
  client_.close();
  listening_client_.close();
}

void backend::note_success() {
  if (circuit_.succeeded() && log_) log_(severity::info, "backend " + name_ + " is back");
}

void backend::note_refusal(std::string why) {
  {
    std::lock_guard lock(mutex_);
    if (refusal_ == why) return;
    refusal_ = why;
  }
  if (log_) log_(severity::warning, "backend " + name_ + " opens no session: " + why);
}

void backend::note_opened() {
  std::lock_guard lock(mutex_);
  refusal_.clear();
}

void backend::note_failure(error_code const& error) {
  if (error == errc::cancelled || error == errc::closed || error == errc::busy) return;  // of our own making
  if (circuit_.failed(clock_of(executor_).now()) && log_) log_(severity::warning, "backend " + name_ + " fails: " + name_of(static_cast<errc>(error.value())));
}

}  // namespace mooring::gateway
