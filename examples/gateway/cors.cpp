#include "cors.hpp"

namespace mooring::gateway {

namespace {

constexpr char methods[] = "GET, POST, DELETE";
constexpr char sent_headers[] = "Accept, Authorization, Content-Type, Last-Event-ID, Mcp-Method, Mcp-Name, MCP-Protocol-Version, Mcp-Session-Id";
constexpr char read_headers[] = "Mcp-Session-Id, Retry-After, WWW-Authenticate";
constexpr char seconds_to_remember[] = "600";  // all browsers cap it at some such value

}  // namespace

std::optional<http::response> answer_preflight(http::request const& asked) {
  if (asked.method != "OPTIONS" || !asked.header.find("Origin") || !asked.header.find("Access-Control-Request-Method")) return std::nullopt;
  http::response answer(204);
  answer.header.set("Access-Control-Allow-Methods", methods);
  answer.header.set("Access-Control-Allow-Headers", sent_headers);
  answer.header.set("Access-Control-Max-Age", seconds_to_remember);
  return answer;
}

void let_page_read(http::fields const& asked, http::fields& answer) {
  auto const origin = asked.find("Origin");
  if (!origin) return;
  answer.set("Access-Control-Allow-Origin", std::string(*origin));
  answer.set("Access-Control-Expose-Headers", read_headers);
  answer.set("Vary", "Origin");
}

}  // namespace mooring::gateway
