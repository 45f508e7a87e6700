#pragma once

#include "mcp/jsonrpc.hpp"

#include <boost/json/value.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace mooring::gateway {

/** @brief A message that should be one; nothing for any other text. */
std::optional<mcp::message> read_message(std::string text);

/** @brief A part of such a message; null for a text that is no JSON. */
boost::json::value read_value(std::string_view text);

/** @brief The code of an error; 0 where there is none. */
int code_of(mcp::message const& failed);

/** @brief Whether a message is an error about a request that could not be read, and so has no id of its own. */
bool is_about_unreadable(mcp::message const& answer);

/** @brief Whether two ids are the same, but for quotes: some servers write a number that they got back as a string. */
bool is_same_id(std::string_view a, std::string_view b);

}  // namespace mooring::gateway
