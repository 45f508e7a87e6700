#pragma once

#include "http/server.hpp"
#include "mcp/jsonrpc.hpp"
#include "session.hpp"

#include <mooring/core/awaitable.hpp>

#include <memory>
#include <optional>
#include <string>

namespace mooring::echo {

/** @brief The way back to the client while one of its calls is answered. What is said before the answer makes an event stream of it.
 *  @par Thread safety  One coroutine at a time.
 */
class call_channel {
 public:
  call_channel(std::shared_ptr<session> in, http::responder answer, mcp::message const& asked);

  /** @brief Sends a notification that belongs to the call. */
  void notify(std::string_view method, mcp::json::value params);

  /** @brief Reports progress, where the client asked for it. */
  void report(int done, int total);

  /** @brief Asks the client something, and waits for its answer for at most a minute.
   *  @par Errors  `errc::disconnected`, `errc::deadline_exceeded`, `errc::cancelled`: there is no answer.
   */
  awaitable<result<mcp::message>> ask(std::string method, mcp::json::value params);

  /** @brief Answers the call. */
  void finish(std::string text);

 private:
  http::event_stream const& stream();

  std::shared_ptr<session> in_;
  http::responder answer_;
  http::event_stream stream_;
  std::optional<mcp::json::value> progress_token_;
};

}  // namespace mooring::echo
