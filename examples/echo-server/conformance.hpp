#pragma once

#include "call_channel.hpp"
#include "mcp/jsonrpc.hpp"
#include "session.hpp"

#include <mooring/core/awaitable.hpp>

#include <memory>
#include <optional>
#include <string_view>

/** What the official conformance tool asks a server for, under the names that it uses. */
namespace mooring::echo::conformance {

mcp::json::value const& tools();
mcp::json::value const& prompts();
mcp::json::value const& resources();
mcp::json::value const& resource_templates();

bool has_tool(std::string_view name);

/** @brief The result of one of its tools.  @param params  Those of `tools/call`. */
awaitable<mcp::json::object> call(std::shared_ptr<session> in, mcp::json::object params, std::shared_ptr<call_channel> channel);

/** @brief The result of `resources/read`; nothing for another URI. */
std::optional<mcp::json::object> resource(std::string_view uri);

/** @brief The result of `prompts/get`; nothing for another prompt. */
std::optional<mcp::json::object> prompt(std::string_view name, mcp::json::object const& arguments);

}  // namespace mooring::echo::conformance
