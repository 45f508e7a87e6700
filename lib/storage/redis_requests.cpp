#include "storage/redis_requests.hpp"

#include "core/never_throwing.hpp"
#include "storage/redis_errors.hpp"

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace mooring::detail {

redis_requests::redis_requests(std::shared_ptr<redis_link> l, executor const& ex, redis_storage_options o, redis_reassertion r)
    : link(std::move(l)), clock(clock_of(ex)), entropy(entropy_of(ex)), options(std::move(o)), reassertion(std::move(r)) {
  options.log = never_throwing(std::move(options.log));
  if (options.operation_timeout == duration::zero()) options.operation_timeout = std::chrono::seconds(5);
}

awaitable<redis_outcome> redis_requests::ask(std::shared_ptr<redis_requests> self, redis_command sent, time_point end, redis_witness_pointer witness) {
  auto const cancellation = co_await asio::this_coro::cancellation_state;
  auto first = co_await self->link->ask(sent, end, witness);
  redis_outcome answer(std::move(first));
  self->heed(answer);
  if (answer.error != errc::wrong_master) co_return answer;
  if (cancellation.cancelled() != asio::cancellation_type::none) co_return redis_outcome(errc::cancelled, false);
  auto second = co_await self->link->ask(std::move(sent), end, std::move(witness));
  redis_outcome last(std::move(second));
  self->heed(last);
  co_return last;
}

awaitable<redis_outcome> redis_requests::run(std::shared_ptr<redis_requests> self, redis_script const* script, std::string id, redis_command arguments, time_point end,
                                             redis_witness_pointer witness) {
  auto const cancellation = co_await asio::this_coro::cancellation_state;
  auto sent = words("EVALSHA", script->digest(), "1", self->key(id), std::move(id));
  sent.reserve(sent.size() + arguments.size() + 1);
  for (auto& argument : arguments) sent.push_back(std::move(argument));
  sent.push_back(std::to_string(self->most_bytes));
  auto answer = co_await ask(self, sent, end, witness);
  if (!answer.error || !answer.reply.text.starts_with("NOSCRIPT")) co_return answer;
  if (cancellation.cancelled() != asio::cancellation_type::none) co_return redis_outcome(errc::cancelled, false);
  sent[0] = "EVAL";
  sent[1] = script->text();
  co_return co_await ask(self, std::move(sent), end, std::move(witness));
}

void redis_requests::heed(redis_outcome const& answer) {
  if (!answer.is_refusal()) return;
  if (ends_connection(error_of_reply(answer.reply.text))) link->drop(answer.connection);
  if (!answer.reply.text.starts_with("NOSCRIPT")) tell_refusal(answer.reply.text);
}

// Once, until the server says something else.
void redis_requests::tell_refusal(std::string const& text) {
  auto cause = cause_of_reply(text);
  {
    std::lock_guard const lock(mutex_);
    if (cause == last_refusal_) return;
    last_refusal_ = cause;
  }
  if (options.log) options.log(severity::warning, "redis: " + cause);
}

void redis_requests::tell_other_ttl(read_record const& found) {
  if (!found.ttl || std::to_string(*found.ttl) == ttl() || was_other_ttl_told_.exchange(true) || !options.log) return;
  options.log(severity::warning, "redis: there are records with a ttl of " + std::to_string(*found.ttl) + " ms, and ours is " + ttl() +
                                     " ms; replicas that share a key_prefix have to share the ttl");
}

std::int64_t redis_requests::milliseconds(duration span) {
  auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(span);
  if (whole < span) ++whole;
  // What Redis takes for a TTL has to leave room for the present moment.
  return std::min<std::int64_t>(whole.count(), std::int64_t{1} << 53);
}

}  // namespace mooring::detail
