#include "storage/redis_calls.hpp"

#include <boost/asio/append.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace mooring::detail {

redis_calls::redis_calls(redis_line::strand_type const& strand, std::size_t max_in_flight, duration longest_wait)
    : strand_(strand), clock_(clock_of(strand.get_inner_executor())), max_in_flight_(max_in_flight), longest_wait_(longest_wait) {}

void redis_calls::arm(redis_call_pointer const& call, time_point until) {
  clock_.cancel(call->alarm);
  // The alarm owns the call: a call holds its caller's frame, and with it this object, so that a context which ends has to be what lets go of it.
  call->alarm = clock_.schedule(until, strand_, [held = weak_from_this(), call] {
    if (auto const self = held.lock()) self->give_up(call, errc::deadline_exceeded);
  });
}

void redis_calls::wait(redis_call_pointer const& call) {
  if (waiting_.size() >= max_in_flight_) return finish(call, redis_answer(errc::busy, false));
  keep(call);
  waiting_.push_back(call);
}

void redis_calls::keep(redis_call_pointer const& call) {
  call->now = redis_call::phase::waiting;
  arm(call, call->end);
}

void redis_calls::pass_on(redis_call_pointer const& call) {
  call->now = redis_call::phase::sent;
  arm(call, std::min(call->end, saturating_add(clock_.now(), longest_wait_)));
}

void redis_calls::send(redis_call_pointer const& call, redis_line& line) {
  if (sent_ - answered_ >= max_in_flight_) return finish(call, redis_answer(errc::busy, false));
  pass_on(call);
  call->number = ++sent_;
  if (call->witness) call->witness->sent();
  line.execute(call, [self = shared_from_this(), call, on = line.weak_from_this(), run = line.number()](error_code ec) {
    auto const same = on.lock();
    self->answered(call, ec, run, same && same->number() == run);
  });
}

void redis_calls::send_waiting(redis_line& line) {
  for (auto const& waiting : std::exchange(waiting_, {}))
    if (auto const call = waiting.lock()) send(call, line);
}

void redis_calls::end_waiting(errc why) {
  for (auto const& waiting : std::exchange(waiting_, {}))
    if (auto const call = waiting.lock()) finish(call, redis_answer(why, false));
}

void redis_calls::cancel(redis_call_pointer const& call, boost::asio::cancellation_type type) {
  using boost::asio::cancellation_type;
  bool const is_total_only = (type & (cancellation_type::terminal | cancellation_type::partial)) == cancellation_type::none;
  if (call->now == redis_call::phase::sent && is_total_only) return;
  give_up(call, errc::cancelled);
}

void redis_calls::close() {
  is_closing_ = true;
  end_waiting(errc::closed);
}

// The caller stops waiting. What was sent stays with the connection, so that its reply, which is nobody's, still counts as one more answered.
void redis_calls::give_up(redis_call_pointer const& call, errc why) {
  bool const was_sent = call->now == redis_call::phase::sent;
  if (call->now == redis_call::phase::waiting) waiting_.remove_if([&call](auto const& one) { return one.lock() == call; });
  finish(call, redis_answer(why, was_sent));
}

void redis_calls::answered(redis_call_pointer const& call, error_code ec, std::uint64_t connection, bool is_in_use) {
  // Replies come in the order of requests: one that came stands for all before it, those included that nobody waits for any more.
  if (!ec && is_in_use) answered_ = std::max(answered_, call->number);
  if (call->now != redis_call::phase::sent) return;
  if (ec || call->collector.replies.empty()) {
    bool const is_lost = ec == boost::asio::error::operation_aborted || !ec;
    return finish(call, redis_answer(is_closing_ ? errc::closed : is_lost ? errc::unavailable : errc::protocol_error, true));
  }
  redis_answer answer(std::move(call->collector.replies.front()));
  answer.connection = connection;
  finish(call, std::move(answer));
}

void redis_calls::finish(redis_call_pointer const& call, redis_answer answer) {
  if (call->now == redis_call::phase::ended) return;
  call->now = redis_call::phase::ended;
  clock_.cancel(call->alarm);
  if (call->witness) call->witness->ended(answer);
  boost::asio::post(call->on, boost::asio::append(std::move(call->handler), std::move(answer)));
}

}  // namespace mooring::detail
