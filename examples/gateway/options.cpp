#include "options.hpp"

#include "storage_flags.hpp"

#include "program/command_line.hpp"
#include "program/flags.hpp"
#include "program/version.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <iostream>
#include <string_view>

namespace mooring::gateway {

namespace {

using program::add_duration;
using program::add_number;

bool is_backend_name(std::string_view name) {
  auto const is_good = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-'; };
  return !name.empty() && name.size() <= 32 && std::isalpha(static_cast<unsigned char>(name.front())) != 0 && std::all_of(name.begin(), name.end(), is_good);
}

void add_backend(options& into, std::string const& text) {
  auto const equals = text.find('=');
  auto const name = text.substr(0, equals);
  auto const where = equals == std::string::npos ? std::nullopt : http::parse_url(text.substr(equals + 1));
  // What was given is not repeated: it may hold a password.
  if (!is_backend_name(name)) throw CLI::ValidationError("--backend", "give NAME=URL; a name is a letter, then letters, digits and hyphens, at most 32");
  if (!where || where->is_secure) throw CLI::ValidationError("--backend", "the URL of '" + name + "' is not http://HOST:PORT/PATH, without a user or a password");
  for (auto const& [known, place] : into.backends)
    if (known == name) throw CLI::ValidationError("--backend", "the name '" + name + "' occurs twice");
  into.backends.emplace_back(name, *where);
}

// As browsers write it, or it would never match: scheme and host, the port only where it is not the scheme's own, and nothing else.
bool is_origin(std::string_view text) {
  auto const end = text.find("://");
  if (text == "*") return true;
  if (end == std::string_view::npos || end == 0) return false;
  auto const scheme = text.substr(0, end);
  auto const host = text.substr(end + 3);
  if (host.empty() || host.find_first_of("/?#@ \t") != std::string_view::npos) return false;
  bool const is_http = http::equals_ignoring_case(scheme, "http");
  bool const is_https = http::equals_ignoring_case(scheme, "https");
  if (!is_http && !is_https) return true;
  return http::parse_url(text) && !host.ends_with(is_http ? ":80" : ":443") && !host.ends_with(':');
}

bool is_bare_host(std::string_view text) {
  if (text == "*") return true;
  if (text.find_first_of("/?#@ \t") != std::string_view::npos || !http::parse_url("http://" + std::string(text))) return false;
  return text.starts_with('[') ? text.ends_with(']') : text.find(':') == std::string_view::npos;
}

CLI::Validator rule(bool (*is_good)(std::string_view), std::string const& sentence) {
  return CLI::Validator([is_good, sentence](std::string& text) { return is_good(text) ? std::string() : "'" + text + "' " + sentence; }, "");
}

// What no flag can say alone: the first rule that they break together, or nothing.
std::string broken_rule(options const& chosen) {
  auto const& manager = chosen.manager;
  if (*chosen.storage.memory.absolute_lifetime < chosen.storage.memory.ttl) return "--max-lifetime must be at least --ttl";
  if (manager.placeholder_ttl <= manager.deadlines.factory) return "--placeholder-ttl must be above --factory-deadline, " + program::duration_text(manager.deadlines.factory);
  if (chosen.initialize_budget >= manager.deadlines.factory) return "--initialize-budget must be below --factory-deadline, " + program::duration_text(manager.deadlines.factory);
  if (manager.failure_backoff_limit < manager.failure_backoff) return "--failure-backoff-limit must be at least --failure-backoff, " + program::duration_text(manager.failure_backoff);
  auto const& records = chosen.storage.memory.limits;
  if (records.max_value_bytes > records.max_total_bytes) return "--max-record-value must be at most --max-record, " + std::to_string(records.max_total_bytes);
  if (manager.check_interval > chosen.storage.memory.ttl / 2) return "--check-interval must be at most half of --ttl, " + program::duration_text(chosen.storage.memory.ttl);
  return {};
}

}  // namespace

options::options() {
  storage.memory.ttl = std::chrono::hours(2);
  storage.memory.absolute_lifetime = std::chrono::hours(24);
  server.keep_alive = std::chrono::seconds(30);
}

std::optional<int> read_options(int argc, char const* const* argv, options& into) {
  CLI::App app("An MCP gateway over Streamable HTTP.", "mooring-gateway");
  app.set_version_flag("--version", std::string("mooring-gateway ") + program::version);
  app.footer("Example: two servers, and sessions in a Redis that replicas share\n"
             "  mooring-gateway --listen 0.0.0.0:8080 --allowed-host mcp.example.com --tokens tokens.json --binding-keys keys.txt \\\n"
             "    --storage redis://redis.internal --backend files=http://10.0.0.5:3000/mcp --backend search=http://10.0.0.6:3000/mcp");
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
  auto storage = [&into](std::string const& text) { into.storage.redis = parse_storage(text); };
  app.add_option_function<std::string>("--storage", storage, "where sessions are kept: memory, or a server that replicas share, as redis://HOST:PORT, rediss://..., "
                                       "redis+sentinel://HOST:PORT,.../MASTER or unix:///PATH; passwords are taken from MOORING_REDIS_PASSWORD and MOORING_SENTINEL_PASSWORD")
      ->type_name("memory|URL")->default_str("memory");
  redis_flags shared(app);
  app.add_option_function<std::string>("--binding-keys", [&into](std::string const& file) { into.manager.binding_keys = load_binding_keys(file); },
                                       "file of lines ID:KEY, the first signs; the same for all replicas. Binds stored sessions to their owners")->type_name("FILE");
  app.add_option("--tokens", into.token_file, "JSON file: bearer token -> {issuer, subject}; without it every caller is anonymous")->type_name("FILE");
  app.add_option("--allowed-origin", into.allowed_origins, "an Origin that may call, and whose pages may read the answers; may be repeated")
      ->type_name("ORIGIN")->allow_extra_args(false)
      ->check(rule(is_origin, "is not * or SCHEME://HOST[:PORT] as browsers write it: no path, no slash at the end, no port that is the scheme's own"));
  app.add_option("--allowed-host", into.allowed_hosts, "a Host that may be called; may be repeated")
      ->type_name("HOST")->allow_extra_args(false)->check(rule(is_bare_host, "is not * or the name of a host; it stands for all ports, and is written without one"));
  add_number<std::size_t>(app, "--threads", into.threads, "threads that serve", 1, 256);
  app.add_flag("--forbidden", into.says_forbidden, "answer 403, not 404, about another caller's session");

  auto group = std::string("Lifetimes and deadlines");
  auto* times = app.add_option_group(group, "written as 500ms, 30s, 5m or 2h");
  duration lifetime = *into.storage.memory.absolute_lifetime;
  duration sweep{};
  duration tombstone_ttl{};
  auto& deadlines = into.manager.deadlines;
  add_duration(*times, "--ttl", into.storage.memory.ttl, "idle time after which a session ends", std::chrono::milliseconds(2));
  add_duration(*times, "--max-lifetime", lifetime, "time after which any session ends");
  add_duration(*times, "--sweep-interval", sweep, "between two sweeps for ended sessions", std::chrono::milliseconds(1), "half the TTL");
  add_duration(*times, "--placeholder-ttl", into.manager.placeholder_ttl, "how long an id waits for its session");
  add_duration(*times, "--tombstone-ttl", tombstone_ttl, "how long ended ids are remembered", std::chrono::milliseconds(1), "the TTL, at least 1m");
  add_duration(*times, "--initialize-budget", into.initialize_budget, "how long initialize waits for slow backends");
  add_duration(*times, "--handshake-deadline", into.deadlines.handshake, "initialize at one backend");
  add_duration(*times, "--backend-deadline", into.deadlines.request, "a backend's answer, and its silence while it streams");
  add_duration(*times, "--answer-deadline", into.deadlines.answer, "that silence, once the backend has asked the client for something");
  add_duration(*times, "--call-deadline", into.deadlines.whole, "a backend's whole answer, however much it streams before");
  add_duration(*times, "--farewell-deadline", into.deadlines.farewell, "a backend's DELETE");
  add_duration(*times, "--connect-deadline", into.client.connect_deadline, "connecting to a backend");
  add_duration(*times, "--keep-alive", into.server.keep_alive, "between two signs of life on a silent stream");
  add_duration(*times, "--retry-after", into.retry_after, "what a 503 tells the client to wait");
  add_duration(*times, "--drain", into.drain, "how long a graceful end waits for requests in work");
  add_duration(*times, "--max-stale", into.manager.max_stale, "how long cached sessions serve without the storage", duration());
  add_duration(*times, "--check-interval", into.manager.check_interval, "how long a check of a session counts", duration());
  add_duration(*times, "--failure-backoff", into.manager.failure_backoff, "pause after a failed restore", duration());
  add_duration(*times, "--failure-backoff-limit", into.manager.failure_backoff_limit, "the longest such pause, as it doubles", duration());
  add_duration(*times, "--generate-deadline", deadlines.generate, "writing a new id");
  add_duration(*times, "--create-deadline", deadlines.create, "each storage operation of a creation");
  add_duration(*times, "--read-deadline", deadlines.read, "each read of the storage");
  add_duration(*times, "--terminate-deadline", deadlines.terminate, "erasing a session");
  add_duration(*times, "--factory-deadline", deadlines.factory, "opening or restoring at all backends");
  add_duration(*times, "--get-deadline", deadlines.get, "finding a session, restore included");
  add_duration(*times, "--shutdown-deadline", deadlines.shutdown, "closing all sessions, and a session's last requests");

  auto* limits = app.add_option_group("Limits");
  std::size_t per_principal = 0;
  into.manager.cache_capacity = 1000;
  add_number<std::size_t>(*limits, "--cache-capacity", into.manager.cache_capacity, "sessions kept open in this process", 1, 1'000'000'000);
  add_number(*limits, "--max-sessions", into.manager.max_sessions, "sessions of this process");
  add_number<std::size_t>(*limits, "--max-sessions-per-principal", per_principal, "sessions of one principal; 0: no limit of its own", 0);
  add_number(*limits, "--max-entries", into.storage.memory.max_entries, "records in memory");
  auto& records = into.storage.memory.limits;
  add_number(*limits, "--max-record", records.max_total_bytes, "bytes of a session's metadata, and of its backend sessions; like the three below, the same for all replicas");
  add_number(*limits, "--max-record-entries", records.max_entries, "entries of either; a backend session is one");
  add_number(*limits, "--max-record-key", records.max_key_bytes, "bytes of the name of an entry");
  add_number(*limits, "--max-record-value", records.max_value_bytes, "bytes of an entry; what the client said in initialize is one");
  add_number(*limits, "--max-restores", into.manager.max_restores, "restores at one time");
  add_number(*limits, "--max-tombstones", into.manager.max_tombstones, "ended ids remembered");
  add_number(*limits, "--max-body", into.server.max_body_bytes, "bytes of a request's body");
  add_number(*limits, "--max-bodies", into.server.max_bodies_bytes, "bytes of the bodies of all requests in work; beyond, they are turned away with 503");
  add_number<std::size_t>(*limits, "--max-header", into.server.max_header_bytes, "bytes of a request's header", 1, std::size_t{1} << 30);
  add_number<std::size_t>(*limits, "--max-connections", into.server.max_connections, "connections of clients", 1, 1'000'000);
  add_number(*limits, "--max-stream-backlog", into.server.max_stream_bytes, "bytes that wait for a slow client of a stream");
  add_number(*limits, "--max-backend-reply", into.client.max_body_bytes, "bytes of a backend's answer or event");
  add_number<std::size_t>(*limits, "--max-backend-connections", into.client.max_connections, "connections to one backend", 1, 1'000'000);
  add_number(*limits, "--backlog", into.backlog, "messages kept for a client without an open stream");

  if (auto const status = program::parse(app, argc, argv)) return status;
  auto const refuse = [&app](std::string const& why) {
    std::cerr << app.get_name() << ": " << why << "\nTry --help.\n";
    return program::usage_status;
  };
  if (auto const why = shared.apply(into.storage.redis); !why.empty()) return refuse(why);

  std::sort(into.backends.begin(), into.backends.end(), [](auto const& a, auto const& b) { return a.first < b.first; });
  into.client.max_event_bytes = into.client.max_body_bytes;
  into.server.retry_after = into.retry_after;
  // A TTL above the default lifetime pulls it along; a lifetime that was asked for is checked.
  into.storage.memory.absolute_lifetime = times->get_option("--max-lifetime")->count() != 0 ? lifetime : std::max(lifetime, into.storage.memory.ttl);
  into.manager.ttl = into.storage.memory.ttl;
  into.manager.limits = records;
  if (sweep != duration()) into.storage.memory.sweep_interval = into.manager.sweep_interval = sweep;
  if (tombstone_ttl != duration()) into.manager.tombstone_ttl = tombstone_ttl;
  if (per_principal != 0) into.manager.max_sessions_per_principal = per_principal;
  into.manager.hide_owner_mismatch = !into.says_forbidden;
  if (auto const why = broken_rule(into); !why.empty()) return refuse(why);
  return std::nullopt;
}

}  // namespace mooring::gateway
