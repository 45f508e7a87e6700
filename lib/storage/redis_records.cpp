#include <mooring/storage/detail/redis_records.hpp>

#include "storage/record_codec.hpp"
#include "storage/redis_client.hpp"
#include "storage/redis_errors.hpp"
#include "storage/redis_scripts.hpp"

#include <mooring/core/entropy.hpp>

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string_view>
#include <utility>
#include <vector>

namespace mooring::detail {
namespace {

using command = std::vector<std::string>;
using kind = redis_reply::kind;

// Rounded up: the server counts in milliseconds, and nothing expires before its time.
std::string milliseconds(duration span) {
  auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(span);
  if (whole < span) ++whole;
  // What Redis takes for a TTL has to leave room for the present moment.
  return std::to_string(std::min<std::int64_t>(whole.count(), std::int64_t{1} << 53));
}

// What an operation learnt of one request.
struct heard {
  heard(errc e, bool sent) : error(make_error_code(e)), was_sent(sent) {}
  explicit heard(redis_answer answer) : error(answer.error), was_sent(answer.was_sent), reply(std::move(answer.reply)) {
    // A server that says no has not done it.
    if (error || reply.what != kind::error) return;
    error = make_error_code(error_of_reply(reply.text));
    was_sent = false;
  }

  error_code error;
  bool was_sent;  // with an error: the server may have carried it out
  redis_reply reply;

  bool is(std::string_view word) const { return !error && reply.what == kind::list && !reply.items.empty() && reply.items.front().text == word; }
  bool has_record() const { return is("ok") && reply.items.size() == 2; }
};

// What the words of our scripts mean that are the same for all of them, and what an answer means that none of ours gives.
error_code error_of_word(heard const& what) {
  if (what.is("conflict")) return make_error_code(errc::conflict);
  if (what.is("exists")) return make_error_code(errc::exists);
  if (what.is("corrupt")) return make_error_code(errc::corrupt_record);
  if (what.is("version")) return make_error_code(errc::unsupported_version);
  return make_error_code(errc::protocol_error);
}

write_outcome write_outcome_of(heard const& what, revision attempted) {
  if (what.error) return what.was_sent ? write_outcome(errc::ambiguous, attempted) : write_outcome(what.error);
  if (what.is("ok") || (what.reply.what == kind::text && what.reply.text == "OK")) return write_outcome::written(attempted);
  if (what.is("absent")) return write_outcome::absent();
  return error_of_word(what);
}

result<bool> change_outcome_of(heard const& what, bool is_write) {
  if (what.error) return what.was_sent && is_write ? make_error_code(errc::ambiguous) : what.error;
  if (what.is("ok")) return true;
  if (what.is("absent")) return false;
  if (what.reply.what == kind::number) return what.reply.number != 0;
  return error_of_word(what);
}

}  // namespace

struct redis_records::state {
  state(std::shared_ptr<redis_link> l, executor const& ex, redis_storage_options o)
      : link(std::move(l)), clock(clock_of(ex)), entropy(entropy_of(ex)), options(std::move(o)) {
    if (options.operation_timeout == duration::zero()) options.operation_timeout = std::chrono::seconds(5);
  }

  std::string key(std::string_view id) const { return options.key_prefix + std::string(id); }
  std::string ttl() const { return milliseconds(options.ttl); }
  std::string lifetime() const { return options.absolute_lifetime ? milliseconds(*options.absolute_lifetime) : "0"; }
  time_point end(std::optional<duration> deadline) const { return saturating_add(clock.now(), deadline.value_or(options.operation_timeout)); }

  std::shared_ptr<redis_link> const link;
  clock_service& clock;
  entropy_service& entropy;
  redis_storage_options options;
  std::atomic<bool> is_closed = false;
};

// The coroutines hold the state, so that they may outlive the object.
struct redis_records::steps {
  using state_pointer = std::shared_ptr<state>;

  static void leave_if_wrong(state& held, heard const& answer) {
    if (answer.reply.what == kind::error && ends_connection(error_of_reply(answer.reply.text))) held.link->drop();
  }

  // One command. A server that is no longer the master has not carried it out: it is left, and its successor asked once.
  static awaitable<heard> ask(state_pointer held, command sent, time_point end) {
    auto const cancellation = co_await asio::this_coro::cancellation_state;
    auto first = co_await held->link->ask(sent, end);
    heard answer(std::move(first));
    leave_if_wrong(*held, answer);
    if (answer.error != errc::wrong_master) co_return answer;
    if (cancellation.cancelled() != asio::cancellation_type::none) co_return heard(errc::cancelled, false);
    auto second = co_await held->link->ask(std::move(sent), end);
    heard last(std::move(second));
    leave_if_wrong(*held, last);
    co_return last;
  }

  // A script goes by its digest; a server that does not know it gets the text, once.
  static awaitable<heard> run(state_pointer held, redis_script const* script, std::string id, command arguments, time_point end) {
    auto const cancellation = co_await asio::this_coro::cancellation_state;
    command sent{"EVALSHA", script->digest(), "1", held->key(id), std::move(id)};
    for (auto& argument : arguments) sent.push_back(std::move(argument));
    auto answer = co_await ask(held, sent, end);
    if (!answer.error || !answer.reply.text.starts_with("NOSCRIPT")) co_return answer;
    if (cancellation.cancelled() != asio::cancellation_type::none) co_return heard(errc::cancelled, false);
    sent[0] = "EVAL";
    sent[1] = script->text();
    co_return co_await ask(held, std::move(sent), end);
  }

  static awaitable<write_outcome> create(state_pointer held, std::string id, record_body body, create_options call) {
    auto const cancellation = co_await asio::this_coro::cancellation_state;
    auto const end = held->end(call.deadline);
    auto const fresh = revision::fresh(held->entropy);
    if (!fresh) co_return fresh.error();
    auto record = write_record(id, *fresh, body);
    auto const own_ttl = call.ttl ? milliseconds(std::min(*call.ttl, held->options.ttl)) : std::string();
    if (!held->options.absolute_lifetime && !call.is_fixed) {
      command sent{"SET", held->key(id), record, "NX", "PX", own_ttl.empty() ? held->ttl() : own_ttl};
      auto const answer = co_await ask(held, std::move(sent), end);
      if (answer.error || answer.reply.what != kind::null) co_return write_outcome_of(answer, *fresh);
      // Taken. A fixed record that is past its end makes room.
      if (cancellation.cancelled() != asio::cancellation_type::none) co_return errc::exists;
    }
    command arguments{held->ttl(), held->lifetime(), own_ttl, call.is_fixed ? "fixed" : "", std::move(record)};
    auto const answer = co_await run(held, &redis_scripts::all().create, std::move(id), std::move(arguments), end);
    co_return write_outcome_of(answer, *fresh);
  }

  static awaitable<write_outcome> store(state_pointer held, std::string id, record_body body, call_options call) {
    auto const end = held->end(call.deadline);
    auto const fresh = revision::fresh(held->entropy);
    if (!fresh) co_return fresh.error();
    auto record = write_record(id, *fresh, body);
    if (!held->options.absolute_lifetime) {
      command sent{"SET", held->key(id), std::move(record), "PX", held->ttl()};
      auto const answer = co_await ask(held, std::move(sent), end);
      co_return write_outcome_of(answer, *fresh);
    }
    command arguments{held->ttl(), held->lifetime(), std::move(record)};
    auto const answer = co_await run(held, &redis_scripts::all().store, std::move(id), std::move(arguments), end);
    co_return write_outcome_of(answer, *fresh);
  }

  static awaitable<write_outcome> update(state_pointer held, std::string id, record_body body, std::optional<revision> expected, call_options call) {
    auto const end = held->end(call.deadline);
    auto const fresh = revision::fresh(held->entropy);
    if (!fresh) co_return fresh.error();
    auto const* const texts = std::get_if<text_map>(&body);
    command arguments{held->ttl(), held->lifetime(), expected ? expected->text() : std::string(), fresh->text(), texts ? "metadata" : "data"};
    arguments.push_back(texts ? write_texts(*texts) : std::get<std::string>(body));
    auto const answer = co_await run(held, &redis_scripts::all().update, std::move(id), std::move(arguments), end);
    co_return write_outcome_of(answer, *fresh);
  }

  static awaitable<result<bool>> update_hints(state_pointer held, std::string id, hint_map hints, call_options call) {
    auto const end = held->end(call.deadline);
    command arguments{held->ttl(), held->lifetime(), write_texts(hints)};
    auto const answer = co_await run(held, &redis_scripts::all().update_hints, std::move(id), std::move(arguments), end);
    co_return change_outcome_of(answer, true);
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
      if (answer.error) co_return answer.error;
      if (answer.reply.what == kind::null) co_return std::optional<raw_record>();
      if (answer.reply.what != kind::text) co_return make_error_code(errc::protocol_error);
      auto found = parse_record(id, answer.reply.text);
      if (!found) co_return found.error();
      if (!found->is_fixed) co_return std::optional<raw_record>(std::move(found->record));
      // It may be past its end, or was slid just now: the server puts that right.
      if (cancellation.cancelled() != asio::cancellation_type::none) co_return make_error_code(errc::cancelled);
    }
    command arguments{held->ttl(), held->lifetime(), is_sliding ? "slide" : ""};
    auto const answer = co_await run(held, &redis_scripts::all().read, id, std::move(arguments), end);
    if (answer.error) co_return answer.error;
    if (answer.is("absent")) co_return std::optional<raw_record>();
    if (!answer.has_record()) co_return error_of_word(answer);
    auto found = parse_record(id, answer.reply.items[1].text);
    if (!found) co_return found.error();
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
      auto const answer = co_await ask(held, std::move(sent), end);
      co_return change_outcome_of(answer, true);
    }
    command arguments{expected->text()};
    auto const answer = co_await run(held, &redis_scripts::all().erase, std::move(id), std::move(arguments), end);
    co_return change_outcome_of(answer, true);
  }

  static awaitable<void> close(state_pointer held) {
    held->is_closed = true;
    co_await held->link->close();
  }

  // Writes under a key that no id can have, and lets it go at once.
  static awaitable<result<>> ping(state_pointer held, call_options call) {
    auto const end = held->end(call.deadline);
    command sent{"SET", held->key(" ping"), "", "PX", "1"};
    auto const answer = co_await ask(held, std::move(sent), end);
    if (answer.error) co_return answer.error;
    co_return result<>();
  }
};

redis_records::redis_records(executor ex, redis_storage_options options)
    : redis_records(std::make_shared<redis_client>(ex, options), ex, options) {}

redis_records::redis_records(std::shared_ptr<redis_link> link, executor ex, redis_storage_options options)
    : state_(std::make_shared<state>(std::move(link), ex, std::move(options))) {}

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

awaitable<result<>> redis_records::ping(call_options call) const { return steps::ping(state_, call); }

awaitable<void> redis_records::close() const { return steps::close(state_); }

text_limits const& redis_records::limits() const noexcept { return state_->options.limits; }

duration redis_records::ttl() const noexcept { return state_->options.ttl; }

bool redis_records::is_closed() const noexcept { return state_->is_closed; }

}  // namespace mooring::detail
