#pragma once

#include <mooring/core/awaitable.hpp>
#include <mooring/core/call_options.hpp>
#include <mooring/core/clock.hpp>
#include <mooring/core/error.hpp>
#include <mooring/core/log.hpp>
#include <mooring/core/wall_clock.hpp>
#include <mooring/session/transport_session.hpp>
#include <mooring/storage/redis_options.hpp>
#include <mooring/storage/storage.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace mooring {

/** Makes the session of an id, a new one at each call, which is closed if it is `closable` and is not stored. Its id is that one; what it throws is logged. Runs on
 *  the caller's thread, under no lock. */
using transport_session_maker = std::function<transport_session_ptr(std::string id, wall_time now)>;

struct transport_manager_options {
  /** Sliding: how long a session lives after it was last got or stored. Above zero. Empty: that of the given storage or Redis options, else 30 min. */
  std::optional<duration> ttl;
  /** For each storage operation of a call that brings no deadline of its own. Above zero. */
  duration operation_deadline = std::chrono::seconds(5);
  /** For one run of the cleanup. Above zero. */
  duration cleanup_deadline = std::chrono::seconds(30);
  /** What `add_with_id` makes. Empty: a plain session of type `mcp`. Not together with a type. */
  transport_session_maker make_session;
  log_sink log;
};

/** @brief Keeps transport sessions under UUIDs, in this process's memory or wherever a storage keeps them.
 *
 *  Storage and manager have one time to live. A cleanup drops what has expired every half of it (never more often than 1 ms), and by hand.
 *
 *  Sessions in a `local_storage` are kept as the objects they are: each `get` of an id gives the same one, and one that expires, or is erased, replaced by another, or
 *  there when the manager stops, is closed if it is `closable`. Other storages keep what `serialize` writes, and each `get` gives an object of its own; there
 *  a change is seen by others after an `upsert`, and closing objects is their users' concern.
 *
 *  @par Errors  Of every operation, besides those it names:
 *   - `errc::closed`             `stop` was called.
 *   - `errc::unavailable`        the storage cannot be asked. Nothing was written; retryable.
 *   - `errc::deadline_exceeded`  time ran out, and certainly nothing was changed.
 *   - `errc::ambiguous`          a write was sent and its reply lost. Never sent again.
 *   - `errc::cancelled`          cancelled before anything was sent.
 *   - whatever else its storage answers.
 *  @par Cancellation   As the storage's. The caller's cancellation state is not changed.
 *  @par Deadline       `call.deadline`, else `operation_deadline`, for each storage operation.
 *  @par Thread safety  Any thread, concurrently with every member. The manager may be destroyed while operations run.
 *  @par Closing        `stop`. Destroying without it is safe: the cleanup is cancelled, and sessions in memory are destroyed without being closed.
 */
class transport_session_manager {
 public:
  using storage_pointer = std::shared_ptr<storage<transport_session_ptr>>;

  /** @brief In this process's memory.
   *
   *  @param why  Where given, is set to a sentence naming option, value and rule, when something is refused.
   *  @par Errors  `errc::invalid_argument`: an option breaks its documented rule.
   */
  static result<std::unique_ptr<transport_session_manager>> make(executor ex, transport_manager_options options = {}, std::string* why = nullptr);

  /** @brief As above; `add_with_id` makes sessions of one type: of its class, or plain ones for a type without a class. */
  static result<std::unique_ptr<transport_session_manager>> make(executor ex, std::string type, transport_manager_options options = {}, std::string* why = nullptr);

  /** @brief On a given storage, which `stop` closes.  @par Errors  As above; also for a null storage, or one whose time to live is not `options.ttl`. */
  static result<std::unique_ptr<transport_session_manager>> make(executor ex, storage_pointer store, transport_manager_options options = {}, std::string* why = nullptr);

  /** @brief On a Redis server, for all replicas that share its prefix; without Redis options, in this process's memory.
   *
   *  `options.ttl`, where given, takes the place of `redis->ttl`. No I/O: a server that cannot be reached is no error here.
   *  @par Errors  As above, and what `check(redis_storage_options)` refuses.
   */
  static result<std::unique_ptr<transport_session_manager>> make(executor ex, std::optional<redis_storage_options> redis, transport_manager_options options = {},
                                                                 std::string* why = nullptr);

  ~transport_session_manager();
  transport_session_manager(transport_session_manager const&) = delete;
  transport_session_manager& operator=(transport_session_manager const&) = delete;

  /** @brief Makes a session and stores it under an absent id.
   *  @return The session. Of concurrent calls for one id, exactly one succeeds.
   *  @par Errors
   *   - `errc::invalid_id`   not a UUID. Nothing was made.
   *   - `errc::exists`       the id is taken; what is stored is as it was.
   *   - `errc::load_failed`  the maker threw, or gave null or a session of another id.
   *   - `errc::too_large`, `errc::invalid_argument`  the session breaks a limit.
   *  What was made and is not stored is closed.
   */
  awaitable<result<transport_session_ptr>> add_with_id(std::string id, call_options call = {});

  /** @brief Stores a session under its own id, which is absent.  @par Errors  `errc::invalid_argument`: null, or as above. `errc::invalid_id`, `exists`, `too_large`. */
  awaitable<result<>> add(transport_session_ptr session, call_options call = {});

  /** @brief Stores a session under its own id, in place of what is there or as a new one, and slides its expiry. What takes the place of another keeps the moment at
   *  which that was created, and so the end of an absolute lifetime. Two storage operations, more while others write the same id.
   *  @par Errors  As `add`, but for `exists`. `errc::corrupt_record`: what is there cannot be read; it can be erased.
   */
  awaitable<result<>> upsert(transport_session_ptr session, call_options call = {});

  /** @brief The session of an id, its expiry slid.  @return Null where `get_with_error` has none; the error goes to the log. */
  awaitable<transport_session_ptr> get(std::string id, call_options call = {});

  /** @brief As above.  @return Null when there is none.
   *  @par Errors  `errc::corrupt_record`: what is stored cannot be read, or is another id's; it can be erased. `errc::invalid_id`: no id of any storage.
   */
  awaitable<result<transport_session_ptr>> get_with_error(std::string id, call_options call = {});

  /** @brief Removes.  @return Whether anything was there; false is success.  @par Errors  `errc::invalid_id`: not a UUID. */
  awaitable<result<bool>> erase(std::string id, call_options call = {});

  /** @brief Drops what has expired, now; `call.deadline`, else `cleanup_deadline`.  @return How many; zero on a storage that expires by itself. What is left when the
   *  time has run out is dropped by the next run. */
  awaitable<result<std::size_t>> cleanup(call_options call = {});

  /** @brief How many sessions live.  @par Errors  `errc::unsupported`: the storage is no `local_storage`. */
  result<std::size_t> count() const;

  /** The one time to live of manager and storage. */
  duration ttl() const noexcept;

  /** @brief Refuses further work, ends the cleanup and closes the storage, the connection to a server included. Repeatable, concurrently too. */
  awaitable<void> stop();

 private:
  struct state;
  struct steps;

  explicit transport_session_manager(std::shared_ptr<state> made) noexcept;

  std::shared_ptr<state> const state_;
};

}  // namespace mooring
