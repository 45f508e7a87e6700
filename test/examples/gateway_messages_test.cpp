// What the gateway does to the text of messages: gateway/json_text.hpp, gateway/correlation.hpp, gateway/era.hpp, hints.

#include "gateway/correlation.hpp"
#include "gateway/era.hpp"
#include "gateway/json_text.hpp"
#include "gateway/upstream.hpp"
#include "gateway/wishes.hpp"

#include "mcp/headers.hpp"
#include "mcp/jsonrpc.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/test/unit_test.hpp>

#include <set>
#include <string>
#include <variant>

using namespace mooring;
using namespace mooring::gateway;

namespace {

mcp::message read(std::string text) { return std::get<mcp::message>(mcp::parse_message(std::move(text))); }

int code_in(http::response const& answer) {
  return static_cast<int>(boost::json::parse(answer.body).as_object().at("error").as_object().at("code").as_int64());
}

std::string modern(std::string_view method, std::string_view version = "2026-07-28", std::string_view more = "") {
  return std::string(R"({"jsonrpc":"2.0","id":7,"method":")").append(method).append(R"(","params":{)").append(more).append(
      R"("_meta":{"io.modelcontextprotocol/protocolVersion":")").append(version).append(R"("}}})");
}

}  // namespace

BOOST_AUTO_TEST_CASE(member_is_found_as_it_was_written) {
  auto const* const text = R"( { "a" : 1.0 , "b":"x\"}y", "c":{"d":[1,{"e":"]"}],"f":null},"a\u0062":true } )";
  BOOST_TEST(member(text, "a").value() == "1.0");
  BOOST_TEST(member(text, "b").value() == R"("x\"}y")");
  BOOST_TEST(member(text, "c").value() == R"({"d":[1,{"e":"]"}],"f":null})");
  BOOST_TEST(member_at(text, "c", "f").value() == "null");
  BOOST_TEST(member(text, "ab").value() == "true", "an escaped key is the same key");
  BOOST_TEST(!member(text, "d").has_value(), "members of members are no members");
  BOOST_TEST(!member_at(text, "a", "b").has_value());
  BOOST_TEST(member(R"({"k":1,"k":2})", "k").value() == "2");
}

BOOST_AUTO_TEST_CASE(member_never_reads_past_the_end_of_any_text) {
  std::string const whole = R"({"a":{"b":"c\\"},"d":[1,2,{"e":"\""}],"f":-1.5e3})";
  for (std::size_t length = 0; length <= whole.size(); ++length)
    for (auto const* const key : {"a", "d", "f", ""}) {
      std::string const part = whole.substr(0, length);
      auto const found = member(part, key);
      if (found) BOOST_TEST((found->data() >= part.data() && found->data() + found->size() <= part.data() + part.size()));
    }
}

// GW26
BOOST_AUTO_TEST_CASE(replacing_a_part_leaves_the_rest_as_it_was_written) {
  std::string const text = R"({"params":{"name":"a_echo","arguments":{"n":1.0, "big":12345678901234567890}}})";
  auto const name = member_at(text, "params", "name");
  BOOST_TEST(replaced(text, *name, "\"echo\"") == R"({"params":{"name":"echo","arguments":{"n":1.0, "big":12345678901234567890}}})");
}

// GW29
BOOST_AUTO_TEST_CASE(requests_with_equal_ids_get_different_ones_at_the_backend) {
  in_flight ids(123456789);
  std::set<std::string> seen;
  for (int i = 0; i != 100; ++i) seen.insert(ids.begin("1"));
  BOOST_TEST(seen.size() == 100U);
  BOOST_TEST(ids.standing_for("1").size() == 100U);
  BOOST_TEST(ids.standing_for("\"1\"").empty(), "a string is another id than the number");
  for (auto const& id : seen) ids.end(id);
  BOOST_TEST(ids.size() == 0U);
}

BOOST_AUTO_TEST_CASE(backend_ids_are_exact_in_javascript_whatever_the_seed) {
  in_flight ids(~std::uint64_t{0});
  BOOST_TEST(std::stoull(ids.begin("1")) < (1ULL << 53));
}

// GW26 GW29
BOOST_AUTO_TEST_CASE(id_of_a_backends_request_comes_back_as_it_was) {
  for (auto const* const id : {"0", "-1", "7", "1.0", "\"a\"", "\"\"", "\"with:colon\"", "\"q\\\"uote\"", "12345678901234567890"}) {
    auto const back = backend_id_of(client_facing_id("alpha", id));
    BOOST_REQUIRE(back.has_value());
    BOOST_TEST(back->first == "alpha");
    BOOST_TEST(back->second == id);
  }
  BOOST_TEST(client_facing_id("alpha", "1") != client_facing_id("beta", "1"));
}

BOOST_AUTO_TEST_CASE(forged_ids_lead_nowhere_and_smuggle_nothing_in) {
  for (auto const* const id : {"1", "\"\"", "\"alpha\"", "\"alpha:\"", "\"alpha:{}\"", "\"alpha:1,\\\"x\\\":2\"", "\"alpha:null\"", "\"alpha:\\\"open\"", "null", ""})
    BOOST_TEST(!backend_id_of(id).has_value(), id);
}

// GW34
BOOST_AUTO_TEST_CASE(backend_session_comes_back_from_its_hint_whatever_its_id) {
  for (std::string const id : {"", "plain", "\"quoted\\\"", "{\"id\":\"x\"}", "!~ |'\xC3\xA9"}) {
    auto const back = backend_session::from_hint(backend_session(id, "2025-06-18").to_hint());
    BOOST_REQUIRE(back.has_value());
    BOOST_TEST(back->id == id);
    BOOST_TEST(back->version == "2025-06-18");
  }
  for (auto const* const hint : {"", "x", "{}", "[]", R"({"id":1,"version":"v"})", R"({"id":"x"})"}) BOOST_TEST(!backend_session::from_hint(hint).has_value());
}

// GW20
BOOST_AUTO_TEST_CASE(probe_of_a_dual_era_client_is_an_unknown_method) {
  for (auto const& text : {modern("server/discover"), modern("server/discover", "2099-01-01"), std::string(R"({"jsonrpc":"2.0","id":7,"method":"server/discover"})")}) {
    auto const answer = answer_modern({}, read(text));
    BOOST_REQUIRE(answer.has_value());
    BOOST_TEST(answer->status == 404U);
    BOOST_TEST(code_in(*answer) == mcp::code::method_not_found);
    BOOST_TEST(boost::json::parse(answer->body).as_object().at("id").as_int64() == 7);
  }
}

// GW22
BOOST_AUTO_TEST_CASE(other_modern_requests_learn_the_versions_that_are_served) {
  auto const answer = answer_modern({}, read(modern("tools/list")));
  BOOST_REQUIRE(answer.has_value());
  BOOST_TEST(answer->status == 400U);
  BOOST_TEST(code_in(*answer) == mcp::code::unsupported_version);
  auto const data = boost::json::parse(answer->body).as_object().at("error").as_object().at("data").as_object();
  BOOST_TEST(data.at("supported").as_array().size() == mcp::session_versions.size());
  BOOST_TEST(data.at("requested").as_string() == "2026-07-28");
}

// GW22
BOOST_AUTO_TEST_CASE(modern_request_whose_header_and_body_disagree_is_refused_as_such) {
  http::fields const other_version{{"MCP-Protocol-Version", "2025-11-25"}};
  http::fields const other_method{{"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", "tools/call"}};
  http::fields const other_name{{"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Name", "whoami"}};
  BOOST_TEST(code_in(*answer_modern(other_version, read(modern("tools/list")))) == mcp::code::header_mismatch);
  BOOST_TEST(code_in(*answer_modern(other_method, read(modern("tools/list")))) == mcp::code::header_mismatch);
  BOOST_TEST(code_in(*answer_modern(other_name, read(modern("tools/call", "2026-07-28", R"("name":"echo",)")))) == mcp::code::header_mismatch);
}

// GW22
BOOST_AUTO_TEST_CASE(modern_request_of_an_unknown_method_gets_404) {
  auto const answer = answer_modern({}, read(modern("no/such/method")));
  BOOST_REQUIRE(answer.has_value());
  BOOST_TEST(answer->status == 404U);
  BOOST_TEST(code_in(*answer) == mcp::code::method_not_found);
}

// GW23
BOOST_AUTO_TEST_CASE(marked_message_never_passes_for_one_with_a_session) {
  http::fields const marked{{"MCP-Protocol-Version", "2026-07-28"}};
  for (auto const* const method : {"initialize", "ping", "tools/call", "notifications/initialized"}) BOOST_TEST(answer_modern({}, read(modern(method))).has_value());
  BOOST_TEST(answer_modern(marked, read(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})")).has_value());
  BOOST_TEST(answer_modern(marked, read(R"({"jsonrpc":"2.0","id":1,"result":{}})")).has_value());
}

BOOST_AUTO_TEST_CASE(message_of_the_era_with_sessions_is_left_alone) {
  for (auto const* const version : {"2025-03-26", "2025-06-18", "2025-11-25", "1999-01-01"}) {
    http::fields const header{{"MCP-Protocol-Version", version}};
    BOOST_TEST(!answer_modern(header, read(R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"progressToken":1}}})")).has_value());
  }
  http::fields const confused{{"MCP-Protocol-Version", "2026-07-28"}};
  BOOST_TEST(!answer_modern(confused, read(R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}})")).has_value());
}

BOOST_AUTO_TEST_CASE(lasting_wishes_of_a_client_are_repeated_and_nothing_else) {
  wishes kept;
  kept.note(read(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x"}})"));
  BOOST_TEST(kept.to_repeat().empty());
  kept.note(read(R"({"jsonrpc":"2.0","id":2,"method":"logging/setLevel","params":{"level":"debug"}})"));
  kept.note(read(R"({"jsonrpc":"2.0","id":3,"method":"logging/setLevel","params":{"level":"error"}})"));
  for (auto const* const uri : {"a://1", "a://2", "a://1"})
    kept.note(read(std::string(R"({"jsonrpc":"2.0","id":4,"method":"resources/subscribe","params":{"uri":")").append(uri).append(R"("}})")));
  kept.note(read(R"({"jsonrpc":"2.0","id":5,"method":"resources/unsubscribe","params":{"uri":"a://2"}})"));
  auto const repeated = kept.to_repeat();
  BOOST_REQUIRE(repeated.size() == 2U);
  BOOST_TEST(member_at(repeated[0], "params", "level").value() == "\"error\"");
  BOOST_TEST(member_at(repeated[1], "params", "uri").value() == "\"a://1\"");
  for (auto const& text : repeated) BOOST_TEST(read(text).is_request());
}

BOOST_AUTO_TEST_CASE(lasting_wishes_of_more_than_their_bytes_are_not_kept) {
  wishes kept;
  auto const long_one = std::string(wishes::max_bytes + 1, 'x');
  kept.note(read(R"({"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":")" + long_one + R"("}})"));
  kept.note(read(R"({"jsonrpc":"2.0","id":2,"method":"resources/subscribe","params":{"uri":"a://)" + long_one + R"("}})"));
  BOOST_TEST(kept.to_repeat().empty());
}

// GW30 GW31
BOOST_AUTO_TEST_CASE(answer_says_that_a_session_is_lost_only_if_it_answers_no_request) {
  backend_session const session("b-1", "2025-11-25");
  auto const is_lost = [&session](unsigned status, std::string body) {
    http::response answer;
    answer.status = status;
    answer.body = std::move(body);
    return is_session_lost(answer, session);
  };
  BOOST_TEST(is_lost(404, ""));
  BOOST_TEST(is_lost(400, R"({"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Bad Request: No valid session ID provided"}})"));
  BOOST_TEST(is_lost(400, R"({"jsonrpc":"2.0","error":{"code":-32000,"message":"Session not found"}})"));
  BOOST_TEST(!is_lost(400, R"({"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"the chat session is over"}})"));
  for (auto const* const other : {"obsession", "sessions", "session_token", "expression", ""})
    BOOST_TEST(!is_lost(400, std::string(R"({"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":")").append(other).append(R"("}})")), other);
  BOOST_TEST(!is_lost(200, R"({"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"session"}})"));
}
