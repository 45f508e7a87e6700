#include <mooring/storage/detail/redis_records.hpp>

#include "core/never_throwing.hpp"
#include "storage/record_codec.hpp"
#include "storage/record_size.hpp"
#include "storage/redis_advice.hpp"
#include "storage/redis_client.hpp"
#include "storage/redis_errors.hpp"
#include "storage/redis_outcome.hpp"
#include "storage/redis_reassertion.hpp"
#include "storage/redis_scripts.hpp"

#include <mooring/core/entropy.hpp>

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

namespace mooring::detail {
namespace {

using command = redis_command;
using kind = redis_reply::kind;

// Rounded up: the server counts in milliseconds, and nothing expires before its time.
std::int64_t milliseconds(duration span) {
  auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(span);
  if (whole < span) ++whole;
  // What Redis takes for a TTL has to leave room for the present moment.
  return std::min<std::int64_t>(whole.count(), std::int64_t{1} << 53);
}

}  // namespace

struct redis_records::state {
  state(std::shared_ptr<redis_link> l, executor const& ex, redis_storage_options o, redis_reassertion r)
      : link(std::move(l)), clock(clock_of(ex)), entropy(entropy_of(ex)), options(std::move(o)), reassertion(std::move(r)) {
    options.log = never_throwing(std::move(options.log));
    if (options.operation_timeout == duration::zero()) options.operation_timeout = std::chrono::seconds(5);
  }

  std::string key(std::string_view id) const { return options.key_prefix + std::string(id); }
  std::string ttl() const { return std::to_string(ttl_count()); }
  std::int64_t ttl_count() const { return milliseconds(options.ttl); }
  std::string lifetime() const { return options.absolute_lifetime ? std::to_string(milliseconds(*options.absolute_lifetime)) : "0"; }
  time_point end(std::optional<duration> deadline) const { return saturating_add(clock.now(), deadline.value_or(options.operation_timeout)); }

  std::shared_ptr<redis_link> const link;
  clock_service& clock;
  entropy_service& entropy;
  redis_storage_options options;
  std::size_t const most_bytes = most_record_bytes(options.limits);
  redis_reassertion const reassertion;
  std::atomic<bool> is_closed = false;
  std::atomic<bool> was_other_ttl_told = false;

  // What the server says is told once, until it says something else.
  void tell_refusal(std::string const& text) {
    auto cause = cause_of_reply(text);
    {
      std::lock_guard const lock(mutex);
      if (cause == last_refusal) return;
      last_refusal = cause;
    }
    if (options.log) options.log(severity::warning, "redis: " + cause);
  }

  void tell_other_ttl(read_record const& found) {
    if (!found.ttl || std::to_string(*found.ttl) == ttl() || was_other_ttl_told.exchange(true) || !options.log) return;
    options.log(severity::warning, "redis: there are records with a ttl of " + std::to_string(*found.ttl) + " ms, and ours is " + ttl() +
                                       " ms; replicas that share a key_prefix have to share the ttl");
  }

 private:
  std::mutex mutex;  // guards what follows; nothing is called under it
  std::string last_refusal;
};

// The coroutines hold the state, so that they may outlive the object.
struct redis_records::steps {
  using state_pointer = std::shared_ptr<state>;

  static void heed(state& held, redis_outcome const& answer) {
    if (!answer.is_refusal()) return;
    if (ends_connection(error_of_reply(answer.reply.text))) held.link->drop(answer.connection);
    if (!answer.reply.text.starts_with("NOSCRIPT")) held.tell_refusal(answer.reply.text);
  }

  // One command. A server that is no longer the master has not carried it out: it is left, and its successor asked once.
  static awaitable<redis_outcome> ask(state_pointer held, command sent, time_point end, redis_witness_pointer witness = nullptr) {
    auto const cancellation = co_await asio::this_coro::cancellation_state;
    auto first = co_await held->link->ask(sent, end, witness);
    redis_outcome answer(std::move(first));
    heed(*held, answer);
    if (answer.error != errc::wrong_master) co_return answer;
    if (cancellation.cancelled() != asio::cancellation_type::none) co_return redis_outcome(errc::cancelled, false);
    auto second = co_await held->link->ask(std::move(sent), end, std::move(witness));
    redis_outcome last(std::move(second));
    heed(*held, last);
    co_return last;
  }

  // A script goes by its digest; a server that does not know it gets the text, once.
  static awaitable<redis_outcome> run(state_pointer held, redis_script const* script, std::string id, command arguments, time_point end,
                                      redis_witness_pointer witness = nullptr) {
    auto const cancellation = co_await asio::this_coro::cancellation_state;
    command sent{"EVALSHA", script->digest(), "1", held->key(id), std::move(id)};
    for (auto& argument : arguments) sent.push_back(std::move(argument));
    sent.push_back(std::to_string(held->most_bytes));
    auto answer = co_await ask(held, sent, end, witness);
    if (!answer.error || !answer.reply.text.starts_with("NOSCRIPT")) co_return answer;
    if (cancellation.cancelled() != asio::cancellation_type::none) co_return redis_outcome(errc::cancelled, false);
    sent[0] = "EVAL";
    sent[1] = script->text();
    co_return co_await ask(held, std::move(sent), end, std::move(witness));
  }

  static awaitable<write_outcome> create(state_pointer held, std::string id, record_body body, create_options call) {
    auto const cancellation = co_await asio::this_coro::cancellation_state;
    auto const end = held->end(call.deadline);
    auto const fresh = revision::fresh(held->entropy);
    if (!fresh) co_return fresh.error();
    auto record = write_record(id, *fresh, body, held->ttl_count());
    if (record.size() > held->most_bytes) co_return errc::too_large;
    auto const own_ttl = call.ttl ? std::to_string(milliseconds(std::min(*call.ttl, held->options.ttl))) : std::string();
    auto witness = held->reassertion.of_making(id);
    if (!held->options.absolute_lifetime && !call.is_fixed) {
      command sent{"SET", held->key(id), record, "NX", "PX", own_ttl.empty() ? held->ttl() : own_ttl};
      auto const answer = co_await ask(held, std::move(sent), end, witness);
      if (answer.error || answer.reply.what != kind::null) co_return set_outcome_of(answer, *fresh);
      // Taken. A fixed record that is past its end makes room.
      if (cancellation.cancelled() != asio::cancellation_type::none) co_return errc::exists;
    }
    command arguments{held->ttl(), held->lifetime(), own_ttl, call.is_fixed ? "fixed" : "", std::move(record)};
    auto const answer = co_await run(held, &redis_scripts::all().create, std::move(id), std::move(arguments), end, std::move(witness));
    co_return write_outcome_of(answer, *fresh);
  }

  static awaitable<write_outcome> store(state_pointer held, std::string id, record_body body, call_options call) {
    auto const end = held->end(call.deadline);
    auto const fresh = revision::fresh(held->entropy);
    if (!fresh) co_return fresh.error();
    auto record = write_record(id, *fresh, body, held->ttl_count());
    if (record.size() > held->most_bytes) co_return errc::too_large;
    auto witness = held->reassertion.of_making(id);
    if (!held->options.absolute_lifetime) {
      command sent{"SET", held->key(id), std::move(record), "PX", held->ttl()};
      auto const answer = co_await ask(held, std::move(sent), end, std::move(witness));
      co_return set_outcome_of(answer, *fresh);
    }
    command arguments{held->ttl(), held->lifetime(), std::move(record)};
    auto const answer = co_await run(held, &redis_scripts::all().store, std::move(id), std::move(arguments), end, std::move(witness));
    co_return write_outcome_of(answer, *fresh);
  }

  static awaitable<write_outcome> update(state_pointer held, std::string id, record_body body, std::optional<revision> expected, call_options call) {
    auto const end = held->end(call.deadline);
    auto const fresh = revision::fresh(held->entropy);
    if (!fresh) co_return fresh.error();
    auto const* const texts = std::get_if<text_map>(&body);
    command arguments{held->ttl(), held->lifetime(), expected ? expected->text() : std::string(), fresh->text(), texts ? "metadata" : "data"};
    arguments.push_back(texts ? write_texts(*texts) : std::get<std::string>(body));
    if (arguments.back().size() > held->most_bytes) co_return errc::too_large;
    auto const answer = co_await run(held, &redis_scripts::all().update, std::move(id), std::move(arguments), end);
    co_return write_outcome_of(answer, *fresh);
  }

  static awaitable<result<bool>> update_hints(state_pointer held, std::string id, hint_map hints, call_options call) {
    auto const end = held->end(call.deadline);
    command arguments{held->ttl(), held->lifetime(), write_texts(hints)};
    auto const answer = co_await run(held, &redis_scripts::all().update_hints, std::move(id), std::move(arguments), end);
    co_return change_outcome_of(answer, true);
  }

  // Sliding is a write: a server that refuses writes may still be read.
  static bool may_read_still(state const& held, redis_outcome const& answer) {
    if (!held.options.loads_without_sliding || !answer.is_refusal()) return false;
    auto const text = innermost_error(answer.reply.text);
    return text.starts_with("READONLY") || text.starts_with("NOREPLICAS") || text.starts_with("MISCONF");
  }

  static awaitable<result<std::optional<raw_record>>> read_still(state_pointer held, std::string id, time_point end) {
    auto const left = end - held->clock.now();
    if (left <= duration::zero()) co_return make_error_code(errc::deadline_exceeded);
    call_options const rest{left};
    co_return co_await read(held, std::move(id), reading::still, rest);
  }

  static awaitable<result<std::optional<raw_record>>> read(state_pointer held, std::string id, reading how, call_options call) {
    auto const cancellation = co_await asio::this_coro::cancellation_state;
    auto const end = held->end(call.deadline);
    bool const is_sliding = how == reading::sliding;
    if (!held->options.absolute_lifetime) {
      command sent{is_sliding ? "GETEX" : "GET", held->key(id)};
      if (is_sliding) {
        sent.emplace_back("PX");
        sent.push_back(held->ttl());
      }
      auto const answer = co_await ask(held, std::move(sent), end);
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
    command arguments{held->ttl(), held->lifetime(), is_sliding ? "slide" : ""};
    auto const answer = co_await run(held, &redis_scripts::all().read, id, std::move(arguments), end);
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

  static awaitable<result<bool>> touch(state_pointer held, std::string id, call_options call) {
    auto const end = held->end(call.deadline);
    command arguments{held->ttl(), held->lifetime()};
    auto const answer = co_await run(held, &redis_scripts::all().touch, std::move(id), std::move(arguments), end);
    co_return change_outcome_of(answer, false);
  }

  static awaitable<result<bool>> erase(state_pointer held, std::string id, std::optional<revision> expected, call_options call) {
    auto const end = held->end(call.deadline);
    if (!expected) {
      command sent{"DEL", held->key(id)};
      auto witness = held->reassertion.of_erase(std::move(id));
      auto const answer = co_await ask(held, std::move(sent), end, std::move(witness));
      co_return erase_outcome_of(answer);
    }
    command arguments{expected->text()};
    auto witness = held->reassertion.of_conditional_erase(id);
    auto const answer = co_await run(held, &redis_scripts::all().erase, std::move(id), std::move(arguments), end, std::move(witness));
    co_return change_outcome_of(answer, true);
  }

  // The connection of another epoch may know nothing of the write at all.
  static awaitable<result<bool>> confirm_replication(state_pointer held, std::uint64_t since, call_options call) {
    auto const& wanted = held->options.durability;
    if (!wanted) co_return true;
    if (held->link->epoch() != since) co_return false;
    auto counted = co_await held->link->count_replicas(held->end(call.deadline));
    redis_outcome const answer(std::move(counted));
    heed(*held, answer);
    if (answer.error) co_return answer.error;
    if (answer.reply.what != kind::number) co_return make_error_code(errc::protocol_error);
    co_return answer.reply.number >= static_cast<std::int64_t>(wanted->replicas) && held->link->epoch() == since;
  }

  static awaitable<void> close(state_pointer held) {
    held->is_closed = true;
    co_await held->link->close();
  }

  // Writes under a key that no id can have, and lets it go at once. Then looks, where it may, for what can end sessions early.
  static awaitable<result<>> ping(state_pointer held, call_options call) {
    auto const cancellation = co_await asio::this_coro::cancellation_state;
    auto const end = held->end(call.deadline);
    command sent{"SET", held->key(" ping"), "", "PX", "1"};
    auto const answer = co_await ask(held, std::move(sent), end);
    if (!answer.is_done()) co_return failure_of(answer, false);
    std::array<redis_reply, 3> seen;
    char const* const names[] = {"maxmemory*", "save", "appendonly"};
    for (std::size_t i = 0; i < seen.size(); ++i) {
      if (!held->options.log || cancellation.cancelled() != asio::cancellation_type::none) co_return result<>();
      command look{"CONFIG", "GET", names[i]};
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
