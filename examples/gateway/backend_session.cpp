#include "backend_session.hpp"

#include "json_text.hpp"
#include "messages.hpp"

#include "mcp/headers.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <cstddef>

namespace mooring::gateway {

namespace json = boost::json;

namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_of_word(char c) noexcept { return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '_'; }

// Whether a text has a word, in letters of either case.
bool has_word(std::string_view text, std::string_view word) {
  for (std::size_t at = 0; at + word.size() <= text.size(); ++at) {
    auto const end = at + word.size();
    bool const is_alone = (at == 0 || !is_of_word(text[at - 1])) && (end == text.size() || !is_of_word(text[end]));
    auto const there = text.substr(at, word.size());
    if (is_alone && std::ranges::equal(there, word, {}, lower)) return true;
  }
  return false;
}

}  // namespace

std::string backend_session::to_hint() const { return json::serialize(json::object{{"id", id}, {"version", version}}); }

std::optional<backend_session> backend_session::from_hint(std::string_view hint) {
  auto const id = member(hint, "id");
  auto const version = member(hint, "version");
  auto known_id = id ? string_value(*id) : std::nullopt;
  auto known_version = version ? string_value(*version) : std::nullopt;
  if (!known_id || !known_version) return std::nullopt;
  return backend_session(std::move(*known_id), std::move(*known_version));
}

http::request make_request(std::string method, backend const& to, backend_session const& as, std::string body) {
  http::request made(std::move(method), to.target());
  bool const is_post = made.method == "POST";
  if (is_post) made.header.add("Content-Type", mcp::json_type);
  made.header.add("Accept", is_post ? "application/json, text/event-stream" : mcp::event_stream_type);
  if (!as.id.empty()) made.header.add(mcp::session_header, as.id);
  if (!as.version.empty()) made.header.add(mcp::version_header, as.version);
  made.body = std::move(body);
  return made;
}

// Properly the answer is 404. Servers made after the official SDK's examples say 400, name no request and speak of the session. Either way the
// request was not carried out; a 400 that answers the request may come from what carried it out.
bool is_session_lost(http::response const& answer, backend_session const& session) {
  if (session.id.empty() || (answer.status != 404 && answer.status != 400)) return false;
  auto const body = read_message(answer.body);
  bool const is_error = body && body->type() == mcp::message::kind::error;
  if (answer.status == 404) return !is_error || code_of(*body) != mcp::code::method_not_found;
  if (!is_error || !is_about_unreadable(*body)) return false;
  auto const error = body->error();
  auto const* const text = error.if_contains("message");
  return text && text->is_string() && has_word(text->get_string(), "session");
}

awaitable<void> say_farewell(std::shared_ptr<backend> to, backend_session ended, duration deadline) {
  if (ended.id.empty()) co_return;
  auto asked = make_request("DELETE", *to, ended);
  auto const told = co_await to->client().send(std::move(asked), call_options{deadline});
  static_cast<void>(told);  // a backend that does not hear it keeps its session until it expires there
}

}  // namespace mooring::gateway
