#include "http/address.hpp"

#include "http/message.hpp"

#include <algorithm>
#include <charconv>

namespace mooring::http {
namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
  unsigned value = 0;
  auto const [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || rest != text.data() + text.size() || value > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(value);
}

bool is_host(std::string_view text, bool in_brackets) noexcept {
  auto const allowed = [in_brackets](char c) {
    bool const is_name = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_';
    return is_name || (in_brackets && (c == ':' || c == '%'));
  };
  return !text.empty() && std::ranges::all_of(text, allowed);
}

// Splits HOST[:PORT]; the port is nothing where there is none.
struct authority {
  std::string_view host;
  std::optional<std::string_view> port;
};

std::optional<authority> split(std::string_view text) {
  authority found;
  bool const in_brackets = text.starts_with('[');
  if (in_brackets) {
    auto const end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    found.host = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    if (!text.empty() && text.front() != ':') return std::nullopt;
    if (!text.empty()) found.port = text.substr(1);
  } else {
    auto const colon = text.find(':');
    found.host = text.substr(0, colon);
    if (colon != std::string_view::npos) found.port = text.substr(colon + 1);
  }
  if (!is_host(found.host, in_brackets)) return std::nullopt;
  if (in_brackets && found.host.find(':') == std::string_view::npos) return std::nullopt;  // brackets are for IPv6
  return found;
}

}  // namespace

std::optional<endpoint> parse_endpoint(std::string_view text) {
  auto const parts = split(text);
  if (!parts || !parts->port) return std::nullopt;
  auto const port = parse_port(*parts->port);
  if (!port) return std::nullopt;
  return endpoint{std::string(parts->host), *port};
}

std::string to_text(endpoint const& place) {
  bool const needs_brackets = place.host.find(':') != std::string::npos;
  auto const host = needs_brackets ? '[' + place.host + ']' : place.host;
  return host + ':' + std::to_string(place.port);
}

std::optional<url> parse_url(std::string_view text) {
  auto const scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) return std::nullopt;
  auto const scheme = text.substr(0, scheme_end);
  url made;
  made.is_secure = equals_ignoring_case(scheme, "https");
  if (!made.is_secure && !equals_ignoring_case(scheme, "http")) return std::nullopt;
  text.remove_prefix(scheme_end + 3);
  text = text.substr(0, text.find('#'));

  auto const host_end = std::min(text.find_first_of("/?"), text.size());
  auto const parts = split(text.substr(0, host_end));
  if (!parts) return std::nullopt;
  std::optional<std::uint16_t> port = made.is_secure ? 443 : 80;
  if (parts->port && !parts->port->empty()) port = parse_port(*parts->port);
  if (!port || *port == 0) return std::nullopt;
  made.place = endpoint{std::string(parts->host), *port};

  auto const rest = text.substr(host_end);
  if (std::ranges::any_of(rest, [](char c) { return c <= 0x20 || c == 0x7F; })) return std::nullopt;
  if (!rest.empty()) made.target = rest.front() == '/' ? std::string(rest) : '/' + std::string(rest);
  return made;
}

bool is_loopback(std::string_view host) noexcept {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  static constexpr std::string_view local = "localhost";
  static constexpr std::string_view below_local = ".localhost";
  if (equals_ignoring_case(host, local) || host == "::1") return true;
  if (host.size() > below_local.size() && equals_ignoring_case(host.substr(host.size() - below_local.size()), below_local)) return true;
  if (!host.starts_with("127.")) return false;
  // Only an address counts: 127.evil.example is a name that anybody can own.
  int dots = 0;
  for (std::size_t i = 0; i < host.size(); ++i) {
    char const c = host[i];
    if (c == '.') {
      ++dots;
      if (i + 1 == host.size() || host[i + 1] == '.') return false;
    } else if (c < '0' || c > '9') {
      return false;
    }
  }
  return dots == 3;
}

}  // namespace mooring::http
