#pragma once

#include <mooring/cache/disposal_reason.hpp>
#include <mooring/core/awaitable.hpp>
#include <mooring/core/error.hpp>

#include <functional>
#include <optional>
#include <utility>
#include <variant>

namespace mooring {

/** What a check found out about a cached value. An error instead of a verdict is transient: nothing is known. */
enum class verdict {
  alive,    ///< Still what a load would give.
  expired,  ///< To be closed and loaded again.
};

/** @brief What a check gives: a verdict or an error at once, or an awaitable of one. At once costs no coroutine. */
class check_answer {
 public:
  check_answer(verdict known) : answer_(result<verdict>(known)) {}
  check_answer(errc failure) : answer_(result<verdict>(make_error_code(failure))) {}
  check_answer(error_code failure) : answer_(result<verdict>(failure)) {}
  check_answer(result<verdict> known) : answer_(known) {}
  check_answer(awaitable<result<verdict>> later) : answer_(std::move(later)) {}

  /** @brief The verdict or error; null when it has to be awaited. */
  result<verdict> const* known() const noexcept { return std::get_if<0>(&answer_); }

  /** @brief The awaitable. Requires: `known()` is null; called once. */
  awaitable<result<verdict>> later() && { return std::get<1>(std::move(answer_)); }

 private:
  std::variant<result<verdict>, awaitable<result<verdict>>> answer_;
};

/** @brief What a load gives: a value, nothing or an error at once, or an awaitable of one. At once costs no task. */
template <class Value>
class load_answer {
 public:
  using outcome_type = result<std::optional<Value>>;

  load_answer(Value found) : answer_(outcome_type(std::optional<Value>(std::move(found)))) {}
  load_answer(std::optional<Value> found) : answer_(outcome_type(std::move(found))) {}
  load_answer(std::nullopt_t) : answer_(outcome_type(std::optional<Value>())) {}
  load_answer(errc failure) : answer_(outcome_type(make_error_code(failure))) {}
  load_answer(error_code failure) : answer_(outcome_type(failure)) {}
  load_answer(outcome_type known) : answer_(std::move(known)) {}
  load_answer(awaitable<outcome_type> later) : answer_(std::move(later)) {}

  /** @brief The outcome; null when it has to be awaited. */
  outcome_type* known() noexcept { return std::get_if<0>(&answer_); }

  /** @brief The awaitable. Requires: `known()` is null; called once. */
  awaitable<outcome_type> later() && { return std::get<1>(std::move(answer_)); }

 private:
  std::variant<outcome_type, awaitable<outcome_type>> answer_;
};

/** @brief What a cache asks of its user. All run outside every lock and may call `set`, `erase` and `peek` of the cache; none may await its `close`.
 *
 *  Functions are called concurrently, on any thread. They are kept until the cache is gone and the last call has ended.
 */
template <class Key, class Value>
struct cache_callbacks {
  /** Makes the value of a key; an empty optional when there is none. Runs on the cache's executor. An exception counts as `errc::load_failed`.
   *  Cancelled (terminal) when nobody waits any more; a value that it makes in spite of that is disposed of. Required. */
  std::function<load_answer<Value>(Key)> load;

  /** Whether a cached value is still valid. Runs in a get that needs it; key and value live, and the value stays open, until it has ended; only
   *  the deadline of `close` closes a value under its check. What it answers at once is for the get that asked; several threads may ask at once. An awaitable
   *  is shared by all who come while it runs, one at a time for each value.
   *  An error or exception is transient. Cancelled (terminal) when its get leaves: it then ends with `errc::cancelled` or throws Asio's `operation_aborted`, both
   *  taken for nothing else, and another waiter asks again. Required. */
  std::function<check_answer(Key const&, Value const&)> check;

  /** Closes a value; called once for each value that left, unless it was wrapped. Runs on the cache's executor, and holds up nothing but `close`.
   *  Empty: nothing is to be done but to destroy it. */
  std::function<awaitable<void>(Key, Value, disposal_reason)> dispose;
};

}  // namespace mooring
