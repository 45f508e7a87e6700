// JSON-RPC messages and event streams: any bytes in any pieces are read alike, or refused.

#include "fuzz/fuzzing.hpp"
#include "http/event.hpp"
#include "mcp/jsonrpc.hpp"

#include <algorithm>
#include <vector>

namespace {

using namespace mooring;

std::vector<http::event> read_in_pieces(std::string_view text, std::size_t piece) {
  http::event_parser parser(1 << 16);
  std::vector<http::event> found;
  for (std::size_t i = 0; i < text.size(); i += piece) {
    if (!parser.feed(text.substr(i, piece))) break;
    while (auto one = parser.next()) found.push_back(std::move(*one));
  }
  return found;
}

bool is_same(http::event const& a, http::event const& b) { return a.type == b.type && a.data == b.data && a.id == b.id && a.retry == b.retry; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const text = test::text_of(data, size);
  auto const read = mcp::parse_message(std::string(text));
  if (auto const* const message = std::get_if<mcp::message>(&read)) {
    auto const changed = mcp::parse_message(message->with_id("\"another id\""));
    auto const* const again = std::get_if<mcp::message>(&changed);
    test::demand(again != nullptr, "a message with another id is no message (GW29)");
    test::demand(message->id().empty() || again->id() == "\"another id\"", "a message did not take the other id");
    auto const restored = mcp::parse_message(again->with_id(message->id()));
    if (!message->id().empty()) test::demand(std::get<mcp::message>(restored).text() == message->text(), "a message changes when its id is put back (GW26)");
  }

  auto const whole = read_in_pieces(text, std::max<std::size_t>(size, 1));
  auto const bytewise = read_in_pieces(text, 1);
  test::demand(std::equal(whole.begin(), whole.end(), bytewise.begin(), bytewise.end(), is_same), "events depend on where the stream was cut (FA04)");
  for (auto const& one : whole) {
    auto const again = read_in_pieces(http::to_text(one), 7);
    test::demand(again.size() <= 1, "one event was written as several");
  }
  return 0;
}
