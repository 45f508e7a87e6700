#include "http/exchange.hpp"

#include <utility>

namespace mooring::http {

bool exchange::send(response answer) {
  {
    std::lock_guard lock(mutex_);
    if (phase_ != phase::waiting) return false;
    phase_ = phase::answered;
    whole_ = std::move(answer);
  }
  changed_.raise();
  return true;
}

bool exchange::open_events(fields extra, at_stop then) {
  bool ends_at_once = false;
  {
    std::lock_guard lock(mutex_);
    if (phase_ != phase::waiting) return false;
    phase_ = phase::streaming;
    stream_ = std::move(extra);
    at_stop_ = then;
    must_watch_ = true;
    has_ended_ = is_stopping_ && then == at_stop::end;
    ends_at_once = has_ended_ || has_lost_peer_;
  }
  if (ends_at_once) closed_.raise();
  changed_.raise();
  return true;
}

bool exchange::is_answered() const {
  std::lock_guard lock(mutex_);
  return phase_ != phase::waiting;
}

exchange::push_outcome exchange::push(std::string const& text) {
  {
    std::lock_guard lock(mutex_);
    if (phase_ != phase::streaming || has_ended_ || has_lost_peer_) return push_outcome::closed;
    if (events_.size() >= max_stream_bytes_) {
      // Under the mutex, so that it never overtakes the raise that follows the next `take`.
      room_.lower();
      was_full_ = true;
      return push_outcome::full;
    }
    events_ += text;
  }
  changed_.raise();
  return push_outcome::accepted;
}

void exchange::end() {
  {
    std::lock_guard lock(mutex_);
    if (phase_ != phase::streaming || std::exchange(has_ended_, true)) return;
  }
  closed_.raise();
  room_.raise();
  changed_.raise();
}

bool exchange::is_open() const {
  std::lock_guard lock(mutex_);
  return phase_ == phase::streaming && !has_ended_ && !has_lost_peer_;
}

void exchange::cancel_on_disconnect() {
  task_scope::task leaving;
  {
    std::lock_guard lock(mutex_);
    cancels_on_disconnect_ = true;
    must_watch_ = true;
    if (has_lost_peer_) leaving = task_;
  }
  leaving.cancel();
  changed_.raise();
}

void exchange::when_room(std::function<void()> then) {
  std::lock_guard lock(mutex_);
  when_room_ = std::move(then);
}

exchange::outgoing exchange::take() {
  outgoing out;
  std::function<void()> told;
  {
    std::lock_guard lock(mutex_);
    out.must_watch = std::exchange(must_watch_, false);
    out.whole = std::exchange(whole_, std::nullopt);
    out.stream = std::exchange(stream_, std::nullopt);
    out.events = std::exchange(events_, {});
    out.is_last = out.whole.has_value() || (phase_ == phase::streaming && (has_ended_ || has_lost_peer_));
    if (out.is_last) phase_ = phase::complete;
    if (std::exchange(was_full_, false)) told = when_room_;
  }
  room_.raise();
  if (told) told();
  return out;
}

void exchange::set_task(task_scope::task task) {
  task_scope::task leaving;
  {
    std::lock_guard lock(mutex_);
    if (has_returned_) return;
    task_ = std::move(task);
    if (has_lost_peer_ && cancels_on_disconnect_) leaving = task_;
  }
  leaving.cancel();
}

void exchange::lose_peer() {
  task_scope::task leaving;
  {
    std::lock_guard lock(mutex_);
    if (phase_ == phase::complete || std::exchange(has_lost_peer_, true)) return;
    if (cancels_on_disconnect_) leaving = task_;
  }
  leaving.cancel();
  closed_.raise();
  room_.raise();
  changed_.raise();
}

void exchange::handler_returned() {
  {
    std::lock_guard lock(mutex_);
    has_returned_ = true;
    task_ = {};
    if (phase_ == phase::waiting) {
      phase_ = phase::answered;
      whole_ = response::of(500, "text/plain", "internal error\n");
    } else if (phase_ == phase::streaming) {
      has_ended_ = true;
    }
  }
  closed_.raise();
  room_.raise();
  changed_.raise();
}

void exchange::stop() {
  bool ends = false;
  {
    std::lock_guard lock(mutex_);
    is_stopping_ = true;
    ends = phase_ == phase::streaming && at_stop_ == at_stop::end;
  }
  if (ends) end();
}

bool event_stream::push(event sent) const {
  return exchange_ && exchange_->push(to_text(sent)) == exchange::push_outcome::accepted;
}

awaitable<result<>> event_stream::write(event sent) const {
  auto const shared = exchange_;
  if (!shared) co_return make_error_code(errc::disconnected);
  auto const text = to_text(sent);
  for (;;) {
    auto const outcome = shared->push(text);
    if (outcome == exchange::push_outcome::accepted) co_return result<>();
    if (outcome == exchange::push_outcome::closed) co_return make_error_code(errc::disconnected);
    auto waited = co_await shared->room().wait();
    if (!waited) co_return waited.error();
  }
}

void event_stream::when_room(std::function<void()> then) const {
  if (exchange_) exchange_->when_room(std::move(then));
}

void event_stream::end() const {
  if (exchange_) exchange_->end();
}

bool event_stream::is_open() const { return exchange_ && exchange_->is_open(); }

awaitable<result<>> event_stream::wait_closed(std::optional<time_point> until) const {
  auto const shared = exchange_;
  if (!shared) co_return result<>();
  co_return co_await shared->closed().wait(until);
}

bool responder::send(response answer) const { return exchange_->send(std::move(answer)); }

event_stream responder::open_events(fields extra, at_stop then) const {
  return exchange_->open_events(std::move(extra), then) ? event_stream(exchange_) : event_stream();
}

bool responder::is_answered() const { return exchange_->is_answered(); }

void responder::cancel_on_disconnect() const { exchange_->cancel_on_disconnect(); }

}  // namespace mooring::http
