#include "era.hpp"

#include "json_text.hpp"
#include "replies.hpp"

#include "mcp/headers.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace mooring::gateway {

namespace json = boost::json;

namespace {

constexpr char version_key[] = "io.modelcontextprotocol/protocolVersion";

constexpr std::array<std::string_view, 14> known_methods{
    "initialize",     "ping",          "tools/list",  "tools/call",      "resources/list",      "resources/templates/list", "resources/read",
    "resources/subscribe", "resources/unsubscribe", "prompts/list", "prompts/get", "completion/complete", "logging/setLevel", "subscriptions/listen"};

http::response unsupported(std::string_view id, std::string_view requested) {
  json::array supported;
  for (auto const version : mcp::session_versions) supported.emplace_back(version);
  json::object const data{{"supported", supported}, {"requested", requested}};
  return http::response::of(400, mcp::json_type, mcp::make_error(id, mcp::code::unsupported_version, "Unsupported protocol version", data));
}

// The header may hold an encoded name, `=?base64?...?=`, which only a server that serves the method has to read.
bool is_same_name(std::string_view name, mcp::message const& sent) {
  if (name.starts_with("=?")) return true;
  auto const written = member_at(sent.text(), "params", sent.method() == "resources/read" ? "uri" : "name");
  return !written || string_value(*written) == name;
}

}  // namespace

bool is_modern_header(http::fields const& header) { return header.get(mcp::version_header) == mcp::modern_version; }

std::optional<http::response> answer_modern(http::fields const& header, mcp::message const& sent) {
  auto const written = member_at(sent.text(), "params", "_meta", version_key);
  auto const claimed = written ? string_value(*written) : std::nullopt;
  bool const is_discovery = sent.method() == "server/discover";
  // `initialize` belongs to the era with sessions, whatever the header of a confused client says.
  bool const is_marked = is_modern_header(header) && sent.method() != "initialize";
  if (!written && !is_discovery && !is_marked) return std::nullopt;

  auto const id = sent.id();
  auto const in_header = header.find(mcp::version_header);
  if (written && in_header && claimed != *in_header) return refusal(400, mcp::code::header_mismatch, "MCP-Protocol-Version and the body disagree", id);
  auto const method = header.find("Mcp-Method");
  if (method && *method != sent.method()) return refusal(400, mcp::code::header_mismatch, "Mcp-Method and the body disagree", id);
  auto const name = header.find("Mcp-Name");
  if (name && !is_same_name(*name, sent)) return refusal(400, mcp::code::header_mismatch, "Mcp-Name and the body disagree", id);
  if (is_discovery) return refusal(404, mcp::code::method_not_found, "Method not found", id);
  auto const version = claimed ? *claimed : std::string(in_header.value_or(std::string_view()));
  bool const is_known = std::find(known_methods.begin(), known_methods.end(), sent.method()) != known_methods.end();
  if (version == mcp::modern_version && sent.is_request() && !is_known) return refusal(404, mcp::code::method_not_found, "Method not found", id);
  return unsupported(id, version);
}

}  // namespace mooring::gateway
