#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace mooring::http {

/** @brief A host and a port, as in `--listen 127.0.0.1:8080` or `[::1]:0`. */
struct endpoint {
  endpoint() = default;
  endpoint(std::string h, std::uint16_t p) : host(std::move(h)), port(p) {}

  std::string host;  ///< A name or an address, without brackets.
  std::uint16_t port = 0;
};

/** @brief Reads `HOST:PORT` with an IPv6 host in brackets. Nothing for anything else. */
std::optional<endpoint> parse_endpoint(std::string_view text);

/** @brief The endpoint as it stands in a URL: IPv6 in brackets, always with its port. */
std::string to_text(endpoint const& place);

/** @brief An `http` URL in the parts that a client needs. */
struct url {
  url() = default;

  bool is_secure = false;  ///< https
  endpoint place;
  std::string target = "/";  ///< Path and query; a fragment is dropped.
};

/** @brief Reads an absolute `http` or `https` URL (RFC 3986). User information is refused. */
std::optional<url> parse_url(std::string_view text);

/** @brief Whether a host is this machine alone: `localhost`, `*.localhost`, 127/8 or ::1. */
bool is_loopback(std::string_view host) noexcept;

}  // namespace mooring::http
