#pragma once

#include <mooring/core/awaitable.hpp>
#include <mooring/core/clock.hpp>
#include <mooring/core/entropy.hpp>
#include <mooring/core/error.hpp>
#include <mooring/core/identifier.hpp>
#include <mooring/core/log.hpp>
#include <mooring/core/task_scope.hpp>
#include <mooring/storage/detail/admit.hpp>
#include <mooring/storage/detail/local_table.hpp>
#include <mooring/storage/storage.hpp>
#include <mooring/storage/value_traits.hpp>

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace mooring {

struct local_storage_options {
  /** Sliding: how long a record lives after it was last touched. Above zero. */
  duration ttl = std::chrono::minutes(30);
  /** How long a record may live from its creation, however often it is touched. Empty means without end; else at least `ttl`. */
  std::optional<duration> absolute_lifetime;
  /** How many records, expired ones that no sweep has met included. Above zero. */
  std::size_t max_entries = 100'000;
  /** Between two sweeps. Empty means half of `ttl`; at least 1 ms. */
  std::optional<duration> sweep_interval;
  /** False: no sweep runs in the background; whoever wants memory back calls `erase_expired`. What has expired is absent in either case. */
  bool is_sweeping = true;
  /** What values and hints keep. */
  text_limits limits;
  /** Told of values that fail to close. */
  log_sink log;
};

namespace detail {

/** Success, or `errc::invalid_argument` and a sentence. */
result<> check_local_options(local_storage_options const& options, std::string* why);

/** Calls `drop_one` every `interval` until it finds nothing more to drop; ends when cancelled. */
awaitable<void> sweep_regularly(std::function<bool()> drop_one, duration interval);

}  // namespace detail

/** @brief Keeps values in the memory of this process.
 *
 *  Every operation answers without suspending. Expiry is decided by the clock of the executor's context, never by the wall clock; where `ttl` is 20 s or more,
 *  by its coarse reading (`clock_service::recent`, at most 20 ms behind). Values are copied in and out under a mutex: a copy of `T` must not call the storage.
 *
 *  A background task drops what has expired. It keeps the context's `run()` from returning until the storage is closed or destroyed.
 *  What it drops, and what `close` empties, is closed through `value_traits<T>::close`; what a caller erases or replaces is the caller's to close.
 *
 *  @par Errors         Those of `storage`, but for `unavailable` (the random source failed, at a write), `ambiguous` and `corrupt_record`: never.
 *  @par Cancellation   Before an operation begins, all types; it never waits. `erase_expired` asks between two records.
 *  @par Deadline       Asked before an operation begins. There is no default.
 *  @par Ordering       One order of all operations, that in which they had the mutex.
 *  @par Thread safety  Any thread, concurrently with every member. One mutex guards the table; nothing of a caller's but copies of `T` runs under it.
 *       Operations that have not ended when the storage is destroyed end with `closed`.
 *  @par Complexity     One look-up; `create` and `store` add a place in a heap, logarithmic in the number of records.
 */
template <class T>
class local_storage final : public storage<T> {
 public:
  /** @brief Checks the options and makes an empty storage; starts its sweep on `ex`.
   *
   *  @param ex       Its context's clock decides every expiry.
   *  @param options  Each keeps the rule beside it.
   *  @param why      Where given, is set to a sentence naming option, value, rule and remedy, when the options are refused.
   *  @return The storage, ready.
   *  @par Errors  `errc::invalid_argument`: an option breaks its documented rule.
   */
  static result<std::shared_ptr<local_storage>> make(executor ex, local_storage_options options = {}, std::string* why = nullptr) {
    if (auto checked = detail::check_local_options(options, why); !checked) return checked.error();
    return std::shared_ptr<local_storage>(new local_storage(std::move(ex), std::move(options)));
  }

  /** Destroying without `close` is safe: values are destroyed, not closed. */
  ~local_storage() override { core_->table.clear(); }

  awaitable<write_outcome> create(std::string id, T value, create_options call = {}) override {
    return create_in(core_, std::move(id), std::move(value), call);
  }

  awaitable<write_outcome> update(std::string id, T value, call_options call = {}) override {
    return update_in(core_, std::move(id), std::move(value), std::nullopt, call);
  }

  awaitable<write_outcome> update(std::string id, T value, revision expected, call_options call = {}) override {
    return update_in(core_, std::move(id), std::move(value), expected, call);
  }

  awaitable<write_outcome> store(std::string id, T value, call_options call = {}) override {
    return store_in(core_, std::move(id), std::move(value), call);
  }

  awaitable<result<bool>> update_hints(std::string id, hint_map hints, call_options call = {}) override {
    return update_hints_in(core_, std::move(id), std::move(hints), call);
  }

  awaitable<result<std::optional<stored<T>>>> load(std::string id, call_options call = {}) override {
    return read_from(core_, std::move(id), table::reading::sliding, call);
  }

  awaitable<result<std::optional<stored<T>>>> peek(std::string id, call_options call = {}) override {
    return read_from(core_, std::move(id), table::reading::still, call);
  }

  awaitable<result<bool>> touch(std::string id, call_options call = {}) override { return touch_in(core_, std::move(id), call); }

  awaitable<result<bool>> erase(std::string id, call_options call = {}) override {
    return erase_from(core_, std::move(id), std::nullopt, call);
  }

  awaitable<result<bool>> erase(std::string id, revision expected, call_options call = {}) override {
    return erase_from(core_, std::move(id), expected, call);
  }

  /** @brief As the contract says. A cancellation or deadline between two records ends it with that error, and the rest is left for the next sweep. */
  awaitable<result<std::size_t>> erase_expired(call_options call = {}) override { return erase_expired_from(core_, call); }

  /** @brief Refuses further work, closes every value and empties the storage, then joins the sweep. */
  awaitable<void> close() override {
    core_->table.close();
    co_await sweeping_.close();
  }

  std::optional<result<std::optional<revision>>> load_revision_at_once(std::string_view id) override {
    auto found = core_->table.touch(id, core_->now());
    if (found && !*found && !is_valid_id(id)) return result<std::optional<revision>>(make_error_code(errc::invalid_id));
    return found;
  }

  std::optional<duration> ttl() const noexcept override { return core_->ttl; }

  /** @brief How many records are live at this moment.
   *  @par Errors      None.
   *  @par Complexity  Linear in the records whose expiry was due for a look, which is those that expired and those that moved.
   */
  std::size_t size() const { return core_->table.size(core_->now()); }

  /** @brief Shows each record that is live when its turn comes, at most once. No lock is held meanwhile: the visitor may call the storage.
   *  @par Errors      None of its own; what the visitor throws ends it and is passed on.
   *  @par Complexity  Linear in the records, of which each is copied.
   */
  void for_each(std::function<void(std::string const& id, stored<T> const& record)> const& visit) const {
    for (auto const& id : core_->table.ids()) {
      auto const found = core_->table.read(id, table::reading::still, core_->now());
      if (found && *found) visit(id, **found);
    }
  }

 private:
  using table = detail::local_table<T>;

  // What operations hold, so that one that outlives the storage finds an empty, closed table.
  struct core {
    core(executor const& ex, local_storage_options const& options)
        : table({options.ttl, options.absolute_lifetime}, options.max_entries, options.log),
          limits(options.limits),
          ttl(options.ttl),
          clock(clock_of(ex)),
          entropy(entropy_of(ex)),
          is_coarse(options.ttl >= std::chrono::seconds(20)) {}

    time_point now() const noexcept { return is_coarse ? clock.recent() : clock.now(); }

    detail::local_table<T> table;
    text_limits const limits;
    duration const ttl;
    clock_service& clock;
    entropy_service& entropy;
    bool const is_coarse;  // 20 ms are at most a thousandth of the TTL, and the coarse reading costs a fifth
  };
  using core_pointer = std::shared_ptr<core>;

  local_storage(executor ex, local_storage_options options) : core_(std::make_shared<core>(ex, options)), sweeping_(ex, options.log) {
    if (!options.is_sweeping) return;
    auto drop_one = [held = core_] {
      auto const dropped = held->table.drop_one_expired(held->now());
      return dropped && *dropped;
    };
    auto const interval = options.sweep_interval.value_or(std::max<duration>(options.ttl / 2, std::chrono::milliseconds(1)));
    sweeping_.spawn(detail::sweep_regularly(std::move(drop_one), interval));
  }

  static awaitable<write_outcome> create_in(core_pointer held, std::string id, T value, create_options call) {
    auto const state = co_await asio::this_coro::cancellation_state;
    if (auto admitted = detail::admit(id, call, state.cancelled()); !admitted) co_return admitted.error();
    if (auto checked = value_traits<T>::check(value, held->limits); !checked) co_return checked.error();
    auto const fresh = revision::fresh(held->entropy);
    if (!fresh) co_return fresh.error();
    co_return held->table.create(std::move(id), std::move(value), call.ttl, call.is_fixed, *fresh, held->now());
  }

  static awaitable<write_outcome> store_in(core_pointer held, std::string id, T value, call_options call) {
    auto const state = co_await asio::this_coro::cancellation_state;
    if (auto admitted = detail::admit(id, call.deadline, state.cancelled()); !admitted) co_return admitted.error();
    if (auto checked = value_traits<T>::check(value, held->limits); !checked) co_return checked.error();
    auto const fresh = revision::fresh(held->entropy);
    if (!fresh) co_return fresh.error();
    co_return held->table.store(std::move(id), std::move(value), *fresh, held->now());
  }

  static awaitable<write_outcome> update_in(core_pointer held, std::string id, T value, std::optional<revision> expected, call_options call) {
    auto const state = co_await asio::this_coro::cancellation_state;
    if (auto admitted = detail::admit(id, call.deadline, state.cancelled()); !admitted) co_return admitted.error();
    if (auto checked = value_traits<T>::check(value, held->limits); !checked) co_return checked.error();
    auto const fresh = revision::fresh(held->entropy);
    if (!fresh) co_return fresh.error();
    co_return held->table.update(id, std::move(value), expected, *fresh, held->now());
  }

  static awaitable<result<bool>> update_hints_in(core_pointer held, std::string id, hint_map hints, call_options call) {
    auto const state = co_await asio::this_coro::cancellation_state;
    if (auto admitted = detail::admit(id, call.deadline, state.cancelled()); !admitted) co_return admitted.error();
    if (auto checked = check_text_map(hints, held->limits); !checked) co_return checked.error();
    co_return held->table.update_hints(id, std::move(hints), held->now());
  }

  static awaitable<result<std::optional<stored<T>>>> read_from(core_pointer held, std::string id, typename table::reading how, call_options call) {
    auto const state = co_await asio::this_coro::cancellation_state;
    if (auto admitted = detail::admit(id, call.deadline, state.cancelled()); !admitted) co_return admitted.error();
    co_return held->table.read(id, how, held->now());
  }

  static awaitable<result<bool>> touch_in(core_pointer held, std::string id, call_options call) {
    auto const state = co_await asio::this_coro::cancellation_state;
    if (auto admitted = detail::admit(id, call.deadline, state.cancelled()); !admitted) co_return admitted.error();
    auto const found = held->table.touch(id, held->now());
    if (!found) co_return found.error();
    co_return found->has_value();
  }

  static awaitable<result<bool>> erase_from(core_pointer held, std::string id, std::optional<revision> expected, call_options call) {
    auto const state = co_await asio::this_coro::cancellation_state;
    if (auto admitted = detail::admit(id, call.deadline, state.cancelled()); !admitted) co_return admitted.error();
    co_return held->table.erase(id, expected, held->now());
  }

  static awaitable<result<std::size_t>> erase_expired_from(core_pointer held, call_options call) {
    auto const state = co_await asio::this_coro::cancellation_state;
    auto const end = call.deadline ? saturating_add(held->clock.now(), *call.deadline) : time_point::max();
    for (std::size_t dropped = 0;; ++dropped) {
      if (state.cancelled() != asio::cancellation_type::none) co_return make_error_code(errc::cancelled);
      if (held->clock.now() >= end) co_return make_error_code(errc::deadline_exceeded);
      auto const one = held->table.drop_one_expired(held->now());
      if (!one) co_return one.error();
      if (!*one) co_return dropped;
    }
  }

  core_pointer const core_;
  task_scope sweeping_;
};

}  // namespace mooring
