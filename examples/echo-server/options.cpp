#include "options.hpp"

#include "program/command_line.hpp"

namespace mooring::echo {

std::optional<int> read_options(int argc, char const* const* argv, options& into) {
  CLI::App app("An MCP server over Streamable HTTP to try gateways and clients with. Prints \"listening on\" and its URL; SIGTERM ends it.", "mooring-echo-server");
  auto const listen = [&into](std::string const& text) {
    auto const place = http::parse_endpoint(text);
    if (!place) throw CLI::ValidationError("--listen", "'" + text + "' is not HOST:PORT");
    into.listen = *place;
  };
  std::int64_t ttl_seconds = into.ttl.count();
  std::int64_t delay_ms = 0;
  CLI::Range const a_count(std::uint64_t{0}, std::uint64_t{1'000'000'000});  // a negative number is read as a huge one
  app.add_option_function<std::string>("--listen", listen, "where to serve; port 0 picks a free one")->type_name("HOST:PORT")->default_str("127.0.0.1:0");
  app.add_option("--name", into.name, "the server's name, which the tool whoami tells")->type_name("NAME")->capture_default_str();
  app.add_option("--threads", into.threads, "how many threads serve")->check(CLI::Range(1, 256))->capture_default_str();
  app.add_option("--ttl", ttl_seconds, "seconds that an idle session lives")->check(CLI::Range(1, 1'000'000))->capture_default_str();
  app.add_option("--max-sessions", into.max_sessions, "how many sessions may be open")->check(CLI::Range(1, 10'000'000))->capture_default_str();
  app.add_option("--allowed-origin", into.allowed_origins, "an Origin that may ask besides loopback ones; repeatable")->type_name("ORIGIN");
  app.add_option("--allowed-host", into.allowed_hosts, "a host name under which the server may be asked besides loopback ones; repeatable")->type_name("HOST");
  app.add_option("--delay-ms", delay_ms, "wait this long before each request is answered")->check(CLI::Range(0, 3'600'000))->capture_default_str();
  app.add_option("--fail-every", into.fail_every, "answer each N-th request of a session with status 500; 0 never")->check(a_count)->type_name("N")->capture_default_str();
  app.add_option("--forget-after", into.forget_after, "forget a session after N requests, as a restart would; 0 never")->check(a_count)->type_name("N")->capture_default_str();
  app.add_flag("--ignore-resume-ids", into.is_ignoring_resume_ids, "give a new session to an initialize that names a live one, instead of resuming that one");
  app.add_flag("--conformance", into.has_conformance, "offer also the tools, resources and prompts that the official conformance tool asks for by name");
  if (auto const status = program::parse(app, argc, argv)) return status;
  into.ttl = std::chrono::seconds(ttl_seconds);
  into.delay = std::chrono::milliseconds(delay_ms);
  return std::nullopt;
}

}  // namespace mooring::echo
