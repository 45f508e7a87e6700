#include "storage/redis_opener.hpp"

#include "storage/redis_errors.hpp"

#include <chrono>
#include <utility>

namespace mooring::detail {
namespace {

constexpr duration between_rounds = std::chrono::milliseconds(300);

}  // namespace

redis_opener::redis_opener(redis_line::strand_type strand, redis_opening opening, std::shared_ptr<redis_line> line, log_sink log)
    : strand_(std::move(strand)),
      clock_(clock_of(strand_.get_inner_executor())),
      opening_(std::move(opening)),
      line_(std::move(line)),
      log_(std::move(log)) {}

void redis_opener::open(bool is_first) {
  if (!opening_.next) return;
  auto next = opening_.next();
  auto const made = std::make_shared<round>(next, is_first);
  if (next.commands.empty()) return end_round(*made);
  for (auto& command : next.commands) send(std::move(command), made);
}

void redis_opener::send(redis_command command, std::shared_ptr<round> of) {
  auto const sent = std::make_shared<redis_exchange>();
  put(command, sent->request);
  line_->execute(sent, [held = weak_from_this(), sent, of = std::move(of), number = line_->number()](error_code) {
    auto const self = held.lock();
    if (self && self->is_on(number)) self->answered(sent->collector.replies, *of);
  });
}

void redis_opener::answered(std::vector<redis_reply> const& replies, round& of) {
  bool const is_refused = !replies.empty() && replies.front().what == redis_reply::kind::error;
  if (is_refused && !std::exchange(of.is_told, true) && log_) log_(severity::warning, "redis: opening a connection: " + cause_of_reply(replies.front().text));
  if (replies.empty() || is_refused) of.is_done = false;
  if (is_refused && ends_connection(error_of_reply(replies.front().text))) return on_wrong_server();
  if (--of.pending == 0) end_round(of);
}

// What was not carried out is sent again.
void redis_opener::end_round(round const& ended) {
  if (ended.is_done) return opening_.carried_out();
  again_ = clock_.schedule(clock_.now() + between_rounds, executor(strand_), [held = weak_from_this(), number = line_->number()] {
    auto const self = held.lock();
    if (self && self->is_on(number)) self->open(false);
  });
}

void redis_opener::end(bool was_up) {
  clock_.cancel(std::exchange(again_, {}));
  if (was_up && opening_.lost) opening_.lost();
}

}  // namespace mooring::detail
