#pragma once

#include "http/server.hpp"
#include "mcp/headers.hpp"
#include "mcp/jsonrpc.hpp"
#include "offers.hpp"
#include "options.hpp"
#include "session.hpp"

#include <mooring/session/session_manager.hpp>

#include <functional>
#include <memory>
#include <string>

namespace mooring::echo {

using manager = session_manager<session>;

/** @brief MCP's Streamable HTTP for one server: requests in, sessions from the library, answers out.
 *  @par Thread safety  Any thread.
 */
class transport {
 public:
  /** @param live_sessions  How many sessions the storage holds. */
  transport(options chosen, std::shared_ptr<manager> sessions, std::function<std::size_t()> live_sessions);

  /** @brief Serves one HTTP request. The transport outlives it. */
  awaitable<void> serve(http::request asked, http::responder answer);

 private:
  awaitable<void> post(http::request asked, http::responder answer);
  awaitable<void> initialize(mcp::message asked, std::string known_id, http::responder answer);
  awaitable<void> request(mcp::message asked, session_lease<session> lease, http::responder answer);
  awaitable<void> get(http::request asked, http::responder answer);
  awaitable<void> erase(http::request asked, http::responder answer);
  awaitable<session_lease<session>> lease_of(http::request const& asked, std::string raw_id, http::responder answer);
  std::string initialize_result(mcp::message const& asked, std::string_view version) const;
  std::string metrics() const;

  options const options_;
  offers const offers_;
  mcp::access_rules access_;
  std::shared_ptr<manager> const sessions_;
  std::function<std::size_t()> const live_sessions_;
};

}  // namespace mooring::echo
