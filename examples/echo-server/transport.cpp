#include "transport.hpp"

#include "http/address.hpp"

#include <boost/json/serialize.hpp>

#include <utility>

namespace mooring::echo {

namespace json = boost::json;
namespace {

http::response json_answer(unsigned status, std::string text) { return http::response::of(status, mcp::json_type, std::move(text)); }

http::response refusal(unsigned status, int code, std::string_view why, std::string_view raw_id = {}) {
  return json_answer(status, mcp::make_error(raw_id, code, why));
}

http::response session_not_found(std::string_view raw_id) { return refusal(404, mcp::code::session_not_found, "Session not found", raw_id); }

// An error of the library.
http::response failure(error_code const& reason, std::string_view raw_id) {
  auto made = refusal(http_status(reason), mcp::code::internal_error, reason.message(), raw_id);
  if (made.status == 503) made.header.add("Retry-After", "1");
  return made;
}

http::response not_allowed() {
  http::response made(405);
  made.header.add("Allow", "GET, POST, DELETE");
  return made;
}

// What is wrong with a request's headers; an answered status of 0 says nothing.
http::response check_post(http::fields const& header) {
  if (!mcp::is_json(header.get("Content-Type"))) return refusal(415, mcp::code::invalid_request, "Content-Type must be application/json");
  if (!mcp::accepts(header, mcp::json_type) || !mcp::accepts(header, mcp::event_stream_type))
    return refusal(406, mcp::code::invalid_request, "Accept must cover application/json and text/event-stream");
  return http::response(0);
}

}  // namespace

transport::transport(options chosen, std::shared_ptr<manager> sessions, std::function<std::size_t()> live_sessions)
    : options_(std::move(chosen)), offers_(options_.name, options_.has_conformance), sessions_(std::move(sessions)), live_sessions_(std::move(live_sessions)) {
  access_.is_loopback_bind = http::is_loopback(options_.listen.host);
  access_.allowed_origins = options_.allowed_origins;
  access_.allowed_hosts = options_.allowed_hosts;
}

awaitable<void> transport::serve(http::request asked, http::responder answer) {
  auto const path = std::string(asked.path());
  if (path == "/healthz") {
    answer.send(http::response::of(200, "text/plain", "ok\n"));
  } else if (path == "/metrics") {
    answer.send(http::response::of(200, "text/plain; version=0.0.4", metrics()));
  } else if (path != "/mcp") {
    answer.send(http::response::of(404, "text/plain", "the server is at /mcp\n"));
  } else if (!mcp::is_allowed(asked.header, access_)) {
    answer.send(refusal(403, mcp::code::invalid_request, "Origin or Host is not allowed"));
  } else if (asked.method == "POST") {
    co_await post(std::move(asked), std::move(answer));
  } else if (asked.method == "GET") {
    co_await get(std::move(asked), std::move(answer));
  } else if (asked.method == "DELETE") {
    co_await erase(std::move(asked), std::move(answer));
  } else {
    answer.send(not_allowed());
  }
}

awaitable<void> transport::post(http::request asked, http::responder answer) {
  auto wrong = check_post(asked.header);
  if (wrong.status != 0) {
    answer.send(std::move(wrong));
    co_return;
  }
  auto read = mcp::parse_message(std::move(asked.body));
  if (auto const* refused = std::get_if<mcp::rejection>(&read)) {
    answer.send(json_answer(400, mcp::make_error(*refused)));
    co_return;
  }
  auto message = std::get<mcp::message>(std::move(read));
  if (message.is_request() && options_.delay > std::chrono::milliseconds::zero()) {
    auto const slept = co_await sleep_for(options_.delay);
    if (!slept) co_return;
  }
  if (message.is_request() && message.method() == "initialize") {
    auto known_id = mcp::session_id_of(asked.header).id.value_or(std::string());
    co_return co_await initialize(std::move(message), std::move(known_id), std::move(answer));
  }
  auto lease = co_await lease_of(asked, std::string(message.id()), answer);
  if (!lease) co_return;
  if (message.is_request()) co_return co_await request(std::move(message), std::move(lease), std::move(answer));
  if (message.is_response()) {
    lease->deliver(std::move(message));
  } else if (message.method() == "notifications/cancelled") {
    auto const params = message.params();
    auto const* which = params.if_contains("requestId");
    if (which) lease->cancel(json::serialize(*which));
  }
  answer.send(http::response(202));
}

// The session that a request names. Answers the request itself where there is none, and gives an empty lease.
awaitable<session_lease<session>> transport::lease_of(http::request const& asked, std::string raw_id, http::responder answer) {
  auto const named = mcp::session_id_of(asked.header);
  auto const version = std::string(asked.header.get(mcp::version_header));
  if (!named.is_valid || !named.id) {
    answer.send(refusal(400, mcp::code::invalid_request, "Bad Request: one valid Mcp-Session-Id is needed", raw_id));
    co_return session_lease<session>();
  }
  auto lease = co_await sessions_->get(*named.id, principal::anonymous());
  if (!lease || !*lease) {
    bool const is_gone = lease || lease.error() == errc::not_found;
    answer.send(is_gone ? session_not_found(raw_id) : failure(lease.error(), raw_id));
    co_return session_lease<session>();
  }
  if (!version.empty() && !mcp::is_session_version(version)) {
    answer.send(refusal(400, mcp::code::invalid_request, "Bad Request: unsupported MCP-Protocol-Version", raw_id));
    co_return session_lease<session>();
  }
  co_return std::move(*lease);
}

std::string transport::initialize_result(mcp::message const& asked, std::string_view version) const {
  json::object made{{"protocolVersion", version}, {"capabilities", offers_.capabilities()}, {"serverInfo", offers_.server_info()}};
  return mcp::make_result(asked.id(), std::move(made));
}

awaitable<void> transport::initialize(mcp::message asked, std::string known_id, http::responder answer) {
  auto const params = asked.params();
  auto const* wanted = params.if_contains("protocolVersion");
  if (!wanted || !wanted->is_string()) {
    answer.send(refusal(400, mcp::code::invalid_params, "initialize wants a protocolVersion", asked.id()));
    co_return;
  }
  auto version = std::string(mcp::negotiated_version(wanted->get_string()));
  if (!known_id.empty() && !options_.is_ignoring_resume_ids) {
    auto resumed = co_await sessions_->get(known_id, principal::anonymous());
    if (resumed && *resumed) {
      auto made = json_answer(200, initialize_result(asked, (*resumed)->version()));
      made.header.add(mcp::session_header, known_id);
      answer.send(std::move(made));
      co_return;
    }
  }
  open_parameters parameters({}, {}, std::string(asked.raw("params")));
  auto opened = co_await sessions_->open(principal::anonymous(), std::move(parameters));
  if (!opened) {
    answer.send(failure(opened.error(), asked.id()));
    co_return;
  }
  auto made = json_answer(200, initialize_result(asked, version));
  made.header.add(mcp::session_header, opened->id);
  answer.send(std::move(made));
}

awaitable<void> transport::request(mcp::message asked, session_lease<session> lease, http::responder answer) {
  auto const number = lease->count_request();
  if (options_.fail_every > 0 && number % options_.fail_every == 0) {
    answer.send(refusal(500, mcp::code::internal_error, "this server fails from time to time", asked.id()));
    co_return;
  }
  auto const live = lease.value();
  auto const id = live->id();
  auto const channel = std::make_shared<call_channel>(live, std::move(answer), asked);
  auto text = co_await offers_.answer(live, std::move(asked), channel);
  channel->finish(std::move(text));
  if (options_.forget_after > 0 && number >= options_.forget_after) {
    live->end();
    lease.release();
    auto const forgotten = co_await sessions_->terminate(id, principal::anonymous());
    static_cast<void>(forgotten);  // a session that cannot be forgotten lives on; nobody waits for it
  }
}

awaitable<void> transport::get(http::request asked, http::responder answer) {
  if (!mcp::accepts(asked.header, mcp::event_stream_type)) {
    answer.send(refusal(406, mcp::code::invalid_request, "Accept must cover text/event-stream"));
    co_return;
  }
  auto const lease = co_await lease_of(asked, std::string(), answer);
  if (!lease) co_return;
  auto const stream = answer.open_events({}, http::at_stop::end);
  lease->listen(stream);
  auto const closed = co_await stream.wait_closed();
  static_cast<void>(closed);  // ended, left or cancelled: the lease goes in any case
}

awaitable<void> transport::erase(http::request asked, http::responder answer) {
  auto lease = co_await lease_of(asked, std::string(), answer);
  if (!lease) co_return;
  auto const live = lease.value();
  lease.release();
  auto const ended = co_await sessions_->terminate(live->id(), principal::anonymous());
  if (!ended) {
    answer.send(failure(ended.error(), {}));
    co_return;
  }
  live->end();
  answer.send(ended->existed ? http::response(200) : session_not_found({}));
}

std::string transport::metrics() const {
  auto const stats = sessions_->stats();
  std::string out;
  auto const add = [&out](std::string_view name, std::string_view type, std::string_view about, std::uint64_t value) {
    out += "# HELP " + std::string(name) + ' ' + std::string(about) + "\n# TYPE " + std::string(name) + ' ' + std::string(type) + '\n';
    out += std::string(name) + ' ' + std::to_string(value) + '\n';
  };
  add("mooring_echo_sessions", "gauge", "Sessions that the server holds.", live_sessions_());
  add("mooring_echo_sessions_created_total", "counter", "Sessions that were opened.", stats.created);
  add("mooring_echo_sessions_terminated_total", "counter", "Sessions that their clients ended, or the server forgot.", stats.terminated);
  return out;
}

}  // namespace mooring::echo
