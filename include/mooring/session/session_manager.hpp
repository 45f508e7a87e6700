#pragma once

#include <mooring/core/awaitable.hpp>
#include <mooring/core/call_options.hpp>
#include <mooring/core/error.hpp>
#include <mooring/session/detail/engine.hpp>
#include <mooring/session/manager_answers.hpp>
#include <mooring/session/manager_options.hpp>
#include <mooring/session/manager_stats.hpp>
#include <mooring/session/session_factory.hpp>
#include <mooring/session/session_lease.hpp>

#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace mooring {

/** An id and the lease on its session. */
template <class Session>
struct opened_session {
  opened_session() = default;
  opened_session(std::string i, session_lease<Session> l) noexcept : id(std::move(i)), lease(std::move(l)) {}

  std::string id;
  session_lease<Session> lease;
};

/** What a decorator makes of a session and of its record's data. */
template <class Session>
struct decoration {
  decoration() = default;
  decoration(std::shared_ptr<Session> s, metadata d) : session(std::move(s)), data(std::move(d)) {}

  /** Takes the place of the session it was made from, and closes it with itself. The same one is allowed; null is refused. */
  std::shared_ptr<Session> session;
  /** All of the caller's data for the record. No reserved keys. */
  metadata data;
};

/** Gets the session and its record's data. May be called again, with a fresh session, after a conflict; what it made before is then dropped, not closed. */
template <class Session>
using decorator = std::function<result<decoration<Session>>(std::shared_ptr<Session> current, metadata data)>;

/** @brief Keeps the sessions of one replica: one truth in a storage that all replicas share, and the open sessions in a cache of this replica's own.
 *
 *  Storage first, cache second: nothing is served that the storage has not accepted, and what one replica terminated no replica brings back. Any replica serves any
 *  session: what it does not hold it restores from the record, through the factory. Each session object is closed once, after its last lease.
 *
 *  Ids are 1 to 256 bytes of visible ASCII; sessions are made under minted ids only. Every call names a principal, and a session answers to its owner alone.
 *
 *  @par Errors  Of every operation, besides those it names:
 *   - `errc::invalid_id`           the id breaks the rule. Nothing was asked.
 *   - `errc::wrong_owner`          the session is another principal's. Nothing was moved, touched or restored.
 *   - `errc::corrupt_record`       what is stored cannot be read. It can be terminated.
 *   - `errc::unsupported_version`  the record is bound with a key that is not configured here.
 *   - `errc::unavailable`          the storage did not answer (in time). Nothing is known of the session; retryable.
 *   - `errc::ambiguous`            a write was sent and its outcome could not be settled.
 *   - `errc::deadline_exceeded`    the call's deadline was over before it began, or before its write could be sent. Nothing was written.
 *   - `errc::cancelled`            the caller left before the first write; nothing was changed.
 *   - `errc::closed`               `shutdown` was called.
 *  @par Cancellation   Any type. Operations that write go on in the manager once they have begun to: their caller is then told `ambiguous`.
 *       The caller's cancellation state is not changed.
 *  @par Deadline       `call.deadline`, where given, takes the place of `manager_options::deadlines` for each storage operation of the call (each has a whole one); for `get`,
 *       for each get that a `decorate` begins with, and for `shutdown` it covers the whole call.
 *  @par Ordering       No operation that begins after `terminate` returned success finds the session alive: on this replica at once, elsewhere from the next check
 *       on. Of two changes made of one revision at most one is written; the other reads again. No `get` that begins after a `decorate` returned serves what was before:
 *       on this replica at once, elsewhere from the next check on.
 *  @par Thread safety  Any thread, concurrently with every member. Resumes on the caller's executor, never inside another's stack. Nothing is locked while suspended
 *       or in a callback. Arguments are copied. The manager outlives the start of its calls.
 *  @par Complexity     Each operation names its storage operations; each is one round trip, or none on a storage in this process.
 *  @par Closing        `shutdown` joins all that runs. Destroying without it is safe: what runs is cancelled, and sessions are destroyed without being closed.
 */
template <class Session>
class session_manager {
 public:
  /** @brief Checks the options and starts the background work on `ex`.
   *
   *  @param ex       Where factory, disposals, observer and background work run.
   *  @param store    Shared with the other replicas. Closed by `shutdown`, unless `manager_options::closes_storage` is false.
   *  @param factory  Opens and closes the sessions; kept until the last of them is closed.
   *  @param options  Each keeps the rule beside it.
   *  @param why      Where given, is set to a sentence naming the option, its value and the rule, when something is refused.
   *  @return The manager, ready.
   *  @par Errors  `errc::invalid_argument`: an option or a key breaks its documented rule, or storage or factory is null.
   */
  static result<std::unique_ptr<session_manager>> make(executor ex, std::shared_ptr<storage<metadata>> store, std::shared_ptr<session_factory<Session>> factory,
                                                       manager_options options = {}, std::string* why = nullptr);

  ~session_manager() { detail::abandon(*engine_); }
  session_manager(session_manager const&) = delete;
  session_manager& operator=(session_manager const&) = delete;

  /** @brief Mints an id and writes its placeholder, which waits for `create` for `placeholder_ttl`.
   *  @return An id that no other call ever returns. After a failure it tried once more, with another id.
   *  @par Errors      Those of every operation, and `errc::storage_full`: no room for a record. No id leaves it.
   *  @par Complexity  One write, or two.
   */
  awaitable<result<std::string>> generate(call_options call = {}) { return detail::generate(engine_, call); }

  /** @brief Opens the session of a minted id: factory, then the record in place of the placeholder, then the cache.
   *
   *  @param id          As `generate` gave it.
   *  @param owner       Whom the session answers to from now on; bound to the record for good.
   *  @param parameters  What to open, within `manager_options::limits`; the record keeps it.
   *  @return A lease on the new session. On every error nothing stays open. A placeholder whose creation has begun is erased then, unless somebody else's write took its
   *          place, so the id is not to be tried again; where there was no room or the parameters are refused, it stays.
   *  @par Errors
   *   - `errc::not_found`          no such placeholder: never minted, expired, or terminated, also while the factory ran.
   *   - `errc::exists`             the id has a session, or one in creation.
   *   - `errc::too_many_sessions`  the limit, in total or of this principal. The factory was not called.
   *   - `errc::invalid_argument`   the parameters or the factory's data hold a reserved key or text that is not UTF-8.
   *   - `errc::too_large`          over `manager_options::limits`.
   *   - `errc::load_failed`        the factory failed, threw, returned null or ran out of time; errors of category `mooring` come as they are. Or a look-up of health threw.
   *  @par Complexity  One read, one write, and one of hints where the factory has any; and, where the storage is to wait for replicas, one wait.
   */
  awaitable<result<session_lease<Session>>> create(std::string id, principal owner, open_parameters parameters, call_options call = {}) {
    return typed(detail::create(engine_, std::move(id), std::move(owner), std::move(parameters), call));
  }

  /** @brief `generate` and `create` in one. The id is given out only when the record is live: on failure, and for a caller that left, it is undone.
   *  @return The new id and a lease on its session.
   *  @par Errors      Those of `generate` and `create`.
   *  @par Complexity  Two writes, and one of hints where the factory has any; a wait as for `create`.
   */
  awaitable<result<opened_session<Session>>> open(principal owner, open_parameters parameters, call_options call = {}) {
    return typed(detail::open(engine_, std::move(owner), std::move(parameters), call));
  }

  /** @brief Whether the session lives; if so, slides its expiry. Opens and restores nothing.
   *  @return Live, gone for good, or minted and not ready.
   *  @par Errors      Those of every operation.
   *  @par Complexity  One touch; a session that is not cached here is read first.
   */
  awaitable<result<validity>> validate(std::string id, principal who, call_options call = {}) {
    return detail::validate(engine_, std::move(id), std::move(who), call);
  }

  /** @brief The session of an id: the cached one if its record is unchanged, else restored from the record.
   *
   *  A cached session costs one storage read, shared with concurrent gets; with a storage that answers at once nothing is spawned, posted or armed.
   *
   *  @return A lease; an EMPTY lease when the id is absent: unknown, terminated or expired.
   *  @par Errors
   *   - `errc::not_ready`          minted, and its session is still being created, on another replica. On this one get waits.
   *   - `errc::load_failed`        the factory could not restore it; the record is unchanged. Also given, at once, within `failure_backoff`.
   *   - `errc::busy`               too many restores or waiters.
   *   - `errc::deadline_exceeded`  the whole call took too long; what it waited for goes on for others.
   *  @par Complexity  A cached session: at most one read. A restore: two reads, and one write of hints or a touch. An unknown id: one read.
   */
  awaitable<result<session_lease<Session>>> get(std::string id, principal who, call_options call = {}) {
    return get(engine_, std::move(id), std::move(who), call);
  }

  /** @brief Changes the record's data and puts another session object, made from the present one, in its place.
   *
   *  The data are written on the revision that they were read at; on a conflict all is done again, on a fresh session.
   *
   *  @param decorate  Called on the manager's executor, under no lock; must not block.
   *  @return A lease on the decorated session.
   *  @par Errors  Storage and cache are as they were, unless it is `ambiguous`.
   *   - `errc::not_found`         unknown, or terminated meanwhile, before the change was written or behind it. Nothing was created.
   *   - `errc::conflict`          still another writer came first, after `max_conflict_retries`.
   *   - `errc::invalid_argument`  the decorator returned null, a session whose `id()` is another, or reserved keys.
   *   - `errc::too_large`         its data are over `manager_options::limits`.
   *   - `errc::load_failed`       the decorator threw.
   *   - any error of the decorator, and of `get`.
   *  @par Complexity  Those of a `get`, one read and one write; again for each conflict.
   */
  awaitable<result<session_lease<Session>>> decorate(std::string id, principal who, decorator<Session> decorate, call_options call = {});

  /** @brief Ends a session, or a placeholder, on every replica: erased in storage, then closed here; elsewhere at the next check or sweep.
   *
   *  @return Whether there was a record, and whether its end is replicated; success also for an id that has none.
   *  @par Errors      Those of every operation. After `ambiguous` this replica treats the id as gone: where it may have had no session yet, for this principal. After any
   *                   other error the session lives on.
   *  @par Complexity  One erase, repeated once when its reply was lost; a session that is not cached here is read first; a wait as for `create`. Where an id
   *              becomes a session, or does not answer, meanwhile: up to three reads and six erases.
   */
  awaitable<result<termination>> terminate(std::string id, principal who, call_options call = {}) {
    return detail::terminate(engine_, std::move(id), std::move(who), call);
  }

  /** @brief Takes a backend off the record's list, with its hint, so that every replica rebuilds the session without it.
   *
   *  @return Success also when there was nothing to do: no session, a placeholder, a backend not listed. The probe slides no expiry.
   *  @par Errors      Those of every operation, and `errc::conflict`: still another writer came first, after `max_conflict_retries`. After any error nothing is evicted.
   *  @par Complexity  One read; where the backend is listed, one write, and one of hints. Again for each conflict.
   */
  awaitable<result<>> notify_backend_expired(std::string id, principal who, std::string backend, call_options call = {}) {
    return detail::notify_backend_expired(engine_, std::move(id), std::move(who), std::move(backend), call);
  }

  /** @brief Refuses new calls, cancels creations and restores, waits for leases, closes every session (`shutdown`), then the storage.
   *
   *  Records stay, for other replicas and later processes. At the deadline sessions are closed, leased or not. Repeatable, concurrently too: the first call's deadline
   *  counts, and each returns when that shutdown has ended. A close that ignores its cancellation,
   *  a storage that does not close, and a call that does not end get a second more, each.
   *  @par Errors        None.
   *  @par Cancellation  The caller leaves; the shutdown goes on.
   */
  awaitable<void> shutdown(call_options call = {}) { return detail::shutdown(engine_, call); }

  /** @brief A snapshot.  @par Errors  None.  @par Complexity  Linear in the ids remembered as terminated. */
  manager_stats stats() const { return detail::stats(*engine_); }

 private:
  class adapter;

  explicit session_manager(detail::engine_ptr engine) noexcept : engine_(std::move(engine)) {}

  static awaitable<result<session_lease<Session>>> get(detail::engine_ptr engine, std::string id, principal who, call_options call);
  static awaitable<result<session_lease<Session>>> typed(awaitable<result<detail::held_session>> work);
  static awaitable<result<opened_session<Session>>> typed(awaitable<result<detail::opened_held>> work);

  detail::engine_ptr const engine_;
};

}  // namespace mooring

#include <mooring/session/detail/session_manager_impl.hpp>
