#pragma once

#include "http/address.hpp"
#include "http/event.hpp"
#include "http/message.hpp"

#include <mooring/core/awaitable.hpp>
#include <mooring/core/call_options.hpp>
#include <mooring/core/clock.hpp>
#include <mooring/core/error.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace mooring::http {

class client_connection;
class client_pool;

/** @brief The receiving end of an event stream. Move-only; dropping it closes its connection. Empty by default.
 *  @par Thread safety  One call at a time; distinct objects are independent.
 */
class event_source {
 public:
  event_source() = default;
  explicit event_source(std::shared_ptr<client_connection> connection) : connection_(std::move(connection)) {}
  event_source(event_source&&) = default;
  event_source& operator=(event_source&&) = default;

  /** False when empty, and once `next` has told the end. */
  explicit operator bool() const noexcept { return connection_ != nullptr; }

  /** @brief The next event; nothing at the orderly end of the stream, again and again.
   *
   *  @par Errors  `errc::disconnected`: the stream broke off; `errc::protocol_error`: it cannot be read, or an event is over the client's limit;
   *       `errc::deadline_exceeded`, `errc::cancelled`: nothing came in time. After an error the stream is closed.
   *  @par Deadline  That of the call only; none by default: a silent stream is no failure. Comments are taken as signs of life by nobody here.
   */
  awaitable<result<std::optional<event>>> next(call_options call = {});

 private:
  std::shared_ptr<client_connection> connection_;
};

/** @brief What a server answered. An answer of type `text/event-stream` comes as soon as its header has: its body is in `events`. Any other comes whole. */
struct reply {
  reply() = default;
  reply(response h, event_source e) : head(std::move(h)), events(std::move(e)) {}

  response head;        ///< With the whole body, except of an event stream.
  event_source events;  ///< Empty, except of an event stream.
};

struct client_options {
  std::size_t max_body_bytes = std::size_t{100} << 20;
  std::size_t max_event_bytes = std::size_t{100} << 20;
  std::size_t max_header_bytes = std::size_t{64} << 10;
  std::size_t max_connections = 1024;                   ///< in use at a time; beyond: `errc::busy`
  std::size_t max_idle_connections = 16;
  duration connect_deadline = std::chrono::seconds(5);
  duration deadline = std::chrono::seconds(60);          ///< of a call that sets none
  duration max_idle = std::chrono::seconds(4);           ///< Node's servers close idle connections after 5 s
};

/** @brief A client of one server, with a pool of keep-alive connections.
 *
 *  @par Thread safety  Any thread, every member; calls are independent and each has a connection of its own.
 */
class client {
 public:
  /** @brief A client of the server at `place`, over plain HTTP. Connects on first use. */
  client(executor ex, endpoint place, client_options options = {});
  ~client();
  client(client const&) = delete;
  client& operator=(client const&) = delete;

  /** @brief Sends a request and receives the answer, whatever its status. `Host` and `Content-Length` are written here.
   *
   *  @par Errors  Nothing was sent, so the same request may be sent again (`is_unsent`): `errc::unavailable` (cannot connect), `errc::busy`,
   *       `errc::deadline_exceeded`, `errc::cancelled`, `errc::closed`. Something was sent, so it may have been carried out:
   *       `errc::ambiguous` (connection lost, deadline, cancellation), `errc::protocol_error` (the answer is no HTTP or over a limit).
   *  @par Cancellation  Terminal, reported as above. The caller's cancellation state is not changed.
   *  @par Deadline  `call.deadline`, else `client_options::deadline`: up to the end of the header for an event stream, else of the body.
   */
  awaitable<result<reply>> send(request asked, call_options call = {});

  /** @brief Drops idle connections, ends calls and streams in work, and refuses later calls with `errc::closed`. Repeatable. */
  void close();

  std::size_t connections_in_use() const;

 private:
  std::shared_ptr<client_pool> pool_;
};

/** @brief Whether an error of `client::send` means that the server certainly received nothing. */
bool is_unsent(error_code const& error) noexcept;

}  // namespace mooring::http
