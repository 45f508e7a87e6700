#pragma once

#include "http/message.hpp"

#include <optional>

namespace mooring::gateway {

/** @brief The answer to a browser that asks whether a page may send a request (a CORS preflight), which carries no credentials; nothing for any other request.
 *
 *  For requests whose `Origin` may call.
 *  @par Source  WHATWG Fetch, section 3.3 (the CORS protocol).
 */
std::optional<http::response> answer_preflight(http::request const& asked);

/** @brief Says in an answer that the page which asked may read it, and the headers that MCP needs. Nothing changes without an `Origin`. */
void let_page_read(http::fields const& asked, http::fields& answer);

}  // namespace mooring::gateway
