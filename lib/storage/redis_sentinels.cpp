#include "storage/redis_sentinels.hpp"

#include "storage/redis_errors.hpp"
#include "storage/redis_peers.hpp"

#include <mooring/core/entropy.hpp>

#include <boost/asio/append.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>

namespace mooring::detail {

redis_sentinels::redis_sentinels(redis_line::strand_type strand, redis_storage_options const& options)
    : options_(*options.sentinel),
      log_(options.log),
      strand_(std::move(strand)),
      clock_(clock_of(strand_.get_inner_executor())),
      line_(std::make_shared<redis_line>(strand_, peer_of_sentinel(options))),
      search_(options_.addresses.size()),
      longest_wait_(options.dial_timeout) {}

awaitable<void> redis_sentinels::watch(std::shared_ptr<redis_sentinels> self) {
  self->line_->on_up = [held = self->weak_from_this()] {
    if (auto const here = held.lock()) here->subscribe();
  };
  self->line_->on_push = [held = self->weak_from_this()](redis_reply const& push) {
    if (auto const here = held.lock()) here->heard(push);
  };
  while (!self->is_stopping_) {
    auto const where = self->options_.addresses[self->search_.whom()];
    auto const ending = co_await redis_line::run(self->line_, where);
    auto const pause = self->left(ending);
    if (self->is_stopping_) co_return;
    if (pause == duration::zero()) continue;
    auto const slept = co_await sleep_for(pause);
    self->is_pausing_ = false;
    self->failure_ = {};
    if (!slept) co_return;
  }
}

awaitable<result<redis_address>> redis_sentinels::find(std::shared_ptr<redis_sentinels> self) {
  auto const ex = co_await asio::this_coro::executor;
  auto initiate = [self](auto handler, executor on) {
    auto const one = std::make_shared<waiter>();
    one->handler = std::move(handler);
    one->on = std::move(on);
    self->wait(one);
  };
  using token_type = asio::use_awaitable_t<>;
  co_return co_await asio::async_initiate<token_type const, void(result<redis_address>)>(initiate, asio::use_awaitable, ex);
}

void redis_sentinels::stop() {
  is_stopping_ = true;
  finish_all(errc::closed);
  line_->leave(errc::closed, "");
}

void redis_sentinels::wait(waiter_pointer const& one) {
  if (is_stopping_) return finish(one, make_error_code(errc::closed));
  if (is_pausing_) return finish(one, make_error_code(failure_));
  // The alarm owns the waiter, whose frame holds this object: a context that ends has to be what lets go of it.
  one->alarm = clock_.schedule(clock_.now() + longest_wait_, executor(strand_), [held = weak_from_this(), one] {
    if (auto const self = held.lock()) self->finish(one, make_error_code(errc::unavailable));
  });
  one->number = asked_ + 1;
  waiters_.push_back(one);
  if (is_ready_) ask();
}

// Each channel is confirmed by a push, or all of them refused by an error. Until then nothing else is sent: the error would be taken for its reply.
void redis_sentinels::subscribe() {
  auto const sent = std::make_shared<redis_exchange>();
  sent->request.push("SUBSCRIBE", "+switch-master", "+promoted-slave");  // the second comes first, from the Sentinel that leads the failover
  line_->execute(sent, [](error_code) {});  // has no reply; a lost line ends its run
  clock_.cancel(std::exchange(next_check_, clock_.schedule(clock_.now() + sentinel_patience, executor(strand_), [held = weak_from_this(), run = line_->number()] {
    auto const self = held.lock();
    if (self && !self->is_ready_ && self->line_->number() == run) self->line_->leave(errc::unavailable, "no answer to SUBSCRIBE");
  })));
}

void redis_sentinels::heard(redis_reply const& push) {
  if (push.what == redis_reply::kind::error) {
    if (is_ready_) return line_->leave(error_of_reply(push.text), cause_of_reply(push.text));
    if (log_) log_(severity::warning, "sentinel: it lets us ask and not listen, so that a change of master is noticed later: " + cause_of_reply(push.text));
  }
  is_ready_ = true;
  ask();
}

void redis_sentinels::ask() {
  auto const sent = std::make_shared<redis_exchange>();
  sent->request.push("SENTINEL", "GET-MASTER-ADDR-BY-NAME", options_.master_name);
  auto const number = ++asked_;
  auto const run = line_->number();
  auto const alarm = clock_.schedule(clock_.now() + sentinel_patience, executor(strand_), [held = weak_from_this(), run] {
    auto const self = held.lock();
    if (self && self->line_->number() == run) self->line_->leave(errc::unavailable, "no answer in time");
  });
  line_->execute(sent, [held = weak_from_this(), sent, number, run, alarm](error_code ec) {
    auto const self = held.lock();
    if (!self) return;
    self->clock_.cancel(alarm);
    if (!ec && self->is_ready_ && self->line_->number() == run && !sent->collector.replies.empty()) self->answered(number, sent->collector.replies.front());
  });
}

void redis_sentinels::answered(std::uint64_t number, redis_reply const& reply) {
  auto const answer = master_of_reply(reply, options_.allowed_masters);
  if (!answer.master) return line_->leave(errc::unavailable, answer.cause);
  search_.helped();
  failure_ = {};
  last_cause_.clear();
  check_later();
  if (on_master) on_master(*answer.master);
  for (auto const& waiting : std::exchange(waiters_, {})) {
    auto const one = waiting.lock();
    if (one && one->number <= number) finish(one, *answer.master);
    else if (one) waiters_.push_back(one);
  }
}

void redis_sentinels::check_later() {
  clock_.cancel(std::exchange(next_check_, clock_.schedule(clock_.now() + options_.master_check, executor(strand_), [held = weak_from_this()] {
    auto const self = held.lock();
    if (self && self->is_ready_) self->ask();
  })));
}

// How long to wait before the next one is tried.
duration redis_sentinels::left(redis_ending const& ending) {
  is_ready_ = false;
  clock_.cancel(std::exchange(next_check_, {}));
  if (is_stopping_) return {};
  if (log_ && ending.cause != last_cause_) log_(severity::warning, "sentinel: " + ending.cause);
  last_cause_ = ending.cause;
  failure_ = failure_ == errc() || failure_ == ending.error ? ending.error : errc::unavailable;
  for (auto const& waiting : waiters_)
    if (auto const one = waiting.lock()) one->number = asked_ + 1;
  if (search_.next()) return {};
  std::uint64_t random = 0;
  // Without randomness all that is lost is the jitter.
  static_cast<void>(entropy_of(strand_.get_inner_executor()).fill(std::as_writable_bytes(std::span(&random, 1))));
  auto const pause = backoff_.next(ending.lived, ending.was_dialed && refuses_us(failure_), random);
  is_pausing_ = true;
  finish_all(failure_);
  return std::max<duration>(pause, std::chrono::milliseconds(1));
}

void redis_sentinels::finish(waiter_pointer const& one, result<redis_address> answer) {
  clock_.cancel(one->alarm);
  if (one->handler) asio::post(one->on, asio::append(std::move(one->handler), std::move(answer)));
}

void redis_sentinels::finish_all(errc why) {
  for (auto const& waiting : std::exchange(waiters_, {}))
    if (auto const one = waiting.lock()) finish(one, make_error_code(why));
}

}  // namespace mooring::detail
