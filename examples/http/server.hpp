#pragma once

#include "http/address.hpp"
#include "http/event.hpp"
#include "http/message.hpp"

#include <mooring/core/awaitable.hpp>
#include <mooring/core/clock.hpp>
#include <mooring/core/error.hpp>
#include <mooring/core/log.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace mooring::http {

class exchange;
class server_state;

/** @brief What becomes of an open event stream when the server is asked to stop. */
enum class at_stop {
  finish,  ///< The stream is an answer: it may go on until the drain deadline.
  end,     ///< The stream only listens: it ends at once.
};

/** @brief The sending end of an event stream. A cheap handle; copies name the same stream. Empty by default.
 *
 *  The server writes keep-alive comments while nothing else is sent, and watches for the peer's going.
 *
 *  @par Thread safety  Any thread, every member. Nothing but `write` and `wait_closed` suspends.
 */
class event_stream {
 public:
  event_stream() = default;
  explicit event_stream(std::shared_ptr<exchange> e) : exchange_(std::move(e)) {}

  explicit operator bool() const noexcept { return exchange_ != nullptr; }
  friend bool operator==(event_stream const&, event_stream const&) = default;

  /** @brief Hands an event to the connection, in order.
   *  @return False when it will not be sent: the stream has ended, the peer has gone, or more than `max_stream_bytes` wait for a slow peer.
   */
  bool push(event sent) const;

  /** @brief As `push`, but waits while a slow peer's backlog is full.
   *  @return `errc::disconnected` where `push` says false; `errc::cancelled`.
   */
  awaitable<result<>> write(event sent) const;

  /** @brief Has `then` called each time that a backlog too full for a `push` has been taken over by the connection. Set before the first push.
   *
   *  Called on the connection's strand, under no lock; it must not throw. It should own nothing that owns the stream.
   */
  void when_room(std::function<void()> then) const;

  /** @brief Ends the stream after what was pushed. Repeatable. */
  void end() const;

  /** @brief Whether it was neither ended nor has lost its peer. */
  bool is_open() const;

  /** @brief Suspends until the stream has ended or its peer has gone.  @return Success then; `errc::deadline_exceeded` when `until` came first; `errc::cancelled`. */
  awaitable<result<>> wait_closed(std::optional<time_point> until = std::nullopt) const;

 private:
  std::shared_ptr<exchange> exchange_;
};

/** @brief Answers one request: exactly once, with a whole response or an event stream. A cheap handle, copyable.
 *
 *  A handler that returns or throws without an answer answers 500; its open event stream ends.
 *
 *  @par Thread safety  Any thread, every member.
 */
class responder {
 public:
  explicit responder(std::shared_ptr<exchange> e) : exchange_(std::move(e)) {}

  /** @brief Answers with a whole response.  @return False when the request was answered before. */
  bool send(response answer) const;

  /** @brief Answers 200 with `text/event-stream`, at once, and leaves it open. `extra` joins the header.
   *  @return An empty handle when the request was answered before.
   */
  event_stream open_events(fields extra = {}, at_stop then = at_stop::finish) const;

  bool is_answered() const;

  /** @brief From now on the handler's coroutine is cancelled (terminal) when the peer goes before the answer is complete. */
  void cancel_on_disconnect() const;

 private:
  std::shared_ptr<exchange> exchange_;
};

/** @brief What serves one request. Runs as a task on a strand of its own; cancelled when the server is forced to stop. */
using handler = std::function<awaitable<void>(request, responder)>;

struct server_options {
  std::size_t max_body_bytes = std::size_t{4} << 20;     ///< beyond: 413
  std::size_t max_bodies_bytes = std::size_t{256} << 20;  ///< of all requests in work together; beyond: 503
  std::size_t max_header_bytes = std::size_t{64} << 10;  ///< beyond: 431
  std::size_t max_stream_bytes = std::size_t{4} << 20;   ///< backlog of one event stream
  std::size_t max_connections = 16384;                   ///< beyond: closed at once
  duration header_deadline = std::chrono::seconds(10);   ///< from a request's first byte to the end of its header
  duration body_deadline = std::chrono::seconds(60);
  duration write_deadline = std::chrono::seconds(60);    ///< for a piece of an answer, to a peer that does not read or has vanished
  duration idle_deadline = std::chrono::seconds(75);     ///< an idle keep-alive connection
  duration retry_after = std::chrono::seconds(1);        ///< what such a 503 tells the client to wait
  duration keep_alive = std::chrono::seconds(15);        ///< between two comments on a silent event stream
  log_sink log;
};

/** @brief An HTTP/1.1 server on one address.
 *
 *  Connections are tasks of a scope, each on a strand. Closes in one order: stop listening, end idle connections and listening streams,
 *  let requests in work finish, then cancel what is left.
 *
 *  @par Thread safety  Any thread, every member.
 */
class server {
 public:
  /** @brief Opens the address and begins to serve. Port 0 picks a free one.
   *  @param why  Where given: set to a sentence about the failure.
   *  @par Errors  `errc::invalid_argument`: the host is no address of this machine; `errc::unavailable`: the port is taken.
   */
  static result<std::unique_ptr<server>> listen(executor ex, endpoint at, handler serve, server_options options = {}, std::string* why = nullptr);

  ~server();
  server(server const&) = delete;
  server& operator=(server const&) = delete;

  /** @brief Where it listens, with the port that was picked. */
  endpoint const& address() const noexcept;

  /** @brief Stops accepting and waits for the requests in work; after `drain`, or when `force` is called, cancels them. Repeatable. */
  awaitable<void> stop(duration drain);

  /** @brief Makes a `stop`, begun or to come, cancel at once. */
  void force();

  /** @brief Whether `stop` or `force` was called. */
  bool is_stopping() const;

  std::size_t connections() const;

 private:
  explicit server(std::shared_ptr<server_state> s);
  std::shared_ptr<server_state> state_;
};

}  // namespace mooring::http
