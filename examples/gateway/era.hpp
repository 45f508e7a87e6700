#pragma once

#include "http/message.hpp"
#include "mcp/jsonrpc.hpp"

#include <optional>

namespace mooring::gateway {

/** @brief The answer to a message of the era without protocol sessions; nothing for a message of the era with them.
 *
 *  This gateway serves sessions. To clients of the later revision it says so in the way that revision defines, and a client that knows both falls back:
 *  `server/discover` is an unknown method (404, -32601); any other request is of an unsupported version (400, -32022, with the supported ones), unless
 *  header and body disagree (400, -32020) or nobody knows its method (404, -32601). A message is of the later era when its `_meta` or its version header
 *  says so, or when it is the later era's own method; whatever it claims besides, it reaches no session.
 */
std::optional<http::response> answer_modern(http::fields const& header, mcp::message const& sent);

/** @brief Whether the header alone says that a GET or DELETE is of that era, which has neither: answer 405. */
bool is_modern_header(http::fields const& header);

}  // namespace mooring::gateway
