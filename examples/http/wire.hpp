#pragma once

#include "http/message.hpp"

#include <mooring/core/clock.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace mooring::http {

/** How a response's body is delimited. */
enum class framing { length, chunked, until_close, none };

/** @brief The text of a response's header, to its empty line. Adds `Date`, `Connection` and what delimits the body. */
std::string header_text(unsigned status, fields const& header, framing how, std::size_t body_bytes, bool keep_alive);

/** @brief The text of a whole request. Adds `Host`, and `Content-Length` where there is a body or the method wants one. */
std::string request_text(request const& asked, std::string_view host);

/** @brief A span as `Retry-After` tells it: whole seconds, at least 1. */
std::string whole_seconds(duration span);

/** @brief The bytes as one chunk of a chunked body; the last chunk for no bytes. */
std::string chunk_text(std::string_view bytes);

}  // namespace mooring::http
