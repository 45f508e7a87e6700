#include <mooring/storage/detail/redis_records.hpp>

#include "storage/record_codec.hpp"
#include "storage/redis_advice.hpp"
#include "storage/redis_client.hpp"
#include "storage/redis_errors.hpp"
#include "storage/redis_outcome.hpp"
#include "storage/redis_reassertion.hpp"
#include "storage/redis_requests.hpp"
#include "storage/redis_scripts.hpp"

#include <mooring/core/entropy.hpp>

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace mooring::detail {
namespace {

using kind = redis_reply::kind;

}  // namespace

struct redis_records::state final : redis_requests {
  using redis_requests::redis_requests;
};

// The coroutines hold the state, so that they may outlive the object.
struct redis_records::steps {
  using requests = std::shared_ptr<redis_requests>;

  static awaitable<write_outcome> create(requests held, std::string id, record_body body, create_options call) {
    auto const cancellation = co_await asio::this_coro::cancellation_state;
    auto const end = held->end(call.deadline);
    auto const fresh = revision::fresh(held->entropy);
    if (!fresh) co_return fresh.error();
    auto record = write_record(id, *fresh, body, held->ttl_count());
    if (record.size() > held->most_bytes) co_return errc::too_large;
    auto const own_ttl = call.ttl ? std::to_string(redis_requests::milliseconds(std::min(*call.ttl, held->options.ttl))) : std::string();
    auto witness = held->reassertion.of_making(id);
    if (!held->options.absolute_lifetime && !call.is_fixed) {
      auto sent = words("SET", held->key(id), record, "NX", "PX", own_ttl.empty() ? held->ttl() : own_ttl);
      auto const answer = co_await redis_requests::ask(held, std::move(sent), end, witness);
      if (answer.error || answer.reply.what != kind::null) co_return set_outcome_of(answer, *fresh);
      // Taken. A fixed record that is past its end makes room.
      if (cancellation.cancelled() != asio::cancellation_type::none) co_return errc::exists;
    }
    auto arguments = words(held->ttl(), held->lifetime(), own_ttl, call.is_fixed ? "fixed" : "", std::move(record));
    auto const answer = co_await redis_requests::run(held, &redis_scripts::all().create, std::move(id), std::move(arguments), end, std::move(witness));
    co_return write_outcome_of(answer, *fresh);
  }

  static awaitable<write_outcome> store(requests held, std::string id, record_body body, call_options call) {
    auto const end = held->end(call.deadline);
    auto const fresh = revision::fresh(held->entropy);
    if (!fresh) co_return fresh.error();
    auto record = write_record(id, *fresh, body, held->ttl_count());
    if (record.size() > held->most_bytes) co_return errc::too_large;
    auto witness = held->reassertion.of_making(id);
    if (!held->options.absolute_lifetime) {
      auto sent = words("SET", held->key(id), std::move(record), "PX", held->ttl());
      auto const answer = co_await redis_requests::ask(held, std::move(sent), end, std::move(witness));
      co_return set_outcome_of(answer, *fresh);
    }
    auto arguments = words(held->ttl(), held->lifetime(), std::move(record));
    auto const answer = co_await redis_requests::run(held, &redis_scripts::all().store, std::move(id), std::move(arguments), end, std::move(witness));
    co_return write_outcome_of(answer, *fresh);
  }

  static awaitable<write_outcome> update(requests held, std::string id, record_body body, std::optional<revision> expected, call_options call) {
    auto const end = held->end(call.deadline);
    auto const fresh = revision::fresh(held->entropy);
    if (!fresh) co_return fresh.error();
    auto const* const texts = std::get_if<text_map>(&body);
    auto arguments = words(held->ttl(), held->lifetime(), expected ? expected->text() : std::string(), fresh->text(), texts ? "metadata" : "data");
    arguments.push_back(texts ? write_texts(*texts) : std::get<std::string>(body));
    if (arguments.back().size() > held->most_bytes) co_return errc::too_large;
    auto const answer = co_await redis_requests::run(held, &redis_scripts::all().update, std::move(id), std::move(arguments), end);
    co_return write_outcome_of(answer, *fresh);
  }

  static awaitable<result<bool>> update_hints(requests held, std::string id, hint_map hints, call_options call) {
    auto const end = held->end(call.deadline);
    auto arguments = words(held->ttl(), held->lifetime(), write_texts(hints));
    auto const answer = co_await redis_requests::run(held, &redis_scripts::all().update_hints, std::move(id), std::move(arguments), end);
    co_return change_outcome_of(answer, true);
  }

  // Sliding is a write: a server that refuses writes may still be read.
  static bool may_read_still(redis_requests const& held, redis_outcome const& answer) {
    if (!held.options.loads_without_sliding || !answer.is_refusal()) return false;
    auto const text = innermost_error(answer.reply.text);
    return text.starts_with("READONLY") || text.starts_with("NOREPLICAS") || text.starts_with("MISCONF");
  }

  static awaitable<result<std::optional<raw_record>>> read_still(requests held, std::string id, time_point end) {
    auto const left = end - held->clock.now();
    if (left <= duration::zero()) co_return make_error_code(errc::deadline_exceeded);
    call_options const rest{left};
    co_return co_await read(held, std::move(id), reading::still, rest);
  }

  static awaitable<result<std::optional<raw_record>>> read(requests held, std::string id, reading how, call_options call) {
    auto const cancellation = co_await asio::this_coro::cancellation_state;
    auto const end = held->end(call.deadline);
    bool const is_sliding = how == reading::sliding;
    if (!held->options.absolute_lifetime) {
      auto sent = is_sliding ? words("GETEX", held->key(id), "PX", held->ttl()) : words("GET", held->key(id));
      auto const answer = co_await redis_requests::ask(held, std::move(sent), end);
      if (is_sliding && may_read_still(*held, answer)) {
        if (cancellation.cancelled() != asio::cancellation_type::none) co_return make_error_code(errc::cancelled);
        co_return co_await read_still(held, id, end);
      }
      if (answer.error) co_return answer.error;
      if (answer.reply.what == kind::null) co_return std::optional<raw_record>();
      if (answer.reply.what != kind::text) co_return make_error_code(errc::protocol_error);
      auto found = parse_record(id, answer.reply.text);
      if (!found) co_return found.error();
      held->tell_other_ttl(*found);
      if (!found->is_fixed) co_return std::optional<raw_record>(std::move(found->record));
      // It may be past its end, or was slid just now: the server puts that right.
      if (cancellation.cancelled() != asio::cancellation_type::none) co_return make_error_code(errc::cancelled);
    }
    auto arguments = words(held->ttl(), held->lifetime(), is_sliding ? "slide" : "");
    auto const answer = co_await redis_requests::run(held, &redis_scripts::all().read, id, std::move(arguments), end);
    if (is_sliding && may_read_still(*held, answer)) {
      if (cancellation.cancelled() != asio::cancellation_type::none) co_return make_error_code(errc::cancelled);
      co_return co_await read_still(held, id, end);
    }
    if (answer.error) co_return answer.error;
    if (answer.is("absent")) co_return std::optional<raw_record>();
    if (!answer.has_record()) co_return error_of_word(answer);
    auto found = parse_record(id, answer.reply.items[1].text);
    if (!found) co_return found.error();
    held->tell_other_ttl(*found);
    co_return std::optional<raw_record>(std::move(found->record));
  }

  static awaitable<result<bool>> touch(requests held, std::string id, call_options call) {
    auto const end = held->end(call.deadline);
    auto arguments = words(held->ttl(), held->lifetime());
    auto const answer = co_await redis_requests::run(held, &redis_scripts::all().touch, std::move(id), std::move(arguments), end);
    co_return change_outcome_of(answer, false);
  }

  static awaitable<result<bool>> erase(requests held, std::string id, std::optional<revision> expected, call_options call) {
    auto const end = held->end(call.deadline);
    if (!expected) {
      auto sent = words("DEL", held->key(id));
      auto witness = held->reassertion.of_erase(std::move(id));
      auto const answer = co_await redis_requests::ask(held, std::move(sent), end, std::move(witness));
      co_return erase_outcome_of(answer);
    }
    auto arguments = words(expected->text());
    auto witness = held->reassertion.of_conditional_erase(id);
    auto const answer = co_await redis_requests::run(held, &redis_scripts::all().erase, std::move(id), std::move(arguments), end, std::move(witness));
    co_return change_outcome_of(answer, true);
  }

  // The connection of another epoch may know nothing of the write at all.
  static awaitable<result<bool>> confirm_replication(requests held, std::uint64_t since, call_options call) {
    auto const& wanted = held->options.durability;
    if (!wanted) co_return true;
    if (held->link->epoch() != since) co_return false;
    auto counted = co_await held->link->count_replicas(held->end(call.deadline));
    redis_outcome const answer(std::move(counted));
    held->heed(answer);
    if (answer.error) co_return answer.error;
    if (answer.reply.what != kind::number) co_return make_error_code(errc::protocol_error);
    co_return answer.reply.number >= static_cast<std::int64_t>(wanted->replicas) && held->link->epoch() == since;
  }

  static awaitable<void> close(requests held) {
    held->is_closed = true;
    co_await held->link->close();
  }

  // Writes under a key that no id can have, and lets it go at once. Then looks, where it may, for what can end sessions early.
  static awaitable<result<>> ping(requests held, call_options call) {
    auto const cancellation = co_await asio::this_coro::cancellation_state;
    auto const end = held->end(call.deadline);
    auto sent = words("SET", held->key(" ping"), "", "PX", "1");
    auto const answer = co_await redis_requests::ask(held, std::move(sent), end);
    if (!answer.is_done()) co_return failure_of(answer, false);
    std::array<redis_reply, 3> seen;
    char const* const names[] = {"maxmemory*", "save", "appendonly"};
    for (std::size_t i = 0; i < seen.size(); ++i) {
      if (!held->options.log || cancellation.cancelled() != asio::cancellation_type::none) co_return result<>();
      auto look = words("CONFIG", "GET", names[i]);
      auto looked = co_await held->link->ask(std::move(look), end);
      seen[i] = std::move(looked.reply);
    }
    for (auto const& advice : advice_on(seen[0], seen[1], seen[2])) held->options.log(severity::warning, "redis: " + advice);
    co_return result<>();
  }
};

redis_records::redis_records(executor ex, redis_storage_options options) {
  redis_reassertion reassertion(options, clock_of(ex));
  auto link = std::make_shared<redis_client>(ex, options, reassertion.opening());
  state_ = std::make_shared<state>(std::move(link), ex, std::move(options), std::move(reassertion));
}

redis_records::redis_records(std::shared_ptr<redis_link> link, executor ex, redis_storage_options options)
    : state_(std::make_shared<state>(std::move(link), ex, std::move(options), redis_reassertion())) {}

awaitable<write_outcome> redis_records::create(std::string id, record_body body, create_options call) const {
  return steps::create(state_, std::move(id), std::move(body), call);
}

awaitable<write_outcome> redis_records::update(std::string id, record_body body, std::optional<revision> expected, call_options call) const {
  return steps::update(state_, std::move(id), std::move(body), expected, call);
}

awaitable<write_outcome> redis_records::store(std::string id, record_body body, call_options call) const {
  return steps::store(state_, std::move(id), std::move(body), call);
}

awaitable<result<bool>> redis_records::update_hints(std::string id, hint_map hints, call_options call) const {
  return steps::update_hints(state_, std::move(id), std::move(hints), call);
}

awaitable<result<std::optional<raw_record>>> redis_records::read(std::string id, reading how, call_options call) const {
  return steps::read(state_, std::move(id), how, call);
}

awaitable<result<bool>> redis_records::touch(std::string id, call_options call) const { return steps::touch(state_, std::move(id), call); }

awaitable<result<bool>> redis_records::erase(std::string id, std::optional<revision> expected, call_options call) const {
  return steps::erase(state_, std::move(id), expected, call);
}

awaitable<result<bool>> redis_records::confirm_replication(std::uint64_t since, call_options call) const {
  return steps::confirm_replication(state_, since, call);
}

awaitable<result<>> redis_records::ping(call_options call) const { return steps::ping(state_, call); }

awaitable<void> redis_records::close() const { return steps::close(state_); }

text_limits const& redis_records::limits() const noexcept { return state_->options.limits; }

duration redis_records::ttl() const noexcept { return state_->options.ttl; }

std::uint64_t redis_records::epoch() const noexcept { return state_->link->epoch(); }

duration redis_records::pause() const noexcept { return state_->link->pause(); }

bool redis_records::is_closed() const noexcept { return state_->is_closed; }

}  // namespace mooring::detail
