#include "storage/redis_waits.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

namespace mooring::detail {

redis_waits::redis_waits(redis_line::strand_type strand, std::shared_ptr<redis_calls> calls, std::shared_ptr<redis_line> line, redis_durability wanted, std::size_t most)
    : strand_(std::move(strand)), clock_(clock_of(strand_.get_inner_executor())), calls_(std::move(calls)), line_(std::move(line)), wanted_(wanted), most_(most) {}

void redis_waits::join(redis_call_pointer const& call) {
  if (next_.size() >= most_) return calls_->finish(call, redis_answer(errc::busy, false));
  calls_->keep(call);
  next_.push_back(call);
  if (std::exchange(is_underway_, true)) return;
  // Not at once: those whose writes were answered together come one behind another.
  asio::post(strand_, [held = weak_from_this(), number = line_->number()] {
    auto const self = held.lock();
    if (self && self->line_->number() == number && self->line_->is_up()) self->send();
  });
}

void redis_waits::send() {
  served_.clear();
  auto const now = clock_.now();
  auto last = now;
  for (auto const& joined : std::exchange(next_, {})) {
    auto const call = joined.lock();
    if (!call || call->now != redis_call::phase::waiting) continue;
    calls_->pass_on(call);
    last = std::max(last, call->end);
    served_.push_back(call);
  }
  is_underway_ = !served_.empty();
  if (!is_underway_) return;
  auto const span = std::chrono::floor<std::chrono::milliseconds>(std::min(wanted_.within, last - now));
  auto const sent = std::make_shared<redis_exchange>();
  sent->request.push("WAIT", wanted_.replicas, std::max<std::int64_t>(span.count(), 1));  // zero means for ever
  line_->execute(sent, [held = weak_from_this(), sent, number = line_->number()](error_code) {
    auto const self = held.lock();
    if (self && self->line_->number() == number && self->line_->is_up() && !sent->collector.replies.empty()) self->answered(sent->collector.replies.front());
  });
}

void redis_waits::answered(redis_reply const& reply) {
  redis_answer answer(reply);
  answer.connection = line_->number();
  for (auto const& one : std::exchange(served_, {}))
    if (auto const call = one.lock()) calls_->finish(call, answer);
  send();
}

void redis_waits::end(errc why) {
  is_underway_ = false;
  for (auto* const some : {&served_, &next_})
    for (auto const& one : std::exchange(*some, {}))
      if (auto const call = one.lock()) calls_->finish(call, redis_answer(why, true));
}

}  // namespace mooring::detail
