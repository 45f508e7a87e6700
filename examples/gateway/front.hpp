#pragma once

#include "metrics.hpp"
#include "session.hpp"
#include "tokens.hpp"

#include "http/message.hpp"
#include "http/server.hpp"
#include "mcp/headers.hpp"
#include "mcp/jsonrpc.hpp"

#include <mooring/session/session_manager.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace mooring::gateway {

class visit;

struct front_options {
  mcp::access_rules access;
  tokens callers;
  duration retry_after = std::chrono::seconds(1);
  duration stream_check = std::chrono::seconds(5);  ///< how often an open stream asks whether its session still lives
  std::string storage_name = "memory";
};

/** @brief What clients see: the rules of MCP over Streamable HTTP, in front of the session manager.
 *
 *  A request is checked from the outside in, and the first check that fails answers: path, origin and host, method, credentials, media types, JSON, era,
 *  session id, protocol version, session, and then the backend.
 *
 *  @par Thread safety  Any thread, every member. Outlives the server that calls it.
 */
class front {
 public:
  using manager = session_manager<session>;

  front(manager& sessions, std::shared_ptr<surroundings const> around, front_options options);

  /** @brief Serves one request. */
  awaitable<void> serve(http::request asked, http::responder respond);

  /** @brief Turns new requests away, and `/healthz` to 503. */
  void begin_draining() { is_draining_ = true; }

  /** @brief Waits until no request is in work, streams that only listen aside.  @return Whether that came to be in time. */
  awaitable<bool> wait_idle(time_point until);

  /** Set once, before the first request: how many connections the server has. */
  void count_connections(http::server const* server) { server_ = server; }

 private:
  awaitable<void> serve_post(std::shared_ptr<visit const> of, principal who, std::string body);
  awaitable<void> serve_get(std::shared_ptr<visit const> of, principal who);
  awaitable<void> serve_delete(std::shared_ptr<visit const> of, principal who);
  awaitable<void> serve_initialize(std::shared_ptr<visit const> of, principal who, mcp::message asked);
  awaitable<void> serve_message(std::shared_ptr<visit const> of, principal who, mcp::message asked);
  awaitable<void> keep_stream(http::event_stream stream, std::string id, principal who);

  /** The lease on the session of a request; an empty one when the request was answered instead. */
  awaitable<session_lease<session>> find_session(std::shared_ptr<visit const> of, principal who, std::string message_id);

  http::response health() const;
  http::response measurements() const;

  manager& sessions_;
  std::shared_ptr<surroundings const> const around_;
  front_options const options_;
  http::server const* server_ = nullptr;

  std::atomic<bool> is_draining_{false};
  std::atomic<std::size_t> in_work_{0};
  std::atomic<std::size_t> open_streams_{0};
};

}  // namespace mooring::gateway
