#include "options.hpp"

#include "program/command_line.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <functional>
#include <iostream>
#include <string_view>

namespace mooring::gateway {

namespace {

// Durations are written as a number with ms, s, m or h; a bare number means seconds.
std::optional<duration> parse_duration(std::string const& text) {
  std::size_t used = 0;
  double number = 0;
  try {
    number = std::stod(text, &used);
  } catch (std::exception const&) {
    return std::nullopt;
  }
  auto const unit = text.substr(used);
  double const seconds = unit == "ms" ? 1e-3 : unit.empty() || unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
  if (seconds == 0 || !(number >= 0) || number * seconds > 1e9) return std::nullopt;
  return std::chrono::duration_cast<duration>(std::chrono::duration<double>(number * seconds));
}

void add_duration(CLI::App& app, std::string const& flag, duration& into, std::string const& about, duration least = std::chrono::milliseconds(1)) {
  auto read = [&into, flag, least](std::string const& text) {
    auto const value = parse_duration(text);
    if (!value || *value < least) throw CLI::ValidationError(flag, "'" + text + "' is no duration such as 500ms, 30s or 2h, or too short");
    into = *value;
  };
  app.add_option_function<std::string>(flag, read, about)->type_name("DURATION");
}

template <class Number>
void add_number(CLI::App& app, std::string const& flag, Number& into, std::string const& about, Number least = 1) {
  app.add_option(flag, into, about)->capture_default_str()->check(CLI::Range(least, std::numeric_limits<Number>::max() / 2));
}

bool is_backend_name(std::string_view name) {
  auto const is_good = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-'; };
  return !name.empty() && name.size() <= 32 && std::isalpha(static_cast<unsigned char>(name.front())) != 0 && std::all_of(name.begin(), name.end(), is_good);
}

void add_backend(options& into, std::string const& text) {
  auto const equals = text.find('=');
  auto const name = text.substr(0, equals);
  auto const where = equals == std::string::npos ? std::nullopt : http::parse_url(text.substr(equals + 1));
  if (!is_backend_name(name)) throw CLI::ValidationError("--backend", "'" + text + "': a name is a letter, then letters, digits and hyphens, at most 32");
  if (!where || where->is_secure) throw CLI::ValidationError("--backend", "'" + text + "' is not NAME=http://HOST:PORT/PATH");
  for (auto const& [known, place] : into.backends)
    if (known == name) throw CLI::ValidationError("--backend", "the name '" + name + "' occurs twice");
  into.backends.emplace_back(name, *where);
}

}  // namespace

options::options() {
  storage.ttl = std::chrono::hours(2);
  storage.absolute_lifetime = std::chrono::hours(24);
  server.keep_alive = std::chrono::seconds(30);
}

std::optional<int> read_options(int argc, char const* const* argv, options& into) {
  CLI::App app("An MCP gateway over Streamable HTTP.", "mooring-gateway");
  std::string storage = "memory";
  auto listen = [&into](std::string const& text) {
    auto const place = http::parse_endpoint(text);
    if (!place) throw CLI::ValidationError("--listen", "'" + text + "' is not HOST:PORT");
    into.listen = *place;
  };
  app.add_option_function<std::string>("--listen", listen, "where to serve; port 0 picks a free one")->type_name("HOST:PORT")->default_str("127.0.0.1:8080");
  auto backends = [&into](std::vector<std::string> const& all) {
    for (auto const& one : all) add_backend(into, one);
  };
  app.add_option_function<std::vector<std::string>>("--backend", backends, "an MCP server behind the gateway; may be repeated")
      ->type_name("NAME=URL")->required()->take_all()->allow_extra_args(false);
  app.add_option("--storage", storage, "where sessions are kept")->check(CLI::IsMember({"memory"}))->capture_default_str();
  app.add_option("--tokens", into.token_file, "JSON file: bearer token -> {issuer, subject}; without it every caller is anonymous")->type_name("FILE");
  app.add_option("--allowed-origin", into.allowed_origins, "an Origin that may call; may be repeated")->allow_extra_args(false);
  app.add_option("--allowed-host", into.allowed_hosts, "a Host that may be called; may be repeated")->allow_extra_args(false);
  add_number(app, "--threads", into.threads, "threads that serve");
  app.add_flag("--forbidden", into.says_forbidden, "answer 403, not 404, about another caller's session");

  auto group = std::string("Lifetimes and deadlines");
  auto* times = app.add_option_group(group, "written as 500ms, 30s, 5m or 2h");
  duration lifetime = *into.storage.absolute_lifetime;
  duration sweep{};
  duration tombstone_ttl{};
  auto& deadlines = into.manager.deadlines;
  add_duration(*times, "--ttl", into.storage.ttl, "idle time after which a session ends (2h)", std::chrono::milliseconds(2));
  add_duration(*times, "--max-lifetime", lifetime, "time after which any session ends (24h)");
  add_duration(*times, "--sweep-interval", sweep, "between two sweeps for ended sessions (half the TTL)");
  add_duration(*times, "--placeholder-ttl", into.manager.placeholder_ttl, "how long an id waits for its session (60s)");
  add_duration(*times, "--tombstone-ttl", tombstone_ttl, "how long ended ids are remembered (the TTL, at least 1m)");
  add_duration(*times, "--initialize-budget", into.initialize_budget, "how long initialize waits for slow backends (5s)");
  add_duration(*times, "--handshake-deadline", into.deadlines.handshake, "initialize at one backend (10s)");
  add_duration(*times, "--backend-deadline", into.deadlines.request, "a backend's answer, and its silence while it streams (30s)");
  add_duration(*times, "--farewell-deadline", into.deadlines.farewell, "a backend's DELETE (5s)");
  add_duration(*times, "--connect-deadline", into.client.connect_deadline, "connecting to a backend (5s)");
  add_duration(*times, "--keep-alive", into.server.keep_alive, "between two signs of life on a silent stream (30s)");
  add_duration(*times, "--retry-after", into.retry_after, "what a 503 tells the client to wait (1s)");
  add_duration(*times, "--drain", into.drain, "how long a graceful end waits for requests in work (30s)");
  add_duration(*times, "--max-stale", into.manager.max_stale, "how long cached sessions serve without the storage (30s)", duration());
  add_duration(*times, "--check-interval", into.manager.check_interval, "how long a check of a session counts (0)", duration());
  add_duration(*times, "--failure-backoff", into.manager.failure_backoff, "pause after a failed restore (250ms)", duration());
  add_duration(*times, "--generate-deadline", deadlines.generate, "writing a new id (5s)");
  add_duration(*times, "--create-deadline", deadlines.create, "each storage operation of a creation (5s)");
  add_duration(*times, "--read-deadline", deadlines.read, "each read of the storage (3s)");
  add_duration(*times, "--terminate-deadline", deadlines.terminate, "erasing a session (5s)");
  add_duration(*times, "--factory-deadline", deadlines.factory, "opening or restoring at all backends (15s)");
  add_duration(*times, "--get-deadline", deadlines.get, "finding a session, restore included (20s)");
  add_duration(*times, "--shutdown-deadline", deadlines.shutdown, "closing all sessions, and a session's last requests (10s)");

  auto* limits = app.add_option_group("Limits");
  std::size_t per_principal = 0;
  into.manager.cache_capacity = 1000;
  add_number(*limits, "--cache-capacity", into.manager.cache_capacity, "sessions kept open in this process");
  add_number(*limits, "--max-sessions", into.manager.max_sessions, "sessions of this process");
  add_number<std::size_t>(*limits, "--max-sessions-per-principal", per_principal, "sessions of one principal; 0: no limit of its own", 0);
  add_number(*limits, "--max-entries", into.storage.max_entries, "records in memory");
  add_number(*limits, "--max-restores", into.manager.max_restores, "restores at one time");
  add_number(*limits, "--max-tombstones", into.manager.max_tombstones, "ended ids remembered");
  add_number(*limits, "--max-body", into.server.max_body_bytes, "bytes of a request's body");
  add_number(*limits, "--max-header", into.server.max_header_bytes, "bytes of a request's header");
  add_number(*limits, "--max-connections", into.server.max_connections, "connections of clients");
  add_number(*limits, "--max-stream-backlog", into.server.max_stream_bytes, "bytes that wait for a slow client of a stream");
  add_number(*limits, "--max-backend-reply", into.client.max_body_bytes, "bytes of a backend's answer or event");
  add_number(*limits, "--max-backend-connections", into.client.max_connections, "connections to one backend");
  add_number(*limits, "--backlog", into.backlog, "messages kept for a client without an open stream");

  if (auto const status = program::parse(app, argc, argv)) return status;

  std::sort(into.backends.begin(), into.backends.end(), [](auto const& a, auto const& b) { return a.first < b.first; });
  into.client.max_event_bytes = into.client.max_body_bytes;
  // A TTL above the default lifetime pulls it along; a lifetime that was asked for is checked by the storage.
  into.storage.absolute_lifetime = times->get_option("--max-lifetime")->count() != 0 ? lifetime : std::max(lifetime, into.storage.ttl);
  into.manager.ttl = into.storage.ttl;
  if (sweep != duration()) into.storage.sweep_interval = into.manager.sweep_interval = sweep;
  if (tombstone_ttl != duration()) into.manager.tombstone_ttl = tombstone_ttl;
  if (per_principal != 0) into.manager.max_sessions_per_principal = per_principal;
  into.manager.hide_owner_mismatch = !into.says_forbidden;
  return std::nullopt;
}

}  // namespace mooring::gateway
