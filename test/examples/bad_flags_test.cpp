#include "echo-server/options.hpp"
#include "gateway/options.hpp"
#include "gateway/tokens.hpp"

#include <boost/test/unit_test.hpp>

#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using namespace mooring;

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
  std::vector<std::string> const never{"-1", "-1s", "-0.5ms", "s", "x", "ms", "1x", "1d", "1S", "1 s", "1sec", "1s1", "1,5s", "1e10", "1e400", "inf", "nan", "soon", "1..5s"};
  for (auto const* flag : {"--ttl", "--max-lifetime", "--sweep-interval", "--placeholder-ttl", "--tombstone-ttl", "--initialize-budget", "--handshake-deadline", "--backend-deadline",
                           "--farewell-deadline", "--connect-deadline", "--keep-alive", "--retry-after", "--drain", "--generate-deadline", "--create-deadline", "--read-deadline",
                           "--terminate-deadline", "--factory-deadline", "--get-deadline", "--shutdown-deadline"}) {
    add(flag, never);
    add(flag, {"0", "0s", "0.5ms", "1e-9"});
  }
  for (auto const* flag : {"--max-stale", "--check-interval", "--failure-backoff"}) add(flag, never);
  add("--ttl", {"1ms"});
  for (auto const* flag : {"--threads", "--cache-capacity", "--max-sessions", "--max-entries", "--max-restores", "--max-tombstones", "--max-body", "--max-header", "--max-connections",
                           "--max-stream-backlog", "--max-backend-reply", "--max-backend-connections", "--backlog"})
    add(flag, {"0", "-1", "x", "1.5", "1x", "18446744073709551615", "99999999999999999999"});
  add("--max-sessions-per-principal", {"-1", "x", "1.5", "18446744073709551615"});
  add("--listen", {"8080", ":8080", "host", "host:", "host:x", "host:-1", "host:65536", "host:99999", "host:1x", "[::1:80", "::1:80", "a b:80", "a/b:80", "user@host:80", "http://host:80"});
  add("--storage", {"disk", "Memory", "memory "});
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
