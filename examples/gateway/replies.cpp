#include "replies.hpp"

#include "http/wire.hpp"
#include "mcp/headers.hpp"
#include "mcp/jsonrpc.hpp"

#include <utility>

namespace mooring::gateway {

http::response refusal(unsigned status, int code, std::string_view message, std::string_view id) {
  return http::response::of(status, mcp::json_type, mcp::make_error(id, code, message));
}

http::response session_not_found(std::string_view id) { return refusal(404, mcp::code::session_not_found, "Session not found", id); }

http::response failure(error_code const& error, std::string_view id, duration retry_after) {
  if (error == errc::not_found || error == errc::corrupt_record) return session_not_found(id);
  // The gateway ends; the client is there, so it is none of the 499 that stands for one that left. Again at once would be here, where nobody serves any more.
  if (error == errc::cancelled) return refusal(503, mcp::code::server_error, "The gateway gave up on the request", id);
  auto const status = http_status(error);
  // Errors of ours say what is wrong and hold no secret; others may.
  auto answer = refusal(status, mcp::code::server_error, error.category() == mooring_category() ? error.message() : "Internal error", id);
  if (retry_of(error) != retry::no) answer.header.set("Retry-After", http::whole_seconds(retry_after));
  return answer;
}

http::response not_now(std::string_view message, duration retry_after, std::string_view id) {
  auto answer = refusal(503, mcp::code::server_error, message, id);
  answer.header.set("Retry-After", http::whole_seconds(retry_after));
  return answer;
}

http::response wrong_method(std::string allowed) {
  auto answer = refusal(405, mcp::code::server_error, "Method not allowed");
  answer.header.set("Allow", std::move(allowed));
  return answer;
}

}  // namespace mooring::gateway
