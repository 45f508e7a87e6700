#include "conversation.hpp"

#include "mcp/headers.hpp"

#include <utility>
#include <variant>

namespace mooring::demo {

namespace json = boost::json;
namespace {

constexpr auto patience = std::chrono::seconds(30);

mcp::message read(std::string text) {
  auto parsed = mcp::parse_message(std::move(text));
  auto const* refused = std::get_if<mcp::rejection>(&parsed);
  expect(!refused, "the server sent what is no JSON-RPC message: " + (refused ? refused->message : std::string()));
  return std::get<mcp::message>(std::move(parsed));
}

}  // namespace

http::fields conversation::header() const {
  http::fields made{{"Content-Type", mcp::json_type}, {"Accept", std::string(mcp::json_type) + ", " + mcp::event_stream_type}};
  if (!session_.empty()) made.add(mcp::session_header, session_);
  if (!version_.empty()) made.add(mcp::version_header, version_);
  return made;
}

awaitable<http::reply> conversation::send(http::request asked) {
  auto const what = asked.method;
  auto got = co_await client_.send(std::move(asked), {.deadline = patience});
  if (!got) throw disappointment("no answer to " + what + ": " + got.error().message());
  co_return std::move(*got);
}

awaitable<conversation::answer> conversation::ask(std::string method, json::value params, listener heard) {
  auto const id = std::to_string(++last_id_);
  http::request asked("POST", target_, header(), mcp::make_request(id, method, params));
  auto got = co_await send(std::move(asked));
  answer made;
  made.status = got.head.status;
  made.header = got.head.header;
  if (!got.events) {
    if (!got.head.body.empty()) made.message = read(std::move(got.head.body));
    co_return made;
  }
  made.was_streamed = true;
  for (;;) {
    auto next = co_await got.events.next({.deadline = patience});
    if (!next) throw disappointment("the event stream in answer to " + method + " broke off: " + next.error().message());
    expect(next->has_value(), "the event stream in answer to " + method + " ended without the answer");
    if ((*next)->data.empty()) continue;
    auto message = read(std::move((*next)->data));
    if (message.is_response() && message.id() == id) {
      made.message = std::move(message);
      co_return made;
    }
    if (heard) heard(message);
  }
}

awaitable<json::object> conversation::result_of(std::string method, json::value params, listener heard) {
  auto got = co_await ask(method, std::move(params), std::move(heard));
  expect(got.status == 200, method + " was answered with status " + std::to_string(got.status) + ' ' + got.message.text());
  expect(got.message.type() == mcp::message::kind::result, method + " failed: " + got.message.text());
  co_return got.message.result();
}

awaitable<unsigned> conversation::tell(std::string method) {
  http::request asked("POST", target_, header(), mcp::make_notification(method));
  auto const got = co_await send(std::move(asked));
  co_return got.head.status;
}

awaitable<json::object> conversation::begin() {
  json::object who{{"name", "mooring-demo"}, {"version", "0.1.0"}};
  json::object params{{"protocolVersion", mcp::latest_session_version}, {"capabilities", json::object()}, {"clientInfo", std::move(who)}};
  auto const got = co_await ask("initialize", std::move(params));
  expect(got.status == 200, "initialize was answered with status " + std::to_string(got.status) + ' ' + got.message.text());
  session_ = std::string(got.header.get(mcp::session_header));
  expect(!session_.empty(), "initialize gave no Mcp-Session-Id");
  auto const& result = got.message.result();
  auto const* version = result.if_contains("protocolVersion");
  expect(version && version->is_string() && mcp::is_session_version(version->get_string()), "initialize agreed on no known version: " + got.message.text());
  version_ = std::string(version->get_string());
  co_return result;
}

awaitable<unsigned> conversation::end() {
  http::request asked("DELETE", target_, header(), {});
  auto const got = co_await send(std::move(asked));
  co_return got.head.status;
}

}  // namespace mooring::demo
