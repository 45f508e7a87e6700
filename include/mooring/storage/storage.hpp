#pragma once

#include <mooring/core/awaitable.hpp>
#include <mooring/core/call_options.hpp>
#include <mooring/core/error.hpp>
#include <mooring/storage/revision.hpp>
#include <mooring/storage/text_map.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace mooring {

/** Facts that each replica may overwrite, beside the shared value: last writer wins, never compared, no new revision. Kept within `text_limits`. */
using hint_map = text_map;

/** What a storage holds under an id. */
template <class T>
struct stored {
  stored() = default;
  stored(mooring::revision r, T v, hint_map h) : revision(r), value(std::move(v)), hints(std::move(h)) {}

  mooring::revision revision;
  T value{};
  hint_map hints;
};

/** @brief How a write ended: the new revision, no revision (the id is absent), or an error; and which revision it stored or would have stored.
 *
 *  When the error is `errc::ambiguous`, one `peek` settles it: the write was carried out if the stored revision equals `attempted()`.
 */
class [[nodiscard]] write_outcome : public result<std::optional<revision>> {
 public:
  using base = result<std::optional<revision>>;

  write_outcome() = default;
  write_outcome(error_code error, revision attempted = {}) : base(error), attempted_(attempted) {}
  write_outcome(errc error, revision attempted = {}) : base(make_error_code(error)), attempted_(attempted) {}
  static write_outcome written(revision r) { return write_outcome(std::optional(r), r); }
  static write_outcome absent() { return write_outcome(std::optional<revision>(), revision()); }

  /** Stored: neither an error nor absent. */
  bool is_written() const noexcept { return has_value() && value().has_value(); }
  bool is_absent() const noexcept { return has_value() && !value().has_value(); }

  /** The revision stored, or the one that an ambiguous write would have stored; none when nothing was sent. */
  revision attempted() const noexcept { return attempted_; }

 private:
  write_outcome(std::optional<revision> v, revision attempted) : base(v), attempted_(attempted) {}

  revision attempted_;
};

/** What `create` may set besides its deadline. */
struct create_options {
  /** As in `call_options`. */
  std::optional<duration> deadline;
  /** A shorter time to live for this record until it is next slid; above zero, and never more than the storage's TTL. A `load` slides to that again, unless
   *  `is_fixed`. */
  std::optional<duration> ttl;
  /** The record expires `ttl` after its creation whoever asks for it, until an `update` makes it an ordinary record. Needs `ttl`. */
  bool is_fixed = false;
};

static_assert(std::is_trivially_destructible_v<create_options>);

/** @brief Keeps values under ids, with a sliding time to live, for one process or for all replicas.
 *
 *  An id is 1 to 256 bytes of visible ASCII. A value is changed only under a fresh revision; hints are changed beside it.
 *  Every operation has its own deadline, and says apart what was found, what is absent, what is not known, and what is ambiguous.
 *
 *  @par Errors  Of every operation, besides those it names:
 *   - `errc::invalid_id`         the id breaks the rule. Nothing was sent.
 *   - `errc::unavailable`        the store cannot be asked. Nothing was written; retryable.
 *   - `errc::deadline_exceeded`  time ran out, and certainly nothing was changed.
 *   - `errc::ambiguous`          a write was sent and its reply lost. Never sent again.
 *   - `errc::cancelled`          cancelled before anything was sent.
 *   - `errc::closed`             `close` was called before.
 *   - `errc::corrupt_record`     what is stored cannot be read (operations that read). It can be erased.
 *  @par Cancellation   Before sending: all types, no effect. Later: a read ends with `cancelled`, a write with `ambiguous`. The caller's cancellation state is
 *       not changed. `load`, `peek` and `touch` count as reads: an expiry that may have been slid is no ambiguity.
 *  @par Deadline       `call.deadline`, from now, at least 1 ns; empty: the storage's own. One for the whole call, whatever it waits for.
 *  @par Ordering       The operations on one id are linearizable: each takes effect at one moment between its start and its end; an ambiguous write at one, or
 *       never. After `erase` returned, no write on an earlier revision succeeds.
 *  @par Thread safety  Any thread, concurrently with every member. Resumes on the caller's executor. Nothing is locked while suspended. Arguments are copied. The
 *       storage outlives its calls, or is closed first.
 *  @par Complexity     Of every operation: one look-up or one round trip, linear in the size of the value.
 */
template <class T>
class storage {
 public:
  using value_type = T;

  storage() = default;
  storage(storage const&) = delete;
  storage& operator=(storage const&) = delete;
  virtual ~storage() = default;

  /** @brief Stores a value under an absent id, with no hints, and a fresh revision.
   *  @param id     Whose record.
   *  @param value  What to store, within the storage's limits.
   *  @param call   Besides the deadline: a shorter time to live, and whether it is fixed.
   *  @return The revision; never absent.
   *  @par Errors
   *   - `errc::exists`            the id is taken. Value, revision and expiry stay.
   *   - `errc::too_large`         `value` is over a limit.
   *   - `errc::invalid_argument`  `value` is null or not UTF-8, `call.ttl` is not above zero, or `is_fixed` comes without one.
   *   - `errc::storage_full`      no room, also after what has expired was dropped.
   */
  virtual awaitable<write_outcome> create(std::string id, T value, create_options call = {}) = 0;

  /** @brief Replaces the value of a present id, whatever its revision. Hints stay; the expiry is slid.
   *  @return The new revision; none, when the id is absent: nothing is created.
   *  @par Errors  `errc::too_large`, `errc::invalid_argument`: as for `create`.
   */
  virtual awaitable<write_outcome> update(std::string id, T value, call_options call = {}) = 0;

  /** @brief As above, only while the stored revision is `expected`. Comparing and writing are one step.
   *  @param expected  As a write or a read gave it for this id.
   *  @return As above.
   *  @par Errors  As above, and `errc::conflict`: another revision is stored. Nothing changed, the expiry included.
   */
  virtual awaitable<write_outcome> update(std::string id, T value, revision expected, call_options call = {}) = 0;

  /** @brief Creates or replaces without condition, with a full TTL and no hints.
   *  @return The revision; never absent.
   *  @par Errors  `errc::too_large`, `errc::invalid_argument`, `errc::storage_full`: as for `create`.
   */
  virtual awaitable<write_outcome> store(std::string id, T value, call_options call = {}) = 0;

  /** @brief Replaces the hints of a present id and slides the expiry; value and revision stay.
   *  @return False when the id is absent: nothing is created.
   *  @par Errors  `errc::too_large`, `errc::invalid_argument`: the hints break a limit, or are not UTF-8.
   */
  virtual awaitable<result<bool>> update_hints(std::string id, hint_map hints, call_options call = {}) = 0;

  /** @brief Reads and slides the expiry in one step.
   *  @return What is stored; nothing when the id is absent.
   *  @par Errors  Those of every operation.
   */
  virtual awaitable<result<std::optional<stored<T>>>> load(std::string id, call_options call = {}) = 0;

  /** @brief Reads and moves nothing.  @return As `load`.  @par Errors  Those of every operation. */
  virtual awaitable<result<std::optional<stored<T>>>> peek(std::string id, call_options call = {}) = 0;

  /** @brief Slides the expiry.  @return False when the id is absent.  @par Errors  Those of every operation. */
  virtual awaitable<result<bool>> touch(std::string id, call_options call = {}) = 0;

  /** @brief Removes.  @return Whether anything was there; false is success. Repeating it is safe.  @par Errors  Those of every operation. */
  virtual awaitable<result<bool>> erase(std::string id, call_options call = {}) = 0;

  /** @brief Removes only what has the revision `expected`.
   *  @return False when the id is absent.
   *  @par Errors  Those of every operation, and `errc::conflict`: another revision is stored, and stays.
   */
  virtual awaitable<result<bool>> erase(std::string id, revision expected, call_options call = {}) = 0;

  /** @brief Drops what has expired; never a live entry.
   *  @return How many; zero where the store expires by itself.
   *  @par Errors      Those of every operation, but for those of ids and records. What was dropped before stays dropped.
   *  @par Complexity  Linear in what is dropped.
   */
  virtual awaitable<result<std::size_t>> erase_expired(call_options call = {}) = 0;

  /** @brief Ends pending operations with their result or `closed`, and later ones with `closed`. Repeatable, concurrently too.
   *  @par Errors        None.
   *  @par Cancellation  None.
   */
  virtual awaitable<void> close() = 0;

  /** @brief How long a record lives after it was last touched; empty where the storage cannot say. */
  virtual std::optional<duration> ttl() const noexcept { return std::nullopt; }

  /** @brief The revision of an id as `load` would find it, the expiry slid, where the storage can say so without suspending.
   *
   *  Costs no coroutine.
   *  @return Nothing where the storage has to suspend: then `load`. Inside: as `load`.
   *  @par Errors  Those of every operation that can be told without suspending.
   */
  virtual std::optional<result<std::optional<revision>>> load_revision_at_once(std::string_view id) {
    static_cast<void>(id);
    return std::nullopt;
  }

  /** @brief A number that goes up once what was acknowledged before may have been lost, because another server may have taken over. Never goes back.
   *
   *  What was read under one number proves nothing under the next. Zero for ever where nothing can be lost. Costs next to nothing.
   */
  virtual std::uint64_t epoch() const noexcept { return 0; }

  /** @brief Whether what was written is kept by as many servers as the storage was told to ask for: waits for them to say so.
   *
   *  @param since  `epoch()` as it was before the write.
   *  @return True, too, where none were to be asked for: then at once. False: too few said so in time, or the epoch has gone up since.
   *  @par Errors  Those of every operation: it is not known.
   */
  virtual awaitable<result<bool>> confirm_replication([[maybe_unused]] std::uint64_t since, [[maybe_unused]] call_options call = {}) { co_return true; }
};

}  // namespace mooring
