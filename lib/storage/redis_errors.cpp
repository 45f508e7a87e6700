#include "storage/redis_errors.hpp"

#include <algorithm>
#include <iterator>

namespace mooring::detail {
namespace {

struct rule {
  std::string_view beginning;
  errc error;
};

// The first that fits counts. In the order of rows RE27 to RE39.
constexpr rule rules[] = {
    {"READONLY", errc::wrong_master},
    {"LOADING", errc::unavailable},
    {"MASTERDOWN", errc::unavailable},
    {"BUSY ", errc::unavailable},
    {"TRYAGAIN", errc::unavailable},
    {"NOREPLICAS", errc::unavailable},
    {"MISCONF", errc::unavailable},
    {"OOM", errc::storage_full},
    {"NOAUTH", errc::auth_failed},
    {"WRONGPASS", errc::auth_failed},
    {"NOPERM", errc::permission_denied},
    {"WRONGTYPE", errc::corrupt_record},
    {"MOVED", errc::config_error},
    {"ASK ", errc::config_error},
    {"CLUSTERDOWN", errc::config_error},
    {"CROSSSLOT", errc::config_error},
    {"NOPROTO", errc::protocol_error},
    {"ERR unknown command", errc::protocol_error},
    {"ERR syntax error", errc::protocol_error},
    {"ERR Protocol error", errc::protocol_error},
    {"ERR invalid expire time", errc::config_error},
    {"ERR value is not an integer", errc::config_error},
    {"ERR DB index", errc::config_error},
    {"ERR max number of clients reached", errc::unavailable},
    {"ERR invalid password", errc::auth_failed},
    {"ERR AUTH", errc::config_error},
};

constexpr std::size_t longest_word = 128;

rule const* rule_of(std::string_view text) noexcept {
  auto const found = std::find_if(std::begin(rules), std::end(rules), [text](rule const& one) { return text.starts_with(one.beginning); });
  return found == std::end(rules) ? nullptr : found;
}

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

}  // namespace

std::string_view innermost_error(std::string_view text) noexcept {
  if (!text.starts_with("ERR Error running script")) return text;
  auto inner = text.substr(std::min(text.find("): "), text.size()));
  // Behind the call come the places, `@user_script:1: ` and `@user_script: 1: `, then the error, with or without the '-' of the protocol.
  while (!inner.empty() && (inner.front() == ')' || inner.front() == '@' || is_digit(inner.front()))) {
    auto const end = inner.find(": ");
    if (end == std::string_view::npos) return text;
    inner.remove_prefix(end + 2);
  }
  if (inner.starts_with('-')) inner.remove_prefix(1);
  return inner.empty() ? text : inner;
}

errc error_of_reply(std::string_view text) noexcept {
  auto const* const found = rule_of(innermost_error(text));
  return found ? found->error : errc::server_error;
}

std::string cause_of_reply(std::string_view text) {
  text = innermost_error(text);
  auto const* const found = rule_of(text);
  if (found) return "the server says " + std::string(found->beginning.substr(0, found->beginning.find_last_not_of(' ') + 1));
  auto const word = text.substr(0, std::min(text.find(' '), longest_word));
  bool const is_code = !word.empty() && std::ranges::all_of(word, [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; });
  return is_code ? "the server says " + std::string(word) : "the server reports an error without a code";
}

bool ends_connection(errc error) noexcept { return error == errc::wrong_master || error == errc::protocol_error; }

bool refuses_us(errc error) noexcept { return error == errc::auth_failed || error == errc::permission_denied || error == errc::config_error; }

}  // namespace mooring::detail
