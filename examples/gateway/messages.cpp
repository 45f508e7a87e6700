#include "messages.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <cstddef>
#include <utility>
#include <variant>

namespace mooring::gateway {

namespace {

constexpr std::size_t max_depth = 200;

}  // namespace

std::optional<mcp::message> read_message(std::string text) {
  auto read = mcp::parse_message(std::move(text), max_depth);
  if (auto* const good = std::get_if<mcp::message>(&read)) return std::move(*good);
  return std::nullopt;
}

boost::json::value read_value(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = max_depth;
  boost::system::error_code failure;
  auto value = boost::json::parse(text, failure, {}, options);
  return failure ? boost::json::value() : value;
}

bool is_same_id(std::string_view a, std::string_view b) {
  auto const bare = [](std::string_view id) { return id.size() >= 2 && id.front() == '"' ? id.substr(1, id.size() - 2) : id; };
  return bare(a) == bare(b);
}

bool is_about_unreadable(mcp::message const& answer) {
  return answer.type() == mcp::message::kind::error && (answer.id().empty() || answer.id() == "null");
}

int code_of(mcp::message const& failed) {
  auto const error = failed.error();
  auto const* const code = error.if_contains("code");
  return code && code->is_int64() ? static_cast<int>(code->get_int64()) : 0;
}

}  // namespace mooring::gateway
