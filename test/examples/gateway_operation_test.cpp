// Who may call, what is measured, when a backend is contacted: gateway/tokens.hpp, gateway/metrics.hpp, gateway/backend.hpp, gateway/options.hpp, gateway/replies.hpp.

#include "gateway/backend.hpp"
#include "gateway/cors.hpp"
#include "gateway/metrics.hpp"
#include "gateway/options.hpp"
#include "gateway/parked_sessions.hpp"
#include "gateway/replies.hpp"
#include "gateway/session.hpp"
#include "gateway/standing_stream.hpp"
#include "gateway/tokens.hpp"
#include "http/exchange.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <memory>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

using namespace mooring;
using namespace mooring::gateway;
using namespace std::chrono_literals;

namespace {

http::fields bearing(std::string value) { return http::fields{{"authorization", std::move(value)}}; }

// Standard output and error of the command line parser, kept off the test's own.
class quiet {
 public:
  quiet() : out_(std::cout.rdbuf(text_.rdbuf())), err_(std::cerr.rdbuf(text_.rdbuf())) {}
  ~quiet() {
    std::cout.rdbuf(out_);
    std::cerr.rdbuf(err_);
  }

 private:
  std::ostringstream text_;
  std::streambuf* out_;
  std::streambuf* err_;
};

std::optional<int> read(options& into, std::vector<char const*> arguments) {
  quiet const silence;
  arguments.insert(arguments.begin(), "mooring-gateway");
  return read_options(static_cast<int>(arguments.size()), arguments.data(), into);
}

}  // namespace

// GW07
BOOST_AUTO_TEST_CASE(token_stands_for_its_principal_and_nothing_else_does) {
  auto const known = tokens::parse(R"({"t1":{"issuer":"i","subject":"s"},"t2":{"issuer":"i","subject":"other"}})");
  BOOST_REQUIRE(known.has_value());
  auto const who = known->identify(bearing("Bearer t1"));
  BOOST_REQUIRE(who.has_value());
  BOOST_TEST(who->is_same_as(*principal::of("i", "s")));
  BOOST_TEST(known->identify(bearing("bearer   t2"))->is_same_as(*principal::of("i", "other")));
  for (auto const* const wrong : {"", "t1", "Basic t1", "Bearer", "Bearer ", "Bearer t", "Bearer t11", "Bearer t1 t1"})
    BOOST_TEST(!known->identify(bearing(wrong)).has_value(), wrong);
  BOOST_TEST(!known->identify({}).has_value());
  http::fields const two{{"Authorization", "Bearer t1"}, {"Authorization", "Bearer t2"}};
  BOOST_TEST(!known->identify(two).has_value());
}

BOOST_AUTO_TEST_CASE(without_a_token_file_every_caller_is_anonymous) {
  BOOST_TEST(tokens().identify(bearing("Bearer whatever"))->is_anonymous());
  BOOST_TEST(tokens().identify({})->is_anonymous());
}

BOOST_AUTO_TEST_CASE(token_file_that_leaves_somebody_nameless_is_refused_without_telling_a_token) {
  for (auto const* const text : {"", "[]", "{", R"({"secret-token":1})", R"({"secret-token":{"issuer":"i"}})", R"({"secret-token":{"issuer":"","subject":"s"}})",
                                 R"({"":{"issuer":"i","subject":"s"}})", R"({"secret-token":{"issuer":1,"subject":"s"}})"}) {
    std::string why;
    BOOST_TEST(!tokens::parse(text, &why).has_value(), text);
    BOOST_TEST(!why.empty());
    BOOST_TEST(why.find("secret-token") == std::string::npos);
  }
  BOOST_TEST(!tokens::load("/no/such/file").has_value());
}

// GW33
BOOST_AUTO_TEST_CASE(circuit_lets_one_try_pass_after_each_pause_which_doubles_up_to_its_limit) {
  circuit broken;
  time_point now{1h};
  BOOST_TEST(broken.may_try(now));
  BOOST_TEST(broken.is_closed());
  broken.failed(now);
  BOOST_TEST(!broken.is_closed());
  for (duration pause = circuit::first_pause; pause < circuit::longest_pause * 4; pause *= 2) {
    auto const expected = std::min(pause, circuit::longest_pause);
    BOOST_TEST(!broken.may_try(now + expected - 1ns));
    now += expected;
    BOOST_TEST(broken.may_try(now));
    BOOST_TEST(!broken.may_try(now), "one try only, until its outcome is known");
    broken.failed(now);
  }
  broken.succeeded();
  BOOST_TEST(broken.may_try(now));
  BOOST_TEST(broken.may_try(now));
}

// GW33
BOOST_AUTO_TEST_CASE(circuit_is_paused_only_until_the_next_try_and_looking_takes_no_try) {
  circuit broken;
  time_point const now{1h};
  BOOST_TEST(!broken.is_paused(now));
  broken.failed(now);
  BOOST_TEST(broken.is_paused(now + circuit::first_pause - 1ns));
  BOOST_TEST(!broken.is_paused(now + circuit::first_pause));
  BOOST_TEST(broken.may_try(now + circuit::first_pause));
  BOOST_TEST(broken.is_paused(now + circuit::first_pause), "somebody tries");
  broken.succeeded();
  BOOST_TEST(!broken.is_paused(now));
}

BOOST_AUTO_TEST_CASE(standing_stream_keeps_no_more_than_its_bytes_for_a_client_that_is_away) {
  std::atomic<std::uint64_t> dropped = 0;
  standing_stream stream(1000, dropped);
  std::string const quarter(standing_stream::max_waiting_bytes / 4, 'x');
  for (int i = 0; i != 4; ++i) stream.send(quarter);
  BOOST_TEST(dropped == 0U);
  stream.send("one byte more takes the oldest away");
  BOOST_TEST(dropped == 1U);
  stream.send(std::string(standing_stream::max_waiting_bytes + 1, 'x'));
  BOOST_TEST(dropped == 6U, "a message that alone is too large leaves nothing");
}

// GW26
BOOST_AUTO_TEST_CASE(standing_stream_keeps_messages_in_order_when_its_client_is_slow) {
  std::atomic<std::uint64_t> dropped = 0;
  standing_stream stream(100, dropped);
  auto const slow = std::make_shared<http::exchange>(1);  // full with the first message
  BOOST_REQUIRE(slow->open_events({}, http::at_stop::end));
  http::event_stream const to_client(slow);
  to_client.when_room([&] { stream.flush(); });
  BOOST_REQUIRE(stream.attach(to_client));
  std::string sent;
  stream.send("A");
  stream.send("B");
  sent += slow->take().events;
  stream.send("C");
  for (int i = 0; i != 3; ++i) sent += slow->take().events;
  BOOST_TEST(sent == "data: A\n\ndata: B\n\ndata: C\n\n");
  BOOST_TEST(dropped == 0U);
}

BOOST_AUTO_TEST_CASE(standing_stream_lets_go_of_the_stream_in_place_only) {
  std::atomic<std::uint64_t> dropped = 0;
  standing_stream stream(100, dropped);
  std::vector<std::shared_ptr<http::exchange>> both;
  for (int i = 0; i != 2; ++i) {
    both.push_back(std::make_shared<http::exchange>(100));
    BOOST_REQUIRE(both.back()->open_events({}, http::at_stop::end));
    BOOST_REQUIRE(stream.attach(http::event_stream(both.back())));
  }
  BOOST_TEST(!both[0]->is_open());
  BOOST_TEST(!stream.detach(http::event_stream(both[0])));
  BOOST_TEST(stream.is_open());
  BOOST_TEST(stream.detach(http::event_stream(both[1])));
  BOOST_TEST(!stream.is_open());
  stream.send("kept for the next");
  auto const next = std::make_shared<http::exchange>(100);
  BOOST_REQUIRE(next->open_events({}, http::at_stop::end));
  BOOST_REQUIRE(stream.attach(http::event_stream(next)));
  BOOST_TEST(next->take().events == "data: kept for the next\n\n");
}

// GW34
BOOST_AUTO_TEST_CASE(session_is_not_parked_while_another_object_of_it_lives) {
  asio::io_context context;
  auto const around = std::make_shared<surroundings>();
  around->home = context.get_executor();
  around->counters = std::make_shared<metrics>();
  auto const first = session::make(around, "s", "{}", false);
  auto const second = session::make(around, "s", "{}", true);
  parked_sessions parked(around, nullptr);
  parked.hand_over("s", first.get());
  parked.hand_over("s", second.get());
  parked.leave("s", first.get());
  parked.park("s", {});
  BOOST_TEST(parked.size() == 0U);
  parked.leave("s", second.get());
  parked.park("s", {});
  BOOST_TEST(parked.size() == 1U);
  parked.hand_over("s", first.get());
  BOOST_TEST(parked.size() == 0U);
}

// GW43
BOOST_AUTO_TEST_CASE(metrics_are_well_formed_prometheus_text) {
  metrics counted;
  counted.count_response("POST", 200);
  counted.count_response("POST", 200);
  counted.count_response("BREW", 405);
  counted.count_backend_request("alpha", "answered");
  counted.observe({manager_event::kind::storage, {}, "peek", {}, 3ms});
  counted.observe({manager_event::kind::storage, {}, "peek", make_error_code(errc::unavailable), 30s});
  counted.observe({manager_event::kind::closed, disposal_reason::capacity, "", {}, {}});
  counted.observe({manager_event::kind::refused, {}, "get", make_error_code(errc::wrong_owner), {}});
  gauges now;
  now.backends.emplace_back("alpha", true);
  auto const text = counted.text(now);

  std::regex const row(R"(([a-z_]+)(\{[a-z]+="[^"{}]*"(,[a-z]+="[^"{}]*")*\})? [-+0-9.e]+)");
  std::regex const comment(R"(# (HELP [a-z_]+ .+|TYPE [a-z_]+ (counter|gauge|histogram)))");
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) BOOST_TEST((std::regex_match(line, row) || std::regex_match(line, comment)), line);
  for (auto const* const expected :
       {"mooring_http_responses_total{method=\"POST\",status=\"200\"} 2\n", "mooring_http_responses_total{method=\"other\",status=\"405\"} 1\n",
        "mooring_backend_requests_total{backend=\"alpha\",outcome=\"answered\"} 1\n", "mooring_session_disposals_total{reason=\"capacity\"} 1\n",
        "mooring_session_refusals_total{error=\"wrong_owner\"} 1\n", "mooring_storage_errors_total{operation=\"peek\",error=\"unavailable\"} 1\n",
        "mooring_storage_seconds_bucket{operation=\"peek\",le=\"0.001\"} 0\n", "mooring_storage_seconds_bucket{operation=\"peek\",le=\"0.005\"} 1\n",
        "mooring_storage_seconds_bucket{operation=\"peek\",le=\"+Inf\"} 2\n", "mooring_storage_seconds_count{operation=\"peek\"} 2\n",
        "mooring_backend_up{backend=\"alpha\"} 1\n"})
    BOOST_TEST(text.find(expected) != std::string::npos, expected);
}

// GW06
BOOST_AUTO_TEST_CASE(storage_failure_is_503_with_retry_after_and_never_404) {
  for (auto const error : {errc::unavailable, errc::deadline_exceeded, errc::ambiguous, errc::busy, errc::not_ready, errc::server_error, errc::closed}) {
    auto const answer = failure(make_error_code(error), "1", 1s);
    BOOST_TEST(answer.status == 503U, name_of(error));
    BOOST_TEST(answer.header.get("Retry-After") == "1");
  }
  BOOST_TEST(failure(make_error_code(errc::unavailable), "", 1500ms).header.get("Retry-After") == "2");
}

// DE27 DE29: no client waits for what only an operator can mend.
BOOST_AUTO_TEST_CASE(retry_after_is_told_only_where_a_retry_may_help) {
  for (auto const error : {errc::auth_failed, errc::permission_denied, errc::tls_failed, errc::config_error, errc::protocol_error, errc::wrong_owner, errc::too_large})
    BOOST_TEST(!failure(make_error_code(error), "1", 1s).header.find("Retry-After").has_value(), name_of(error));
  BOOST_TEST(failure(make_error_code(errc::load_failed), "1", 1s).header.get("Retry-After") == "1");
}

// GW08
BOOST_AUTO_TEST_CASE(preflight_is_an_options_request_with_an_origin_and_a_method) {
  http::fields const asked{{"Origin", "https://a.example"}, {"Access-Control-Request-Method", "POST"}};
  auto const answer = answer_preflight(http::request("OPTIONS", "/mcp", asked, ""));
  BOOST_REQUIRE(answer.has_value());
  BOOST_TEST(answer->status == 204U);
  BOOST_TEST(!answer_preflight(http::request("POST", "/mcp", asked, "")).has_value());
  BOOST_TEST(!answer_preflight(http::request("OPTIONS", "/mcp", {{"Origin", "https://a.example"}}, "")).has_value());
  BOOST_TEST(!answer_preflight(http::request("OPTIONS", "/mcp", {{"Access-Control-Request-Method", "POST"}}, "")).has_value());
}

BOOST_AUTO_TEST_CASE(backend_that_opens_no_session_is_named_in_the_log_once_for_each_reason) {
  asio::io_context context;
  std::vector<std::string> lines;
  backend refusing(context.get_executor(), "files", *http::parse_url("http://127.0.0.1:1/mcp"), {}, [&](severity, std::string_view line) { lines.emplace_back(line); });
  for (auto const* why : {"HTTP status 404", "HTTP status 404", "HTTP status 401"}) refusing.note_refusal(why);
  refusing.note_opened();
  refusing.note_refusal("HTTP status 401");
  BOOST_REQUIRE(lines.size() == 3U);
  BOOST_TEST(lines[0].find("files") != std::string::npos);
  BOOST_TEST(lines[0].find("404") != std::string::npos);
}

// GW04 GW05
BOOST_AUTO_TEST_CASE(absent_session_is_404_with_the_id_as_it_was_written_or_none) {
  for (auto const error : {errc::not_found, errc::corrupt_record}) BOOST_TEST(failure(make_error_code(error), "0", 1s).status == 404U);
  BOOST_TEST(session_not_found("1.0").body == R"({"jsonrpc":"2.0","id":1.0,"error":{"code":-32001,"message":"Session not found"}})");
  BOOST_TEST(session_not_found("").body == R"({"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"}})");
}

// GW41
BOOST_AUTO_TEST_CASE(request_that_the_gateways_end_cuts_off_gets_503_and_no_time_to_try_again) {
  auto const answer = failure(make_error_code(errc::cancelled), "7", 1s);
  BOOST_TEST(answer.status == 503U);
  BOOST_TEST(!answer.header.find("Retry-After").has_value());
  BOOST_TEST(answer.body.find(R"("id":7)") != std::string::npos);
}

// GW44
BOOST_AUTO_TEST_CASE(flags_set_what_they_name) {
  options chosen;
  auto const status = read(chosen, {"--backend", "b=http://127.0.0.1:1/mcp", "--backend", "a=http://[::1]:2/x?y=1", "--listen", "127.0.0.1:0", "--ttl", "90s",
                                    "--max-lifetime", "2m", "--cache-capacity", "7", "--max-body", "1000", "--max-header", "2000", "--max-backend-reply", "3000",
                                    "--backend-deadline", "1500ms", "--initialize-budget", "2s", "--keep-alive", "5", "--retry-after", "3s", "--threads", "4",
                                    "--allowed-origin", "https://a.example", "--allowed-origin", "https://b.example", "--allowed-host", "h", "--forbidden"});
  BOOST_REQUIRE(!status.has_value());
  BOOST_TEST(chosen.backends.size() == 2U);
  BOOST_TEST(chosen.backends[0].first == "a");
  BOOST_TEST(chosen.backends[0].second.target == "/x?y=1");
  BOOST_TEST((chosen.storage.memory.ttl == 90s && chosen.manager.ttl == 90s));
  BOOST_TEST((chosen.storage.memory.absolute_lifetime == 2min));
  BOOST_TEST(chosen.manager.cache_capacity == 7U);
  BOOST_TEST(chosen.server.max_body_bytes == 1000U);
  BOOST_TEST(chosen.server.max_header_bytes == 2000U);
  BOOST_TEST(chosen.client.max_body_bytes == 3000U);
  BOOST_TEST(chosen.client.max_event_bytes == 3000U);
  BOOST_TEST((chosen.deadlines.request == 1500ms && chosen.initialize_budget == 2s && chosen.server.keep_alive == 5s && chosen.retry_after == 3s));
  BOOST_TEST(chosen.threads == 4U);
  BOOST_TEST(chosen.allowed_origins.size() == 2U);
  BOOST_TEST(!chosen.manager.hide_owner_mismatch);
}

// DE01 DE08 DE17 DE18
BOOST_AUTO_TEST_CASE(defaults_of_the_gateway_are_the_documented_ones) {
  options chosen;
  BOOST_REQUIRE(!read(chosen, {"--backend", "a=http://127.0.0.1:1/mcp"}).has_value());
  BOOST_TEST((chosen.storage.memory.ttl == 2h && chosen.storage.memory.absolute_lifetime == 24h));
  BOOST_TEST(chosen.manager.cache_capacity == 1000U);
  BOOST_TEST((chosen.initialize_budget == 5s && chosen.deadlines.request == 30s && chosen.server.keep_alive == 30s && chosen.retry_after == 1s));
  BOOST_TEST(chosen.server.max_body_bytes == std::size_t{4} << 20);
  BOOST_TEST(chosen.server.max_header_bytes == std::size_t{64} << 10);
  BOOST_TEST(chosen.server.max_bodies_bytes == std::size_t{256} << 20);
  BOOST_TEST(chosen.client.max_body_bytes == std::size_t{100} << 20);
  BOOST_TEST(http::is_loopback(chosen.listen.host));
  BOOST_TEST(chosen.manager.hide_owner_mismatch);
}

// GW44
BOOST_AUTO_TEST_CASE(bad_flags_are_refused_with_status_2) {
  char const* const good = "a=http://127.0.0.1:1/mcp";
  std::vector<std::vector<char const*>> const wrong{
      {},
      {"--backend"},
      {"--backend", "nameless"},
      {"--backend", "=http://x/"},
      {"--backend", "a b=http://x/"},
      {"--backend", "a=ftp://x/"},
      {"--backend", "a=https://x/"},
      {"--backend", "a=http://user@x/"},
      {"--backend", good, "--backend", good},
      {"--backend", good, "--listen", "8080"},
      {"--backend", good, "--listen", "host:99999"},
      {"--backend", good, "--storage", "disk"},
      {"--backend", good, "--ttl", "soon"},
      {"--backend", good, "--ttl", "-1s"},
      {"--backend", good, "--ttl", "0"},
      {"--backend", good, "--ttl", "5x"},
      {"--backend", good, "--threads", "0"},
      {"--backend", good, "--cache-capacity", "-1"},
      {"--backend", good, "--max-body", "0"},
      {"--backend", good, "--no-such-flag"},
      {"--backend", good, "stray"},
  };
  for (auto const& arguments : wrong) {
    options chosen;
    BOOST_TEST((read(chosen, arguments) == 2), (arguments.empty() ? "no arguments" : arguments.back()));
  }
  options chosen;
  BOOST_TEST((read(chosen, {"--help"}) == 0));
}
