#pragma once

#include <mooring/core/awaitable.hpp>
#include <mooring/core/clock.hpp>
#include <mooring/core/error.hpp>
#include <mooring/core/log.hpp>
#include <mooring/storage/storage.hpp>
#include <mooring/storage/value_traits.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

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

/** @brief Keeps values in the memory of this process.
 *
 *  Every operation answers without suspending. Expiry is decided by the clock of the executor's context, never by the wall clock.
 *  Values are copied in and out, under a mutex: a copy constructor of `T` must not call the storage.
 *
 *  A background task drops what has expired. It keeps the context's `run()` from returning until the storage is closed or destroyed.
 *  What it drops, or `close` empties, is closed through `value_traits<T>::close`; what a caller erases or replaces is the caller's to close.
 *
 *  @par Thread safety  Any thread, concurrently with every member. One mutex guards the table; nothing of a caller's but copies of `T` runs under it.
 */
template <class T>
class local_storage final : public storage<T> {
 public:
  /** @brief Checks the options and makes an empty storage. Does no more than start the sweep on `ex`.
   *
   *  @param why  Where given, is set to a sentence naming the option, its value and the rule, when the options are refused.
   *  @par Errors  `errc::invalid_argument`: an option breaks its documented rule.
   */
  static result<std::shared_ptr<local_storage>> make(executor ex, local_storage_options options = {}, std::string* why = nullptr);

  /** Destroying without `close` is safe: values are destroyed, not closed. */
  ~local_storage() override;

  awaitable<write_outcome> create(std::string id, T value, create_options call = {}) override;
  awaitable<write_outcome> update(std::string id, T value, call_options call = {}) override;
  awaitable<write_outcome> update(std::string id, T value, revision expected, call_options call = {}) override;
  awaitable<write_outcome> store(std::string id, T value, call_options call = {}) override;
  awaitable<result<bool>> update_hints(std::string id, hint_map hints, call_options call = {}) override;
  awaitable<result<std::optional<stored<T>>>> load(std::string id, call_options call = {}) override;
  awaitable<result<std::optional<stored<T>>>> peek(std::string id, call_options call = {}) override;
  awaitable<result<bool>> touch(std::string id, call_options call = {}) override;
  awaitable<result<bool>> erase(std::string id, call_options call = {}) override;
  awaitable<result<bool>> erase(std::string id, revision expected, call_options call = {}) override;
  awaitable<result<std::size_t>> erase_expired(call_options call = {}) override;
  awaitable<void> close() override;
  std::optional<result<std::optional<revision>>> load_revision_at_once(std::string_view id) override;

  /** @brief How many records are live at this moment. */
  std::size_t size() const;

  /** @brief Shows each record that is live when its turn comes, at most once. No lock is held meanwhile: the visitor may call the storage. */
  void for_each(std::function<void(std::string const& id, stored<T> const& record)> visit) const;

 private:
  struct passkey {};
};

}  // namespace mooring
