#include "storage/redis_calls.hpp"

#include "storage/redis_exchange.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/redis/adapter/any_adapter.hpp>
#include <boost/redis/request.hpp>

#include <algorithm>
#include <utility>

namespace mooring::detail {
namespace {

// How much a command takes on its way, or somewhat more.
std::size_t payload_of(redis_command const& command) {
  constexpr std::size_t around_each = 16;  // its length, and ends of lines
  std::size_t sum = around_each;
  for (auto const& word : command) sum += word.size() + around_each;
  return sum;
}

// So few at once that what they ask next is on its way to the server before the others go on.
constexpr int resumed_at_once = 16;

// One after the other, the last first. A completion handler that throws leaves the others to a later step.
void resume(executor const& on, std::vector<ended_call> all) {
  struct remainder {
    ~remainder() {
      if (!calls.empty()) asio::post(on, [to = on, left = std::move(calls)]() mutable { resume(to, std::move(left)); });
    }
    executor const& on;
    std::vector<ended_call> calls;
  } rest{on, std::move(all)};
  for (int i = 0; i < resumed_at_once && !rest.calls.empty(); ++i) {
    auto next = std::move(rest.calls.back());
    rest.calls.pop_back();
    std::move(next.handler)(std::move(next.answer));
  }
}

}  // namespace

// The commands of one request. Their replies come in the same order, and each ends its call at once.
struct redis_calls::batch {
  batch(std::shared_ptr<redis_calls> o, std::vector<redis_call_pointer> c, redis_line& line)
      : of(std::move(o)), calls(std::move(c)), on(line.weak_from_this()), run(line.number()) {
    std::size_t sum = 0;
    for (auto const& call : calls) sum += payload_of(call->command);
    request.reserve(sum);
    for (auto const& call : calls) {
      put(call->command, request);
      call->command.clear();
    }
  }

  boost::redis::any_adapter adapter() {
    using boost::redis::any_adapter;
    return any_adapter([this](any_adapter::parse_event event, boost::redis::resp3::node_view const& node, boost::system::error_code& ec) {
      if (event == any_adapter::parse_event::node) collector.add(node, ec);
      if (event == any_adapter::parse_event::done) replied();
    });
  }

  void replied() {
    auto const& call = calls[answered++];
    if (collector.replies.empty()) return of->lost(call, {});
    auto const line = on.lock();
    of->replied(call, std::move(collector.replies.front()), run, line && line->number() == run);
    collector.replies.clear();
  }

  // None comes any more. Only the first of those that are missing can have been at fault.
  void end(error_code ec) {
    for (; answered != calls.size(); ec = boost::asio::error::operation_aborted) of->lost(calls[answered++], ec);
  }

  std::shared_ptr<redis_calls> const of;
  std::vector<redis_call_pointer> const calls;
  std::weak_ptr<redis_line> const on;
  std::uint64_t const run;
  boost::redis::request request;
  reply_collector collector;
  std::size_t answered = 0;
};

redis_calls::redis_calls(redis_line::strand_type const& strand, std::size_t max_in_flight, duration longest_wait)
    : strand_(strand),
      clock_(clock_of(strand.get_inner_executor())),
      max_in_flight_(max_in_flight),
      longest_wait_(longest_wait),
      resumed_([](executor const& on, std::vector<ended_call> all) {
        std::reverse(all.begin(), all.end());
        resume(on, std::move(all));
      }) {}

void redis_calls::limit(redis_call_pointer const& call, time_point until) {
  if (!deadlines_) {
    deadlines_.emplace(clock_, strand_, [held = weak_from_this()](redis_call_pointer const& late) {
      if (auto const self = held.lock()) self->give_up(late, errc::deadline_exceeded);
    });
  }
  deadlines_->remove(call->deadline);
  call->deadline = deadlines_->add(until, call);
}

void redis_calls::wait(redis_call_pointer const& call) {
  if (waiting_.size() >= max_in_flight_) return finish(call, redis_answer(errc::busy, false));
  keep(call);
  waiting_.push_back(call);
}

void redis_calls::keep(redis_call_pointer const& call) {
  call->now = redis_call::phase::waiting;
  limit(call, call->end);
}

void redis_calls::pass_on(redis_call_pointer const& call) {
  call->now = redis_call::phase::sent;
  limit(call, std::min(call->end, saturating_add(clock_.now(), longest_wait_)));
}

void redis_calls::send(redis_call_pointer const& call) {
  if (sent_ - answered_ >= max_in_flight_) return finish(call, redis_answer(errc::busy, false));
  pass_on(call);
  call->number = ++sent_;
  if (call->witness) call->witness->sent();
  leaving_.push_back(call);
}

void redis_calls::flush(redis_line& line) {
  if (leaving_.empty()) return;
  auto const sent = std::make_shared<batch>(shared_from_this(), std::exchange(leaving_, {}), line);
  line.execute(sent, [sent](error_code ec) { sent->end(ec); });
}

void redis_calls::send_waiting(redis_line& line) {
  for (auto const& waiting : std::exchange(waiting_, {}))
    if (auto const call = waiting.lock()) send(call);
  flush(line);
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

void redis_calls::replied(redis_call_pointer const& call, redis_reply reply, std::uint64_t connection, bool is_in_use) {
  // Replies come in the order of requests: one that came stands for all before it, those included that nobody waits for any more.
  if (is_in_use) answered_ = std::max(answered_, call->number);
  if (call->now != redis_call::phase::sent) return;
  redis_answer answer(std::move(reply));
  answer.connection = connection;
  finish(call, std::move(answer));
}

void redis_calls::lost(redis_call_pointer const& call, error_code ec) {
  if (call->now != redis_call::phase::sent) return;
  bool const is_lost = ec == boost::asio::error::operation_aborted || !ec;
  finish(call, redis_answer(is_closing_ ? errc::closed : is_lost ? errc::unavailable : errc::protocol_error, true));
}

void redis_calls::finish(redis_call_pointer const& call, redis_answer answer) {
  if (call->now == redis_call::phase::ended) return;
  call->now = redis_call::phase::ended;
  if (deadlines_) deadlines_->remove(call->deadline);
  if (call->witness) call->witness->ended(answer);
  // Nothing of the caller's stays behind: the connection may hold the call for much longer.
  auto const on = std::exchange(call->on, {});
  resumed_.add(on, ended_call{std::move(call->handler), std::move(answer)});
}

}  // namespace mooring::detail
