#include "echo-server/options.hpp"
#include "gateway/options.hpp"
#include "gateway/storage_flags.hpp"
#include "gateway/tokens.hpp"
#include "program/flags.hpp"

#include <boost/test/unit_test.hpp>

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using namespace mooring;
using namespace std::chrono_literals;

namespace {

// A command line that ends with this one argument, which names the flag that has to be in the message.
struct row {
  std::string flag;
  std::string argument;
};

struct outcome_of_reading {
  std::optional<int> status;
  std::string said;
};

template <class Options>
outcome_of_reading read(std::vector<std::string> const& arguments) {
  std::vector<char const*> pointers{"program"};
  for (auto const& argument : arguments) pointers.push_back(argument.c_str());
  std::ostringstream said;
  auto* const out = std::cout.rdbuf(said.rdbuf());
  auto* const err = std::cerr.rdbuf(said.rdbuf());
  Options into;
  outcome_of_reading made;
  made.status = read_options(static_cast<int>(pointers.size()), pointers.data(), into);
  std::cout.rdbuf(out);
  std::cerr.rdbuf(err);
  made.said = said.str();
  return made;
}

std::vector<row> bad_gateway_flags() {
  std::vector<row> rows;
  auto const add = [&](std::string const& flag, std::vector<std::string> const& values) {
    for (auto const& value : values) rows.push_back({flag, flag + "=" + value});
  };
  std::vector<std::string> const never{"-1", "-1s", "-0.5ms", "s", "x", "ms", "1x", "1d", "1S", "1 s", "1sec", "1s1", "1,5s", "1e10", "1e400", "inf", "nan", "soon", "1..5s", "0x10s", "+5s", " 5s"};
  for (auto const* flag : {"--ttl", "--max-lifetime", "--sweep-interval", "--placeholder-ttl", "--tombstone-ttl", "--initialize-budget", "--handshake-deadline", "--backend-deadline",
                           "--farewell-deadline", "--connect-deadline", "--keep-alive", "--retry-after", "--drain", "--generate-deadline", "--create-deadline", "--read-deadline",
                           "--terminate-deadline", "--factory-deadline", "--get-deadline", "--shutdown-deadline", "--answer-deadline", "--call-deadline"}) {
    add(flag, never);
    add(flag, {"0", "0s", "0.5ms", "1e-9"});
  }
  for (auto const* flag : {"--max-stale", "--check-interval", "--failure-backoff", "--failure-backoff-limit", "--redis-replicas-within", "--sentinel-check", "--sentinel-reassert"}) add(flag, never);
  add("--failure-backoff-limit", {"100ms"});  // the pause begins with 250 ms
  add("--ttl", {"1ms"});
  for (auto const* flag : {"--threads", "--cache-capacity", "--max-sessions", "--max-entries", "--max-restores", "--max-tombstones", "--max-body", "--max-header", "--max-connections",
                           "--max-stream-backlog", "--max-backend-reply", "--max-backend-connections", "--backlog", "--max-record", "--max-record-entries", "--max-record-key", "--max-record-value"})
    add(flag, {"0", "-1", "x", "1.5", "1x", "18446744073709551615", "99999999999999999999"});
  add("--max-record-value", {"262145"});  // a record has 262144
  add("--redis-replicas", {"-1", "x", "1.5"});
  add("--sentinel-master", {"", "a:b", "a:65536", "a/b", "user@a", "a b", "::1", "http://a"});
  add("--threads", {"257", "100000"});
  add("--max-header", {"1073741825", "4294967296"});
  add("--cache-capacity", {"4294967296"});
  add("--allowed-host", {"", "foo:80", "http://foo", "foo/", "[::1]:80", "::1", "a b", "user@foo"});
  add("--allowed-origin", {"", "foo", "foo:80", "null", "https://", "https://foo/", "https://foo/path", "https://foo:443", "http://foo:80", "https://foo:", "https://foo?x", "https://user@foo", "://foo", "https://a b"});
  add("--max-sessions-per-principal", {"-1", "x", "1.5", "18446744073709551615"});
  add("--listen", {"8080", ":8080", "host", "host:", "host:x", "host:-1", "host:65536", "host:99999", "host:1x", "[::1:80", "::1:80", "a b:80", "a/b:80", "user@host:80", "http://host:80"});
  add("--storage", {"disk", "Memory", "memory ", "mem"});
  add("--max-lifetime", {"1h"});         // the TTL is 2 h
  add("--placeholder-ttl", {"15s"});      // the factory has 15 s
  add("--check-interval", {"61m"});       // the TTL is 2 h
  add("--factory-deadline", {"60s", "2m", "5s"});
  add("--initialize-budget", {"15s"});    // the factory has 15 s
  for (auto const* flag : {"--binding-keys", "--redis-ca", "--redis-certificate", "--redis-key"}) add(flag, {"/", "/no/such/file"});
  add("--backend", {"nameless", "=http://x/", "a b=http://x/", "1a=http://x/", "a_b=http://x/", "a.b=http://x/", std::string(33, 'a') + "=http://x/", "b=", "b=x", "b=ftp://x/", "b=https://x/",
                    "b=http://", "b=http:///", "b=http://user@x/", "b=http://x:99999/", "b=http://x:y/", "b=http://a b/", "b=//x/", "good=http://x/"});
  return rows;
}

std::vector<row> bad_echo_flags() {
  std::vector<row> rows;
  for (auto const& [flag, values] : std::vector<std::pair<std::string, std::vector<std::string>>>{{"--listen", {"8080", "host:99999", "host:x"}},
                                                                                                 {"--threads", {"0", "-1", "257", "x"}},
                                                                                                 {"--ttl", {"0", "-1", "1000001", "x", "1s"}},
                                                                                                 {"--max-sessions", {"0", "-1", "10000001", "x"}},
                                                                                                 {"--delay-ms", {"-1", "3600001", "x"}},
                                                                                                 {"--fail-every", {"-1", "x"}},
                                                                                                 {"--forget-after", {"-1", "x"}}})
    for (auto const& value : values) rows.push_back({flag, flag + "=" + value});
  return rows;
}

}  // namespace

// GW44
BOOST_AUTO_TEST_CASE(each_bad_flag_of_the_gateway_is_refused_with_status_2_and_named) {
  auto const rows = bad_gateway_flags();
  BOOST_TEST(rows.size() >= 500U);
  BOOST_TEST(!read<gateway::options>({"--backend", "good=http://127.0.0.1:1/mcp"}).status.has_value());
  for (auto const& bad : rows) {
    auto const ended = read<gateway::options>({"--backend", "good=http://127.0.0.1:1/mcp", bad.argument});
    BOOST_TEST_INFO_SCOPE(bad.argument);
    BOOST_TEST((ended.status == 2));
    BOOST_TEST(ended.said.find(bad.flag) != std::string::npos, ended.said);
  }
}

// GW44: a loopback bind has its own rule; these are for the others.
BOOST_AUTO_TEST_CASE(hosts_and_origins_as_browsers_write_them_are_taken) {
  for (auto const* argument : {"--allowed-host=*", "--allowed-host=foo", "--allowed-host=[::1]", "--allowed-host=10.0.0.1", "--allowed-origin=*", "--allowed-origin=https://foo",
                               "--allowed-origin=http://foo:8080", "--allowed-origin=https://[::1]:8080", "--allowed-origin=vscode-webview://0a1b"}) {
    BOOST_TEST_INFO_SCOPE(argument);
    BOOST_TEST(!read<gateway::options>({"--backend", "good=http://127.0.0.1:1/mcp", argument}).status.has_value());
  }
}

// SC03 GW44: whatever is wrong with it, a URL may hold a password.
BOOST_AUTO_TEST_CASE(no_message_repeats_what_may_hold_a_password) {
  for (auto const* argument : {"--backend=a=http://user:canary@host/", "--backend=http://user:canary@host/", "--backend=http://user:canary@host/?a=b", "--backend=a=https://user:canary@host/",
                               "--storage=redis://user:canary@host", "--storage=http://user:canary@host", "--storage=redis://user:canary@ho st"}) {
    auto const ended = read<gateway::options>({"--backend", "good=http://127.0.0.1:1/mcp", argument});
    BOOST_TEST_INFO_SCOPE(argument);
    BOOST_TEST((ended.status == 2));
    BOOST_TEST(ended.said.find("canary") == std::string::npos, ended.said);
  }
}

// GW44
BOOST_AUTO_TEST_CASE(messages_about_flags_name_flags_and_what_would_be_right) {
  auto const said = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--backend", "good=http://127.0.0.1:1/mcp"});
    return read<gateway::options>(arguments).said;
  };
  BOOST_TEST(said({"--ttl", "2h", "--check-interval", "3601s"}).find("--check-interval must be at most half of --ttl") != std::string::npos);
  BOOST_TEST(said({"--ttl", "2h", "--max-lifetime", "1h"}).find("--max-lifetime must be at least --ttl") != std::string::npos);
  BOOST_TEST(said({"--storage", "mem"}).find("memory") != std::string::npos);
  BOOST_TEST(said({"--threads", "257"}).find("from 1 to 256") != std::string::npos);
  BOOST_TEST(gateway::in_flags("redis_storage_options::tls.ca_pem is no valid PEM certificate.") == "--redis-ca is no valid PEM certificate.");
  BOOST_TEST(gateway::in_flags("redis_storage_options::key_prefix is empty.") == "--key-prefix is empty.");
  BOOST_TEST(gateway::in_flags("binding_keys: the id \"k\" is there twice") == "--binding-keys: the id \"k\" is there twice");
}

// GW44 SC11
BOOST_AUTO_TEST_CASE(flags_of_a_shared_storage_reach_it_and_are_refused_without_what_they_belong_to) {
  std::vector<std::string> const given{"--backend", "good=http://127.0.0.1:1/mcp", "--storage", "redis+sentinel://s1:26379,s2/mymaster", "--sentinel-master", "m1", "--sentinel-master", "[::1]:6380",
                                       "--sentinel-check", "2s", "--sentinel-reassert", "3m", "--redis-replicas", "2", "--redis-replicas-within", "50ms", "--max-record", "70000", "--failure-backoff-limit", "7s"};
  std::vector<char const*> pointers{"program"};
  for (auto const& argument : given) pointers.push_back(argument.c_str());
  gateway::options chosen;
  BOOST_REQUIRE(!gateway::read_options(static_cast<int>(pointers.size()), pointers.data(), chosen).has_value());
  auto const& redis = *chosen.storage.redis;
  std::vector<redis_address> const masters{{"m1", ""}, {"::1", "6380"}};
  BOOST_TEST((redis.sentinel->allowed_masters == masters));
  BOOST_TEST((redis.sentinel->master_check == 2s && redis.sentinel->reassert_window == 3min));
  BOOST_TEST((redis.durability && redis.durability->replicas == 2 && redis.durability->within == 50ms));
  BOOST_TEST((chosen.storage.memory.limits.max_total_bytes == 70000U && chosen.manager.limits.max_total_bytes == 70000U));
  BOOST_TEST((chosen.manager.failure_backoff_limit == 7s));

  for (auto const& [storage, argument] : std::vector<std::pair<std::string, std::string>>{{"memory", "--redis-replicas=1"}, {"memory", "--sentinel-master=m1"}, {"redis://h", "--sentinel-check=1s"},
                                                                                          {"redis://h", "--sentinel-reassert=1s"}, {"redis://h", "--sentinel-master=m1"},
                                                                                          {"redis://h", "--redis-replicas-within=50ms"}}) {
    auto const ended = read<gateway::options>({"--backend", "good=http://127.0.0.1:1/mcp", "--storage", storage, argument});
    BOOST_TEST_INFO_SCOPE(argument);
    BOOST_TEST((ended.status == 2));
    BOOST_TEST(ended.said.find(argument.substr(0, argument.find('='))) != std::string::npos, ended.said);
  }
}

// GW44
BOOST_AUTO_TEST_CASE(version_and_help_end_with_status_0_and_help_tells_each_default_in_one_way) {
  auto const version = read<gateway::options>({"--version"});
  BOOST_TEST((version.status == 0));
  BOOST_TEST(version.said.find("mooring-gateway ") == 0U);
  auto const help = read<gateway::options>({"--help"});
  BOOST_TEST((help.status == 0));
  BOOST_TEST(help.said.find("UINT") == std::string::npos);
  BOOST_TEST(help.said.find("9223372036854775807") == std::string::npos);
  BOOST_TEST(help.said.find("Example") != std::string::npos);
  for (auto const& [text, span] : std::vector<std::pair<std::string, duration>>{{"0", 0s}, {"1ms", 1ms}, {"1500ms", 1500ms}, {"5s", 5s}, {"90s", 90s}, {"1m", 60s}, {"2h", 120min}, {"24h", 24h}}) {
    BOOST_TEST(program::duration_text(span) == text);
    BOOST_TEST((program::parse_duration(text) == span), text);
  }
}

// GW44
BOOST_AUTO_TEST_CASE(key_file_is_read_alike_with_either_line_end_and_its_bad_line_is_counted) {
  auto const file = std::filesystem::temp_directory_path() / ("mooring-keys-" + std::to_string(::getpid()));
  auto const load = [&file](std::string const& text) {
    std::ofstream(file, std::ios::binary) << text;
    return gateway::load_binding_keys(file);
  };
  std::string const key(32, 'x');
  auto const unix_keys = load("a:" + key + "\n\nb:" + key + "\n");
  auto const windows_keys = load("a:" + key + "\r\n\r\nb:" + key + "\r\n");
  BOOST_REQUIRE(unix_keys.size() == 2U);
  BOOST_REQUIRE(windows_keys.size() == 2U);
  for (std::size_t i = 0; i != 2; ++i) BOOST_TEST(windows_keys[i].key.size() == unix_keys[i].key.size());
  std::string said;
  try {
    load("a:" + key + "\n\n\nno colon\n");
  } catch (CLI::ValidationError const& refused) {
    said = refused.what();
  }
  BOOST_TEST(said.find("line 4") != std::string::npos, said);
  std::filesystem::remove(file);
}

// GW44
BOOST_AUTO_TEST_CASE(each_bad_flag_of_the_echo_server_is_refused_with_status_2_and_named) {
  for (auto const& bad : bad_echo_flags()) {
    auto const ended = read<echo::options>({bad.argument});
    BOOST_TEST_INFO_SCOPE(bad.argument);
    BOOST_TEST((ended.status == 2));
    BOOST_TEST(ended.said.find(bad.flag) != std::string::npos, ended.said);
  }
}

// GW07: a file that leaves anybody's name in doubt is refused, by its rule and without a token.
BOOST_AUTO_TEST_CASE(each_bad_token_file_is_refused_by_its_rule) {
  std::string const good = R"({"secret-1":{"issuer":"i","subject":"s"},"secret-2":{"issuer":"i","subject":"t"}})";
  BOOST_REQUIRE(gateway::tokens::parse(good).has_value());
  std::vector<std::pair<std::string, std::string>> rows;
  for (std::size_t cut = 0; cut < good.size(); ++cut) rows.emplace_back(good.substr(0, cut), "one JSON object");
  for (auto const& text : {"[]", "null", "1", "\"secret-1\"", "x", "{} {}", "{},", "{'secret-1':{}}", "{secret-1:{}}"}) rows.emplace_back(text, "one JSON object");
  rows.emplace_back(good + "x", "one JSON object");
  rows.emplace_back(std::string(1, '\0') + good, "one JSON object");
  rows.emplace_back("{\"secret-1\":\"\xff\"}", "one JSON object");
  for (auto const& value : {"null", "true", "1", "\"s\"", "[]", "[{}]"}) rows.emplace_back(std::string("{\"secret-1\":") + value + "}", "an object with issuer and subject");
  rows.emplace_back(R"({"":{"issuer":"i","subject":"s"}})", "an object with issuer and subject");
  for (auto const& owner : {R"({})", R"({"issuer":"i"})", R"({"subject":"s"})", R"({"issuer":"","subject":"s"})", R"({"issuer":"i","subject":""})", R"({"issuer":1,"subject":"s"})", R"({"issuer":"i","subject":null})",
                            R"({"issuer":["i"],"subject":"s"})", R"({"issuer":"i\u0000","subject":"s"})", R"({"issuer":"i","subject":"\u0000"})", R"({"Issuer":"i","Subject":"s"})"})
    rows.emplace_back(std::string("{\"secret-1\":") + owner + "}", "issuer and a subject");
  rows.emplace_back(R"({"secret-1":{"issuer":"i","subject":"s"},"secret-1":{"issuer":"i","subject":"t"}})", "listed twice");
  rows.emplace_back(R"({"secret-1":{"issuer":"i","subject":"s"},"secret\u002d1":{"issuer":"i","subject":"t"}})", "listed twice");
  BOOST_TEST(rows.size() >= 100U);
  for (auto const& [text, rule] : rows) {
    std::string why;
    auto const read = gateway::tokens::parse(text, &why);
    BOOST_TEST_INFO_SCOPE(text);
    BOOST_TEST((read.has_error() && read.error() == errc::invalid_argument));
    BOOST_TEST(why.find(rule) != std::string::npos, why);
    BOOST_TEST(why.find("secret") == std::string::npos);
  }
}
