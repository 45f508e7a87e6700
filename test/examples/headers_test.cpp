#include "mcp/headers.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

using namespace mooring::mcp;
using mooring::http::fields;

namespace {

bool accepts_one(std::string const& accept, char const* type) { return accepts(fields{{"aCCept", accept}}, type); }

}  // namespace

BOOST_AUTO_TEST_SUITE(headers)

// GW09
BOOST_AUTO_TEST_CASE(accept_covers_a_type_by_name_and_by_wildcard) {
  for (auto const* yes : {"text/event-stream", "TEXT/Event-Stream", "application/json, text/event-stream", "text/*", "*/*", "text/event-stream;q=0.5", " text/event-stream ; q=1 ",
                          "*/*;q=0, text/event-stream", "text/*;q=0,text/event-stream;q=0.001"})
    BOOST_TEST(accepts_one(yes, event_stream_type), yes);
  for (auto const* no : {"", "application/json", "text/html", "application/*", "text/event-stream;q=0", "text/event-stream; q=0.000", "*/*, text/event-stream;q=0", "text/event-streams", "text"})
    BOOST_TEST(!accepts_one(no, event_stream_type), no);
  BOOST_TEST(!accepts(fields(), event_stream_type));
  BOOST_TEST(accepts(fields{{"Accept", "application/json"}, {"Accept", "text/event-stream"}}, event_stream_type));
}

// GW09
BOOST_AUTO_TEST_CASE(a_content_type_counts_without_its_parameters) {
  for (auto const* yes : {"application/json", "Application/JSON", "application/json;charset=utf-8", "application/json ; charset=\"utf-8\""}) BOOST_TEST(is_json(yes), yes);
  for (auto const* no : {"", "text/plain", "application/jsonp", "application/json-seq", "text/json", ";application/json"}) BOOST_TEST(!is_json(no), no);
  BOOST_TEST(is_event_stream("text/event-stream; charset=utf-8"));
  BOOST_TEST(!is_event_stream("application/json"));
}

// GW10
BOOST_AUTO_TEST_CASE(an_unknown_version_is_answered_with_the_latest_known_one) {
  for (auto const known : session_versions) BOOST_TEST(negotiated_version(known) == known);
  for (auto const* unknown : {"", "1.0", "2024-11-05", "2099-01-01", "2026-07-28"}) {
    BOOST_TEST(negotiated_version(unknown) == "2025-11-25");
    BOOST_TEST(!is_session_version(unknown));
  }
}

// GW08
BOOST_AUTO_TEST_CASE(on_a_loopback_bind_only_local_and_listed_origins_and_hosts_pass) {
  access_rules rules;
  rules.allowed_origins = {"https://app.example.com"};
  rules.allowed_hosts = {"mcp.example.com"};
  BOOST_TEST(is_allowed(fields(), rules));
  for (auto const* origin : {"http://localhost:3000", "http://127.0.0.1", "https://[::1]:1", "https://app.example.com", "HTTPS://APP.example.com"})
    BOOST_TEST(is_allowed(fields{{"Host", "localhost:80"}, {"Origin", origin}}, rules), origin);
  for (auto const* origin : {"http://evil.example.com", "null", "", "https://app.example.com:444", "https://app.example.com.evil", "http://localhost.evil", "file://", "http://localhost@evil"})
    BOOST_TEST(!is_allowed(fields{{"Host", "localhost:80"}, {"Origin", origin}}, rules), origin);
  for (auto const* host : {"localhost", "127.0.0.1:8080", "[::1]:8080", "mcp.example.com:443", "MCP.EXAMPLE.COM"}) BOOST_TEST(is_allowed(fields{{"Host", host}}, rules), host);
  for (auto const* host : {"evil.example.com", "evil.example.com:80", "", "192.168.0.1", "localhost.evil.example.com"}) BOOST_TEST(!is_allowed(fields{{"Host", host}}, rules), host);
  BOOST_TEST(!is_allowed(fields{{"Origin", "http://localhost"}, {"Origin", "http://evil.example.com"}}, rules));
}

// GW08
BOOST_AUTO_TEST_CASE(on_a_public_bind_hosts_are_free_unless_listed_and_origins_must_be_listed) {
  access_rules rules;
  rules.is_loopback_bind = false;
  BOOST_TEST(is_allowed(fields{{"Host", "anything"}}, rules));
  BOOST_TEST(!is_allowed(fields{{"Host", "anything"}, {"Origin", "http://localhost"}}, rules));
  rules.allowed_hosts = {"mcp.example.com"};
  BOOST_TEST(!is_allowed(fields{{"Host", "anything"}}, rules));
  rules.allowed_origins = {"*"};
  rules.allowed_hosts = {"*"};
  BOOST_TEST(is_allowed(fields{{"Host", "anything"}, {"Origin", "http://evil.example.com"}}, rules));
}

// GW19
BOOST_AUTO_TEST_CASE(the_session_id_is_one_valid_value) {
  BOOST_TEST(!session_id_of(fields()).id.has_value());
  BOOST_TEST(session_id_of(fields()).is_valid);
  BOOST_TEST(session_id_of(fields{{"MCP-SESSION-ID", "abc"}}).id.value() == "abc");
  BOOST_TEST(session_id_of(fields{{"mcp-session-id", "abc"}, {"Mcp-Session-Id", "abc"}}).id.value() == "abc");
  BOOST_TEST(!session_id_of(fields{{"mcp-session-id", "abc"}, {"Mcp-Session-Id", "abd"}}).is_valid);
  for (std::string const& bad : {std::string(), std::string("a b"), std::string("a\tb"), std::string("\xC3\xA9"), std::string("a\0b", 3), std::string(257, 'a')})
    BOOST_TEST(!session_id_of(fields{{"Mcp-Session-Id", bad}}).is_valid);
}

BOOST_AUTO_TEST_SUITE_END()
