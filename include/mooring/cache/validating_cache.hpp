#pragma once

#include <mooring/cache/cache_callbacks.hpp>
#include <mooring/cache/cache_key.hpp>
#include <mooring/cache/cache_options.hpp>
#include <mooring/cache/cache_statistics.hpp>
#include <mooring/cache/detail/cache_core.hpp>
#include <mooring/cache/disposal_reason.hpp>
#include <mooring/cache/lease.hpp>
#include <mooring/core/awaitable.hpp>
#include <mooring/core/call_options.hpp>
#include <mooring/core/error.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mooring {

/** What becomes of the value that `set` puts out of its place. */
enum class old_value {
  dispose,  ///< It is disposed of (`replaced`) after its last lease.
  wrapped,  ///< The new value owns it: it is not disposed of.
};

/** @brief What a conditional `set` did. */
template <class Value>
struct set_outcome {
  set_outcome() = default;
  explicit set_outcome(lease<Value> now_cached) : stored(std::move(now_cached)) {}
  explicit set_outcome(Value handed_back) : refused(std::move(handed_back)) {}

  bool is_stored() const noexcept { return !refused.has_value(); }

  lease<Value> stored;           ///< The value under its lease, if it was stored.
  std::optional<Value> refused;  ///< Otherwise the value, handed back: it is the caller's, and was never in the cache.
};

/** What `try_get` found. */
enum class try_get_status { hit, needs_get };

/** @brief What `try_get` gives: a lease, or the news that only `get` can tell. */
template <class Value>
struct try_get_outcome {
  explicit operator bool() const noexcept { return status == try_get_status::hit; }

  try_get_status status = try_get_status::needs_get;
  lease<Value> leased;  ///< Never empty on a hit.
};

/** @brief A bounded map from keys to values that are loaded once, checked before use, leased, and closed exactly once.
 *
 *  At most one load or check runs per key and generation; whoever asks meanwhile joins it. `set` and `erase` begin a new generation: what began before
 *  is not given to later callers. Over capacity the least recently used value that nobody leases leaves first.
 *
 *  Invariants: `size()` never exceeds the capacity. Every value from a load or `set` is cached, or disposed of once with one reason.
 *
 *  A plain mutex guards the bookkeeping, and is never held across a suspension, a callback or a completion. `Value` is a cheap copyable handle, such as
 *  a `shared_ptr`, and equality-comparable; moving it, and hashing and comparing keys, do not throw.
 *  Key and value themselves are small, at most 2000 bytes together and aligned to 16 at most: entries lie side by side in blocks, which are kept for reuse.
 *
 *  Closing: `close()` refuses new calls, ends waiters, cancels flights, disposes of every value and waits for that. Destroying without `close` ends
 *  waiters with `errc::closed`, cancels what runs, and destroys the values without calling `dispose`: no callback begins after the destructor.
 *  Leases stay usable.
 *
 *  A get may be awaited on another context than the cache's. Such a context is destroyed while nothing else is at work for the cache, neither a member nor a
 *  thread of its executor: whoever wakes a get, or stops the check that a get with a deadline began, posts to the get's executor. Where no get has a deadline,
 *  it may also be destroyed at any time after its gets have ended.
 *
 *  @par Thread safety  Any thread, every member. Only the destructor needs that no member runs; awaitables that are suspended may be.
 */
template <class Key, class Value, class Hash = cache_hash<Key>, class Equal = std::equal_to<>>
class validating_cache {
  using core = detail::cache_core<Key, Value, Hash, Equal>;

 public:
  using key_view = cache_key_view<Key, Hash>;
  using lease_type = lease<Value>;
  using callbacks_type = cache_callbacks<Key, Value>;

  /** @brief A watch over one key: current until a `set`, `erase` or `close` that touches it. Move-only; ends with its owner, also after the cache. */
  class generation {
   public:
    generation(generation&& other) noexcept : core_(std::move(other.core_)), fence_(std::exchange(other.fence_, nullptr)) {}
    generation& operator=(generation&&) = delete;
    ~generation() {
      if (fence_) core_->end_watch(*fence_);
    }

    /** @brief Whether nothing came between yet. */
    bool is_current() const noexcept { return fence_ && core_->is_current(*fence_); }

   private:
    friend class validating_cache;
    generation(std::shared_ptr<core> of, detail::cache_flight& fence) noexcept : core_(std::move(of)), fence_(&fence) {}

    std::shared_ptr<core> core_;
    detail::cache_flight* fence_;
  };

  /** @brief Makes a cache.
   *  @param ex         Where loads and disposals run; its context is destroyed after the cache. No strand, if a lease may be released after the context has gone: it
   *                    is kept until the last one is.
   *  @param callbacks  `load` and `check` are required.
   *  @param why        Where given, set to a sentence that names the refused value and the rule.
   *  @par Errors  `errc::invalid_argument`: a callback is missing, or an option breaks its rule.
   */
  static result<std::unique_ptr<validating_cache>> make(executor ex, callbacks_type callbacks, cache_options options = {}, std::string* why = nullptr);

  ~validating_cache();
  validating_cache(validating_cache const&) = delete;
  validating_cache& operator=(validating_cache const&) = delete;

  /** @brief The value of a key, checked or freshly loaded.
   *
   *  A cached value is checked (unless a check ended at most `check_interval` ago) and returned; an expired one is disposed of and loaded again in the
   *  same call. A key without a value is loaded. A load or check that runs already is joined.
   *
   *  @param key   Whose value.
   *  @param call  `deadline`: from now, for the whole call; empty means none.
   *  @return A lease; an empty one when the load found nothing.
   *  @par Errors
   *   - any error of the load, given to all its waiters and, within `failure_backoff`, to later callers, unless it is
   *     `errc::busy`; `errc::load_failed` when it threw.
   *   - the error of the check, when it is transient and the last good check is older than `max_stale`; `errc::unavailable` when it threw.
   *   - `errc::deadline_exceeded`  this call's deadline, or `load_timeout`, passed.
   *   - `errc::cancelled`          this caller was cancelled.
   *   - `errc::busy`               `max_flights` or `max_waiters` is reached.
   *   - `errc::closed`             the cache was closed or destroyed.
   *  @par Cancellation   Terminal, partial and total, while it waits; only this caller ends. A load goes on for the others, a check is taken over by one
   *       of them. A check that runs in this call hears the caller's own cancellation. The caller's cancellation state is not changed.
   *  @par Deadline       One for the whole call. A timer is armed only if the call has to wait. With a deadline, a check that does not answer at once
   *       runs as a task of the cache on the caller's executor, so that it cannot hold the call up.
   *  @par Ordering       The result rests on a check or load that ran while this call did, but for `check_interval`, `max_stale` and `negative_ttl`. A
   *       call that starts after `set` or `erase` returned sees it.
   *  @par Thread safety  Any thread. Resumes on the caller's executor, never inside another's stack. Nothing is locked while suspended or in a callback.
   *  @par Complexity     One look-up. A hit whose check answers at once does not suspend, and allocates nothing but the key's copy.
   */
  awaitable<result<lease_type>> get(Key key, call_options call = {});

  /** @brief As `get`, without a copy of the key: what `key` refers to must live until the call has ended. Await it at once, where the key is at hand. */
  awaitable<result<lease_type>> get_borrowed(key_view key, call_options call = {});

  /** @brief A cached value, if that can be told without suspending: no check is needed, or it answers `alive` at once. Counts as use.
   *  @return Otherwise `needs_get`, and nothing was started.
   *  @par Errors         None: whatever is wrong, `get` says.
   *  @par Complexity     One look-up; no coroutine, no allocation.
   */
  try_get_outcome<Value> try_get(key_view key);

  /** @brief As `try_get`, if `accepts(value)` says so. Otherwise `needs_get`: no check was asked, and it is no use.
   *  @param accepts  Runs under the cache's mutex, as the comparison of `set_if` does: it must be brief, must not throw and must not use the cache.
   */
  template <class Accepts>
  try_get_outcome<Value> try_get_if(key_view key, Accepts const& accepts);

  /** @brief The cached value, unchecked; no load, no change of order. Empty when there is none. */
  lease_type peek(key_view key) const;

  /** @brief Stores a value and begins a new generation: flights of the key end with it, and what they made is disposed of (`lost_race`).
   *
   *  The very object that is cached already stays, and nothing is disposed of. The value counts as checked now.
   *
   *  @param old  What becomes of the value that was cached.
   *  @return A lease of the stored value.
   *  @par Errors  `errc::closed`: the value was not taken and is not disposed of.
   */
  result<lease_type> set(Key key, Value value, old_value old = old_value::dispose);

  /** @brief As `set`, only while the cached value is still `expected`. Comparing and storing are one step. Closed: refused. */
  set_outcome<Value> set_if(Key key, Value const& expected, Value next, old_value old = old_value::dispose);

  /** @brief As `set`, only if no `set`, `erase` or `close` happened to the generation's key since `begin`. */
  set_outcome<Value> set_if(generation const& unchanged, Value next, old_value old = old_value::dispose);

  /** @brief Begins to watch a key, to store later what was made outside, if nothing came between. A `get` that loads changes nothing. */
  generation begin(Key key);

  /** @brief Takes a value out, with the caller's reason, and begins a new generation, whether one was cached or not.
   *
   *  Flights of the key do not give their result to anybody: their waiters go on with a fresh load.
   *
   *  @return Whether a value was cached.
   */
  bool erase(key_view key, disposal_reason reason = disposal_reason::terminated);

  /** @brief As `erase`, only while the cached value is `expected`. Otherwise nothing changes, and it says false. */
  bool erase_if(key_view key, Value const& expected, disposal_reason reason = disposal_reason::terminated);

  /** @brief Begins a new generation, only while nothing is cached: flights of the key do not give their result to anybody, as by `erase`.
   *  @return Whether nothing was cached. Otherwise nothing changes.
   */
  bool end_flights(key_view key);

  /** @brief The cached keys at this moment, the most recently used first. Linear; for sweeps. */
  std::vector<Key> keys() const;

  /** @brief How many values are cached; never above the capacity. */
  std::size_t size() const;

  /** @brief One consistent snapshot. */
  cache_statistics stats() const;

  /** @brief Ends everything: new calls and waiters with `errc::closed`, flights cancelled, values disposed of (`shutdown`) after their last lease.
   *
   *  @param call  `deadline`: how long leases and disposals may take; empty means `drain_deadline`. Then leases are revoked and their values disposed
   *       of, and disposals that still run are cancelled.
   *  @par Errors         None.
   *  @par Cancellation   None: it ends by its deadline. The caller's cancellation state is not changed.
   *  @par Ordering       Returns when all is closed, or at the deadline; twice, early and concurrent all work, each with its own deadline, and the
   *       earliest counts. No callback runs afterwards, unless it ignored its cancellation for a second.
   *  @par Thread safety  Any thread. Not to be awaited by a callback of this cache.
   */
  awaitable<void> close(call_options call = {});

 private:
  explicit validating_cache(std::shared_ptr<core> made) noexcept : core_(std::move(made)) {}

  std::shared_ptr<core> const core_;
};

}  // namespace mooring

#include <mooring/cache/detail/validating_cache_impl.hpp>
