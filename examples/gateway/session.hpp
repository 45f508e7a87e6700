#pragma once

#include "backend.hpp"
#include "route.hpp"
#include "standing_stream.hpp"
#include "upstream.hpp"

#include "http/server.hpp"
#include "mcp/jsonrpc.hpp"

#include <mooring/core/awaitable.hpp>
#include <mooring/core/log.hpp>
#include <mooring/core/task_scope.hpp>
#include <mooring/storage/storage.hpp>

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace mooring::gateway {

struct metrics;

/** @brief What all sessions of a gateway share. Immutable once sessions use it, but for the parts that guard themselves. */
struct surroundings {
  executor home;
  std::vector<std::shared_ptr<backend>> backends;  ///< By name.
  upstream_deadlines deadlines;
  duration initialize_budget = std::chrono::seconds(5);
  std::size_t backlog = 100;  ///< Messages that wait for the client to open its stream.
  std::shared_ptr<metrics> counters;
  log_sink log;
  /** Bytes of notifications that go on in the background, their requests answered. */
  std::shared_ptr<std::atomic<std::size_t>> const passing = std::make_shared<std::atomic<std::size_t>>(0);
  /** Whether other processes may serve the same sessions: then a backend's standing stream is only kept open where the client's is. */
  bool is_shared = false;
  /** Called when a session's hints are others than when it was opened. */
  std::function<void(std::string id, hint_map hints)> keep_hints;
};

/** @brief One client's session, alive in this process: its upstreams, the route between them and the client, and the stream to the client that stands open.
 *
 *  @par Thread safety  Any thread, every member.
 *  @par Closing        `close` must be awaited once: it ends the background work, which holds on to the session.
 */
class session final : public upstream_observer, public std::enable_shared_from_this<session> {
 public:
  /** @param opening  The client's parameters of `initialize`, as JSON text.  @param is_restored  Whether `restore` will be called, not `open`. */
  static std::shared_ptr<session> make(std::shared_ptr<surroundings const> around, std::string id, std::string opening, bool is_restored);

  std::string const& id() const noexcept { return id_; }

  /** Whether it was made from a record, and so may share its backend sessions with another object of the same session. */
  bool is_restored() const noexcept { return is_restored_; }

  /** @brief Connects to the backends named by `first_tried`, all at once, and goes on after the initialize budget with those that are ready.
   *
   *  The others join later, and the client is told then.
   *  @return Success; `errc::load_failed` when backends are configured and none is ready in time.
   */
  awaitable<result<>> open(std::vector<std::string> first_tried);

  /** @brief Goes on with the backend sessions that the hints name; connects to the other backends as `open` does, but never fails. */
  awaitable<void> restore(hint_map hints);

  /** The backend sessions, to go on with elsewhere. */
  hint_map hints() const;

  /** The answer to the client's `initialize`, as JSON text. */
  std::string initialize_result() const;

  /** @brief Has a request of the client answered.  @param pass_on  Gets the messages that come before the answer, as they are to be sent. */
  awaitable<std::string> call(mcp::message asked, std::function<awaitable<void>(std::string)> pass_on);

  /** @brief Passes on a notification or a response of the client. A notification is waited for no longer than the initialize budget, unless too much goes on in the
   *         background already. */
  awaitable<delivery> take(mcp::message sent);

  /** @brief Makes a stream the one on which the client hears of what no request of its asked for; the one before ends.
   *  @return False, and the stream was ended, after `close` or `end_stream`. Else `detach` is to follow.
   */
  bool attach(http::event_stream stream);

  /** @brief The stream has ended; nothing if another has taken its place. */
  void detach(http::event_stream const& stream);

  /** @brief Ends that stream for good. */
  void end_stream() { stream_.close(); }

  /** @brief Ends the stream and the background work; every backend gets the DELETE of its session, except for those in `spared`, which are still in use. */
  awaitable<void> close(hint_map spared);

 private:
  session(std::shared_ptr<surroundings const> around, std::string id, std::string opening, bool is_restored);

  void on_message(std::string backend, mcp::message sent) override;
  void on_backend_session(bool is_first) override;
  bool has_listening_client() const override { return stream_.is_open(); }

  awaitable<void> join_all(std::vector<std::shared_ptr<upstream>> which);
  class passing_share;
  static awaitable<void> pass_to_backends(std::shared_ptr<session> self, mcp::message sent, passing_share counted);
  static awaitable<void> join_missing(std::shared_ptr<session> self);
  bool is_missing_one() const;

  std::shared_ptr<surroundings const> const around_;
  std::string const id_;
  std::string const version_;  // of the protocol, as the client gets it
  std::string const opening_;
  bool const is_restored_;
  std::shared_ptr<task_scope> const scope_;
  std::vector<std::shared_ptr<upstream>> upstreams_;  // by name; set by make, then constant
  std::shared_ptr<route> route_;                      // as above
  standing_stream stream_;
  std::mutex attaching_;  // makes attach and detach whole, so that listening follows the stream; taken before the locks of the stream and the upstreams
  std::atomic<bool> is_open_{false};  // from then on the client and the record are told of new backend sessions
};

}  // namespace mooring::gateway
