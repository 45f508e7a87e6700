#include "storage/sentinel_search.hpp"

#include "storage/redis_errors.hpp"

#include <algorithm>
#include <charconv>

namespace mooring::detail {
namespace {

using kind = redis_reply::kind;

bool is_port(std::string const& text) noexcept {
  int value = 0;
  auto const [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && rest == text.data() + text.size() && value >= 1 && value <= 65535;
}

bool is_host(std::string const& text) noexcept {
  return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_allowed(redis_address const& master, std::vector<redis_address> const& allowed) {
  auto const fits = [&master](redis_address const& one) {
    return std::ranges::equal(one.host, master.host, {}, lower, lower) && (one.port.empty() || one.port == master.port);
  };
  return allowed.empty() || std::ranges::any_of(allowed, fits);
}

}  // namespace

master_answer master_of_reply(redis_reply const& reply, std::vector<redis_address> const& allowed) {
  if (reply.what == kind::error) return {std::nullopt, cause_of_reply(reply.text)};
  if (reply.what == kind::null) return {std::nullopt, "the Sentinel knows no master of this name"};
  bool const is_pair = reply.what == kind::list && reply.items.size() == 2 && reply.items[0].what == kind::text && reply.items[1].what == kind::text;
  if (!is_pair || !is_host(reply.items[0].text) || !is_port(reply.items[1].text)) return {std::nullopt, "the Sentinel's answer is no address"};
  redis_address master{reply.items[0].text, reply.items[1].text};
  if (!is_allowed(master, allowed)) return {std::nullopt, "the Sentinel names a master that is not among allowed_masters"};
  return {std::move(master), {}};
}

bool is_master(redis_reply const& hello) {
  for (std::size_t i = 0; i + 1 < hello.items.size(); i += 2)
    if (hello.items[i].text == "role") return hello.items[i + 1].text == "master";
  return false;
}

}  // namespace mooring::detail
