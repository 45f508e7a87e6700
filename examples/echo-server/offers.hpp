#pragma once

#include "call_channel.hpp"
#include "mcp/jsonrpc.hpp"
#include "session.hpp"

#include <mooring/core/awaitable.hpp>

#include <memory>
#include <string>

namespace mooring::echo {

/** @brief What the server offers to its clients: tools, a resource and prompts. */
class offers {
 public:
  /** @param with_conformance  Also offers what the official conformance tool asks for by name. */
  offers(std::string server_name, bool with_conformance) : name_(std::move(server_name)), has_conformance_(with_conformance) {}

  mcp::json::object capabilities() const;
  mcp::json::object server_info() const;

  /** @brief Answers a request of a session: JSON-RPC text, a result or an error. */
  awaitable<std::string> answer(std::shared_ptr<session> in, mcp::message asked, std::shared_ptr<call_channel> channel) const;

 private:
  mcp::json::array joined(mcp::json::value own, mcp::json::value const& conformance) const;
  awaitable<std::string> call_tool(std::shared_ptr<session> in, mcp::message asked, std::shared_ptr<call_channel> channel) const;
  awaitable<std::string> slow(std::shared_ptr<session> in, mcp::message asked, std::shared_ptr<call_channel> channel) const;
  std::string read_resource(mcp::message const& asked) const;
  std::string get_prompt(mcp::message const& asked) const;

  std::string const name_;
  bool const has_conformance_;
};

}  // namespace mooring::echo
