#pragma once

#include "http/message.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mooring::mcp {

inline constexpr char session_header[] = "Mcp-Session-Id";
inline constexpr char version_header[] = "MCP-Protocol-Version";
inline constexpr char last_event_header[] = "Last-Event-ID";

inline constexpr char json_type[] = "application/json";
inline constexpr char event_stream_type[] = "text/event-stream";

/** The revisions with protocol sessions over Streamable HTTP, oldest first. */
inline constexpr std::array<std::string_view, 3> session_versions{"2025-03-26", "2025-06-18", "2025-11-25"};
inline constexpr std::string_view latest_session_version = session_versions.back();

/** The revision without protocol sessions. */
inline constexpr std::string_view modern_version = "2026-07-28";

bool is_session_version(std::string_view version) noexcept;

/** @brief The version to answer to `initialize`: the requested one where it is known, else the latest. */
std::string_view negotiated_version(std::string_view requested) noexcept;

/** @brief Whether the `Accept` fields cover a media type such as `text/event-stream`: by name, `text/\*` or `*\/\*`, and not with `q=0`.
 *
 *  The most specific range decides. No field at all covers nothing: MCP demands the field.
 *  @par Source  RFC 9110, section 12.5.1.
 */
bool accepts(http::fields const& header, std::string_view media_type);

/** @brief Whether a `Content-Type` is `application/json`, with any parameters. */
bool is_json(std::string_view content_type) noexcept;

/** @brief Whether a `Content-Type` is `text/event-stream`, with any parameters. */
bool is_event_stream(std::string_view content_type) noexcept;

/** @brief Who may ask, as far as `Origin` and `Host` say: the guard against DNS rebinding. */
struct access_rules {
  access_rules() = default;

  bool is_loopback_bind = true;              ///< Then only loopback hosts and origins pass, besides the lists.
  std::vector<std::string> allowed_origins;  ///< Such as `https://app.example.com`; `*` allows all.
  std::vector<std::string> allowed_hosts;    ///< Host names without port; `*` allows all.
};

/** @brief Whether the header may pass: no `Origin` or an allowed one; on a loopback bind, or with a list of hosts, an allowed `Host` too. Otherwise 403. */
bool is_allowed(http::fields const& header, access_rules const& rules);

/** What the session id fields of a request say. */
struct session_id_header {
  session_id_header() = default;
  bool is_valid = true;           ///< False: several differing fields, or one that can be no id: answer 400.
  std::optional<std::string> id;  ///< Nothing where there is no field.
};
session_id_header session_id_of(http::fields const& header);

}  // namespace mooring::mcp
