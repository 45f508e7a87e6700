#include "backend_session.hpp"

#include "json_text.hpp"
#include "messages.hpp"

#include "mcp/headers.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

namespace mooring::gateway {

namespace json = boost::json;

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

// Properly the answer is 404. Servers made after the official SDK's examples say 400 and speak of the session. Either way the
// request was not carried out.
bool is_session_lost(http::response const& answer, backend_session const& session) {
  if (session.id.empty() || (answer.status != 404 && answer.status != 400)) return false;
  auto const body = read_message(answer.body);
  bool const is_error = body && body->type() == mcp::message::kind::error;
  if (answer.status == 404) return !is_error || code_of(*body) != mcp::code::method_not_found;
  if (!is_error) return false;
  auto const* const text = body->error().if_contains("message");
  return text && text->is_string() && text->get_string().find("ession") != json::string::npos;
}

awaitable<void> say_farewell(std::shared_ptr<backend> to, backend_session ended, duration deadline) {
  if (ended.id.empty()) co_return;
  auto asked = make_request("DELETE", *to, ended);
  auto const told = co_await to->client().send(std::move(asked), call_options{deadline});
  static_cast<void>(told);  // a backend that does not hear it keeps its session until it expires there
}

}  // namespace mooring::gateway
