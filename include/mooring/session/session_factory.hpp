#pragma once

#include <mooring/cache/disposal_reason.hpp>
#include <mooring/core/awaitable.hpp>
#include <mooring/core/clock.hpp>
#include <mooring/core/error.hpp>
#include <mooring/session/metadata.hpp>
#include <mooring/session/principal.hpp>
#include <mooring/storage/storage.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace mooring {

/** What a caller asks for when a session is opened. */
struct open_parameters {
  open_parameters() = default;
  explicit open_parameters(std::vector<std::string> desired, metadata own = {}, std::string opening_parameters = {})
      : backends(std::move(desired)), data(std::move(own)), opening(std::move(opening_parameters)) {}

  /** Desired backends, by any names; kept in the record whether or not they can be reached now. May be empty. */
  std::vector<std::string> backends;
  /** The caller's own data for the record. No reserved keys. */
  metadata data;
  /** The client's opening parameters, UTF-8, opaque to the library; a restore gets them again. */
  std::string opening;
};

/** What a factory is asked to make. */
struct session_request {
  session_request() = default;

  std::string id;
  /** The verified owner. */
  mooring::principal owner;
  /** New session: the desired backends that may be tried. Restore: all desired ones. */
  std::vector<std::string> backends;
  /** The record's own data, without reserved keys. */
  metadata data;
  /** The client's opening parameters. */
  std::string opening;
  /** Restore: what was last stored, keyed by backend. New session: empty. */
  hint_map hints;
  bool is_restore = false;
  /** How long the factory has from its start; then it is cancelled, and what it makes later is closed. */
  duration deadline{};
};

/** What a factory made. */
template <class Session>
struct opened {
  opened() = default;
  explicit opened(std::shared_ptr<Session> made, hint_map facts = {}, metadata more = {}, bool partial = false)
      : session(std::move(made)), hints(std::move(facts)), data(std::move(more)), is_partial(partial) {}

  /** Null is an error. One without any backend is valid. */
  std::shared_ptr<Session> session;
  /** Replace the stored hints when they differ. Hints to keep are repeated. */
  hint_map hints;
  /** New session: joins the caller's data in the record. Restore: not looked at. No reserved keys. */
  metadata data;
  /** Some desired backends are missing: the session is rebuilt after `manager_options::partial_retry`, when it is asked for. */
  bool is_partial = false;
};

/** @brief Opens and closes the sessions of one application. Implemented by the gateway.
 *
 *  @par Thread safety  Called concurrently, on the manager's executor, under no lock. What it throws becomes `errc::load_failed`; the text goes to the log.
 */
template <class Session>
class session_factory {
 public:
  session_factory() = default;
  session_factory(session_factory const&) = delete;
  session_factory& operator=(session_factory const&) = delete;
  virtual ~session_factory() = default;

  /** @brief Makes a session, or makes it again from its record.
   *
   *  A session that it returns is closed by `close`, exactly once, used or not.
   *  @param request  What to make, for whom, and whether again.
   *  @return The session, and the facts to find its backends by when it is made again.
   *  @par Errors        Any: returned to the caller as they are (`errc`), or as `errc::load_failed` with the cause in the log (other categories).
   *  @par Cancellation  Terminal: at its deadline, when its last caller leaves, when this replica terminates the id of a creation meanwhile, and by a shutdown; then
   *                     it closes what it opened itself and ends. A restore whose id is terminated goes on, and what it makes is closed.
   *  @par Deadline      `request.deadline`, from its start. What it makes later is closed.
   */
  virtual awaitable<result<opened<Session>>> open(session_request request) = 0;

  /** @brief Ends a session that `open` returned, or the one that a decoration made of it. Called exactly once for each, after its last lease, or at the drain deadline
   *  (`manager_deadlines::shutdown` after it left the cache) under what leases there are.
   *  @param reason  Why the session left this replica.
   *  @par Errors        None; what it throws goes to the log.
   *  @par Cancellation  Terminal, at the end of a shutdown that ran out of time.
   */
  virtual awaitable<void> close(std::string id, std::shared_ptr<Session> session, disposal_reason reason) = 0;
};

}  // namespace mooring
