#include "standing_stream.hpp"

#include <utility>

namespace mooring::gateway {

void standing_stream::send(std::string message) {
  std::lock_guard lock(mutex_);
  if (is_closed_) return;
  waiting_bytes_ += message.size();
  waiting_.push_back(std::move(message));
  flush_locked();
  while (waiting_.size() > limit_ || waiting_bytes_ > max_waiting_bytes) {
    drop_first_locked();
    dropped_.fetch_add(1, std::memory_order_relaxed);
  }
}

void standing_stream::flush() {
  std::lock_guard lock(mutex_);
  flush_locked();
}

void standing_stream::flush_locked() {
  while (!waiting_.empty() && stream_.push(http::event(waiting_.front()))) drop_first_locked();
}

void standing_stream::drop_first_locked() {
  waiting_bytes_ -= waiting_.front().size();
  waiting_.pop_front();
}

bool standing_stream::attach(http::event_stream stream) {
  http::event_stream before;
  bool is_refused = false;
  {
    std::lock_guard lock(mutex_);
    is_refused = is_closed_;
    if (is_refused) {
      before = stream;
    } else {
      before = std::exchange(stream_, stream);
      flush_locked();
    }
  }
  if (before) before.end();
  return !is_refused;
}

bool standing_stream::detach(http::event_stream const& stream) {
  std::lock_guard lock(mutex_);
  if (stream_ != stream) return false;
  stream_ = http::event_stream();
  return true;
}

void standing_stream::close() {
  http::event_stream last;
  {
    std::lock_guard lock(mutex_);
    is_closed_ = true;
    last = std::exchange(stream_, http::event_stream());
    waiting_.clear();
    waiting_bytes_ = 0;
  }
  if (last) last.end();
}

bool standing_stream::is_open() const {
  std::lock_guard lock(mutex_);
  return stream_ && stream_.is_open();
}

}  // namespace mooring::gateway
