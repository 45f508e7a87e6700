#pragma once

#include "backend.hpp"
#include "backend_session.hpp"
#include "correlation.hpp"
#include "wishes.hpp"

#include "http/message.hpp"
#include "http/signal.hpp"
#include "mcp/jsonrpc.hpp"

#include <mooring/core/awaitable.hpp>
#include <mooring/core/error.hpp>
#include <mooring/core/task_scope.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace mooring::gateway {

struct metrics;

/** How long a session waits for its backends. */
struct upstream_deadlines {
  duration handshake = std::chrono::seconds(10);  ///< for `initialize` at a backend
  duration request = std::chrono::seconds(30);    ///< for the answer, and from one streamed message to the next
  duration answer = std::chrono::minutes(5);      ///< for that next message when the last one asked the client for something: a person may have to think
  duration whole = std::chrono::hours(1);         ///< for a whole answer, however much is streamed before it
  duration farewell = std::chrono::seconds(5);    ///< for the DELETE
};

/** What a session wants to hear of its upstreams. Called on any thread, never under a lock. */
class upstream_observer {
 public:
  virtual ~upstream_observer() = default;

  /** A message that a backend sent on its own account, on the stream that stands open for that. */
  virtual void on_message(std::string backend, mcp::message sent) = 0;

  /** A backend session was opened: the first one at this backend, or one in the place of a lost one. */
  virtual void on_backend_session(bool is_first) = 0;

  /** Whether the client's own standing stream is open here. */
  virtual bool has_listening_client() const = 0;
};

/** Passes on what a backend sends before its answer: which backend, and what. */
using relay = std::function<awaitable<void>(std::string, mcp::message)>;

/** @brief The connection of one client session to one backend: the backend session, the ids in flight, the standing stream.
 *
 *  The handshake runs in the session's scope, once for all who wait for it. When the backend has lost its session (404), it runs again, once for all
 *  concurrent requests, and each of them is sent once more: a 404 says that it was not carried out. Nothing else is sent twice.
 *
 *  @par Thread safety  Any thread, every member. The mutex guards the state; nothing is awaited under it.
 */
class upstream : public std::enable_shared_from_this<upstream> {
 public:
  /** @param opening  The client's parameters of `initialize`, as JSON text: every backend session is opened with them. */
  upstream(std::shared_ptr<backend> where, std::string opening, upstream_deadlines deadlines, std::shared_ptr<task_scope> scope,
           std::weak_ptr<upstream_observer> observer, std::shared_ptr<metrics> counters, std::uint64_t seed);

  std::string const& name() const noexcept { return backend_->name(); }

  /** @brief Goes on with a backend session that is known from before, without asking the backend. */
  void resume(backend_session known);

  /** @brief Starts the handshake, unless there is a session or a handshake runs, or the backend is known to be down. Does not wait. */
  void begin_joining(time_point now);

  /** @brief Waits for the handshake that runs, if one does.  @return Whether there is a session now. */
  awaitable<bool> wait_joined(time_point until);

  bool is_joined() const;

  /** @brief Keeps the backend's standing stream open from now on, in each backend session as soon as there is one. Repeatable. */
  void begin_listening();

  /** @brief Leaves the backend's standing stream to others: many servers allow one, and answer 409 to a second. Repeatable. */
  void end_listening();

  /** The backend session; nothing before the first handshake has succeeded. */
  std::optional<backend_session> session() const;

  /** What the backend answered to `initialize`, as JSON text; empty after `resume`. */
  std::string initialize_result() const;

  /** @brief Sends a request and waits for its answer.
   *
   *  @param asked      With the client's id, and otherwise as the backend is to see it.
   *  @param pass_on    Gets what the backend sends before the answer.
   *  @return The response for the client, with the id of `asked`: the backend's own, or an error in its place.
   */
  awaitable<std::string> request(mcp::message asked, relay pass_on);

  /** @brief Takes note of what the client wishes for as long as its session lives, without asking the backend: for one that will join later. */
  void remember(mcp::message const& asked);

  /** @brief Sends a notification or a response.  @return Whether the backend took it. */
  awaitable<bool> send(mcp::message sent);

  /** @brief As `send`, for the cancellation of a request of the client: under the ids that the backend knows it by. */
  awaitable<void> send_cancelled(mcp::message sent);

  /** @brief Ends the connection, and the backend session with it: the backend gets a DELETE.
   *
   *  Waits for a handshake that runs, so that no backend session is opened and forgotten.
   *  @param spared  The hint of a backend session that is still in use and is left alone; empty for none.
   */
  awaitable<void> close(std::string spared);

 private:
  struct flight;
  class flight_guard;
  class listener_guard;
  using self_pointer = std::shared_ptr<upstream>;

  /** Where a request goes: the backend session and which handshake opened it. */
  struct place {
    place() = default;
    place(backend_session s, std::uint64_t g) : session(std::move(s)), generation(g) {}
    backend_session session;
    std::uint64_t generation = 0;
  };

  awaitable<result<place>> find_place();
  awaitable<result<place>> find_place_after(std::uint64_t lost_generation);
  awaitable<result<place>> wait_for(std::shared_ptr<flight> joining, time_point until);
  std::shared_ptr<flight> start_handshake_locked();
  static awaitable<void> run_handshake(self_pointer self, std::shared_ptr<flight> mine);
  awaitable<result<std::vector<std::string>>> handshake();
  awaitable<void> catch_up(std::vector<std::string> messages, backend_session as);
  awaitable<result<mcp::message>> read_handshake(http::reply answered, std::string id, time_point until);

  awaitable<result<http::reply>> post(std::string text, backend_session as, duration limit);
  void abandon(std::string backend_id, backend_session as);
  static awaitable<void> tell_abandoned(self_pointer self, std::string text, backend_session as);
  awaitable<std::string> read_answer(http::reply answered, backend_session as, std::string client_id, std::string backend_id, relay pass_on, time_point until);
  // Reads until the answer comes, the stream has been silent for a request's deadline (or an answer's, where the backend asked for one), or `until`.
  awaitable<result<mcp::message>> read_events(http::event_source events, std::string awaited, relay pass_on, time_point until);
  awaitable<result<http::event_source>> reopen(std::string last_event_id, time_point until);
  static awaitable<void> listen(self_pointer self, std::uint64_t turn);
  task_scope::task start_listening_locked();
  std::optional<backend_session> session_of(std::uint64_t turn) const;
  std::string last_event_id() const;
  void note_event_id(std::uint64_t turn, std::string id);

  std::shared_ptr<backend> const backend_;
  std::string const opening_;
  upstream_deadlines const deadlines_;
  std::shared_ptr<task_scope> const scope_;
  std::weak_ptr<upstream_observer> const observer_;
  std::shared_ptr<metrics> const metrics_;
  in_flight in_flight_;

  mutable std::mutex mutex_;  // guards all below; leaf
  std::optional<backend_session> session_;
  std::string initialize_result_;
  std::uint64_t generation_ = 0;        // one more with each handshake
  std::uint64_t ready_generation_ = 0;  // the last one whose session has been told what it must know before anything else
  bool client_is_initialized_ = false;  // the client has said so, and a new backend session is told at once
  bool is_closed_ = false;
  wishes wishes_;
  std::shared_ptr<flight> joining_;     // until the new session has caught up: nothing of the client's may overtake that
  bool wants_to_listen_ = false;
  bool is_listening_ = false;
  std::uint64_t turn_ = 0;      // of the listener that counts; one of an earlier turn ends
  std::string last_event_id_;   // of the standing stream, in the present backend session
  task_scope::task listener_;
};

/** @brief The error that a client gets in the place of a backend's answer. */
std::string backend_error(std::string_view client_id, std::string_view backend, std::string_view what);

}  // namespace mooring::gateway
