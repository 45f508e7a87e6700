#pragma once

#include "http/server.hpp"
#include "mcp/jsonrpc.hpp"
#include "session.hpp"

#include <mooring/core/awaitable.hpp>

#include <memory>
#include <string>

namespace mooring::echo {

/** Where a running call reports its progress; says nothing where nobody asked. */
class progress {
 public:
  progress() = default;
  progress(http::event_stream stream, mcp::json::value token) : stream_(std::move(stream)), token_(std::move(token)) {}

  void report(int done, int total) const;

 private:
  http::event_stream stream_;
  mcp::json::value token_;
};

/** @brief What the server offers to its clients: tools, a resource and prompts. */
class offers {
 public:
  explicit offers(std::string server_name) : name_(std::move(server_name)) {}

  mcp::json::object capabilities() const;
  mcp::json::object server_info() const;

  /** @brief Answers a request of a session: JSON-RPC text, a result or an error. */
  awaitable<std::string> answer(std::shared_ptr<session> in, mcp::message asked, progress steps) const;

  /** @brief Whether this call takes long and can report progress on the way. */
  static bool is_long(mcp::message const& asked);

 private:
  awaitable<std::string> call_tool(std::shared_ptr<session> in, mcp::message asked, progress steps) const;
  awaitable<std::string> slow(std::shared_ptr<session> in, mcp::message asked, progress steps) const;
  std::string read_resource(mcp::message const& asked) const;
  std::string get_prompt(mcp::message const& asked) const;

  std::string const name_;
};

}  // namespace mooring::echo
