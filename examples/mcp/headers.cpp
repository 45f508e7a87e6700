#include "mcp/headers.hpp"

#include "http/address.hpp"

#include <mooring/core/identifier.hpp>

#include <algorithm>

namespace mooring::mcp {
namespace {

using http::equals_ignoring_case;
using http::trimmed;

// Calls `visit` with each part of a list, trimmed.
template <class Visit>
void split(std::string_view list, char separator, Visit visit) {
  for (;;) {
    auto const end = list.find(separator);
    visit(trimmed(list.substr(0, end)));
    if (end == std::string_view::npos) return;
    list.remove_prefix(end + 1);
  }
}

std::string_view media_type_of(std::string_view content_type) noexcept { return trimmed(content_type.substr(0, content_type.find(';'))); }

// `q=0`, `q=0.0` and so on.
bool is_zero_quality(std::string_view parameter) noexcept {
  auto const equals = parameter.find('=');
  if (equals == std::string_view::npos || !equals_ignoring_case(trimmed(parameter.substr(0, equals)), "q")) return false;
  auto const value = trimmed(parameter.substr(equals + 1));
  return !value.empty() && value.front() == '0' && std::ranges::all_of(value, [](char c) { return c == '0' || c == '.'; });
}

std::string_view without_port(std::string_view host) noexcept {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

bool contains(std::vector<std::string> const& list, std::string_view wanted) {
  return std::ranges::any_of(list, [wanted](std::string const& each) { return each == "*" || equals_ignoring_case(each, wanted); });
}

bool is_loopback_origin(std::string_view origin) {
  auto const parsed = http::parse_url(origin);
  return parsed && http::is_loopback(parsed->place.host);
}

}  // namespace

bool is_session_version(std::string_view version) noexcept { return std::ranges::find(session_versions, version) != session_versions.end(); }

std::string_view negotiated_version(std::string_view requested) noexcept {
  auto const known = std::ranges::find(session_versions, requested);
  return known == session_versions.end() ? latest_session_version : *known;
}

bool accepts(http::fields const& header, std::string_view media_type) {
  auto const any_subtype = std::string(media_type.substr(0, media_type.find('/'))) + "/*";
  int best = 0;
  bool is_accepted = false;
  for (auto const field : header.all("Accept")) {
    split(field, ',', [&](std::string_view range) {
      auto const name = media_type_of(range);
      int const precision = equals_ignoring_case(name, media_type) ? 3 : equals_ignoring_case(name, any_subtype) ? 2 : name == "*/*" ? 1 : 0;
      if (precision == 0 || precision < best) return;
      bool is_refused = false;
      split(range, ';', [&](std::string_view parameter) { is_refused = is_refused || is_zero_quality(parameter); });
      is_accepted = (precision == best && is_accepted) || !is_refused;
      best = precision;
    });
  }
  return is_accepted;
}

bool is_json(std::string_view content_type) noexcept { return equals_ignoring_case(media_type_of(content_type), json_type); }

bool is_event_stream(std::string_view content_type) noexcept { return equals_ignoring_case(media_type_of(content_type), event_stream_type); }

bool is_allowed(http::fields const& header, access_rules const& rules) {
  for (auto const origin : header.all("Origin")) {
    bool const is_own = rules.is_loopback_bind && is_loopback_origin(origin);
    if (!is_own && !contains(rules.allowed_origins, origin)) return false;
  }
  if (!rules.is_loopback_bind && rules.allowed_hosts.empty()) return true;
  for (auto const field : header.all("Host")) {
    auto const host = without_port(trimmed(field));
    bool const is_own = rules.is_loopback_bind && http::is_loopback(host);
    if (!is_own && !contains(rules.allowed_hosts, host)) return false;
  }
  return true;
}

session_id_header session_id_of(http::fields const& header) {
  session_id_header found;
  for (auto const value : header.all(session_header)) {
    if (!is_valid_id(value) || (found.id && *found.id != value)) {
      found.is_valid = false;
      found.id = std::nullopt;
      return found;
    }
    found.id = std::string(value);
  }
  return found;
}

}  // namespace mooring::mcp
