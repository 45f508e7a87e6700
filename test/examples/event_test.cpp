#include "http/event.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

using mooring::http::event;
using mooring::http::event_parser;

namespace {

// An event as one line: type|data|id|retry, "-" for a field that was not there.
std::string shown(event const& e) {
  return e.type + '|' + e.data + '|' + e.id.value_or("-") + '|' + (e.retry ? std::to_string(e.retry->count()) : "-");
}

std::vector<std::string> parsed(std::vector<std::string> const& pieces) {
  event_parser parser;
  std::vector<std::string> out;
  for (auto const& piece : pieces) {
    if (!parser.feed(piece)) out.push_back("broken");
    while (auto const e = parser.next()) out.push_back(shown(*e));
  }
  return out;
}

struct row {
  char const* what;
  std::string stream;
  std::vector<std::string> events;
};

std::vector<row> const table{
    {"nothing", "", {}},
    {"LF", "data: a\n\ndata: b\n\n", {"|a|-|-", "|b|-|-"}},
    {"CR", "data: a\r\rdata: b\r\r", {"|a|-|-", "|b|-|-"}},
    {"CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", {"|a|-|-", "|b|-|-"}},
    {"mixed line ends", "data: a\r\ndata: b\rdata: c\n\r\n", {"|a\nb\nc|-|-"}},
    {"a byte order mark at the start only", "\xEF\xBB\xBF" "data: a\n\n\xEF\xBB\xBF" "data: b\n\n", {"|a|-|-"}},
    {"all fields", "id: 7\nevent: add\nretry: 250\ndata: x\n\n", {"add|x|7|250"}},
    {"no space, two spaces", "data:a\ndata:  b\n\n", {"|a\n b|-|-"}},
    {"a name without a colon", "data\ndata\n\n", {"|\n|-|-"}},
    {"comments", ": hello\ndata: a\n:\n: data: no\n\n:\n\n", {"|a|-|-"}},
    {"unknown fields and a type without data", "foo: 1\n\nevent: x\n\ndata: a\n\n", {"|a|-|-"}},
    {"an id without data is handed out", "id: 1\ndata:\n\nid: 2\n\n", {"||1|-", "||2|-"}},
    {"an empty id and an id with a zero byte", std::string("id:\ndata: a\n\nid: a\0b\ndata: b\n\n", 30), {"|a||-", "|b|-|-"}},
    {"retry that is no number", "retry: 1x\ndata: a\n\nretry: -5\ndata: b\n\n", {"|a|-|-", "|b|-|-"}},
    {"retry alone", "retry: 3000\n\n", {"||-|3000"}},
    {"the unfinished last event is dropped", "data: a\n\ndata: b\n", {"|a|-|-"}},
    {"a colon in the value", "data: {\"a\":\"b: c\"}\n\n", {"|{\"a\":\"b: c\"}|-|-"}},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(server_sent_events)

BOOST_AUTO_TEST_CASE(a_stream_is_read_as_the_html_standard_says) {
  for (auto const& [what, stream, events] : table) {
    BOOST_TEST_CONTEXT(what) {
      auto const got = parsed({stream});
      BOOST_TEST(got == events, boost::test_tools::per_element());
    }
  }
}

BOOST_AUTO_TEST_CASE(a_stream_reads_the_same_when_it_is_split_anywhere) {
  for (auto const& [what, stream, events] : table) {
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
      BOOST_TEST_CONTEXT(what << " cut at " << cut) {
        auto const got = parsed({stream.substr(0, cut), stream.substr(cut)});
        BOOST_TEST(got == events, boost::test_tools::per_element());
      }
    }
    std::vector<std::string> bytes;
    for (char const c : stream) bytes.emplace_back(1, c);
    auto const got = parsed(bytes);
    BOOST_TEST_CONTEXT(what << " byte by byte") BOOST_TEST(got == events, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(an_event_over_the_limit_breaks_the_stream_for_good) {
  event_parser parser(8);
  BOOST_TEST(parser.feed("data: 1\n\n"));
  BOOST_TEST(parser.next()->data == "1");
  BOOST_TEST(!parser.feed("data: 123456"));
  BOOST_TEST(!parser.feed("\n\ndata: 2\n\n"));
  BOOST_TEST(!parser.next().has_value());
}

BOOST_AUTO_TEST_CASE(the_last_id_outlives_events_without_one) {
  event_parser parser;
  BOOST_TEST(parser.feed("id: 5\ndata: a\n\ndata: b\n\n"));
  BOOST_TEST(parser.last_id() == "5");
}

BOOST_AUTO_TEST_CASE(what_is_written_is_read_back) {
  std::vector<event> sent{event("a"), event("line 1\nline 2\n"), event("", "9"), event("{}", "x y")};
  sent.back().type = "message";
  sent.back().retry = std::chrono::milliseconds(10);
  event_parser parser;
  for (auto const& e : sent) BOOST_TEST(parser.feed(mooring::http::to_text(e)));
  for (auto const& e : sent) BOOST_TEST(shown(*parser.next()) == shown(e));
}

BOOST_AUTO_TEST_CASE(line_breaks_cannot_be_smuggled_into_an_event) {
  event sneaky("a\r\ndata: b\revent: c", "1\ndata: d");
  sneaky.type = "x\r\n\r\ndata: e";
  event_parser parser;
  BOOST_TEST(parser.feed(mooring::http::to_text(sneaky)));
  auto const got = parser.next();
  BOOST_TEST(got->data == "a\ndata: b\nevent: c");
  BOOST_TEST(got->id.value() == "1data: d");
  BOOST_TEST(got->type == "xdata: e");
  BOOST_TEST(!parser.next().has_value());
}

BOOST_AUTO_TEST_SUITE_END()
