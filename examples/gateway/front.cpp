#include "front.hpp"

#include "cors.hpp"
#include "counted.hpp"
#include "era.hpp"
#include "replies.hpp"
#include "visit.hpp"

#include <boost/asio/this_coro.hpp>
#include <boost/json/serialize.hpp>

#include <functional>
#include <utility>
#include <variant>

namespace mooring::gateway {

namespace {

constexpr char shutting_down[] = "The gateway is shutting down";
constexpr char prometheus_type[] = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace

front::front(manager& sessions, std::shared_ptr<surroundings const> around, front_options options)
    : sessions_(sessions), around_(std::move(around)), options_(std::move(options)) {}

awaitable<void> front::serve(http::request asked, http::responder respond) {
  auto body = std::move(asked.body);
  bool const is_allowed = asked.path() == "/mcp" && mcp::is_allowed(asked.header, options_.access);
  auto const of = std::make_shared<visit const>(std::move(asked), std::move(respond), around_->counters, is_allowed);
  auto const path = of->asked.path();
  auto const& method = of->asked.method;
  if (path == "/healthz" || path == "/metrics") {
    bool const is_read = method == "GET" || method == "HEAD";
    of->answer(!is_read ? wrong_method("GET, HEAD") : path == "/healthz" ? health() : measurements());
    co_return;
  }
  if (path != "/mcp") co_return of->answer(refusal(404, mcp::code::server_error, "Not found"));
  if (!is_allowed) co_return of->answer(refusal(403, mcp::code::server_error, "Forbidden origin or host"));
  if (auto answer = answer_preflight(of->asked)) co_return of->answer(std::move(*answer));
  if (method != "POST" && method != "GET" && method != "DELETE") co_return of->answer(wrong_method("GET, POST, DELETE"));
  // What belongs to calls in work still passes: an answer to what their backends asked, a cancellation, the end of the session.
  if (is_draining_ && method == "GET") co_return of->answer(not_now(shutting_down, options_.retry_after));
  auto who = options_.callers.identify(of->asked.header);
  if (!who) {
    auto answer = refusal(401, mcp::code::server_error, "Unauthorized");
    answer.header.set("WWW-Authenticate", "Bearer");
    co_return of->answer(std::move(answer));
  }
  if (method == "POST") {
    counted const work(in_work_);
    co_await serve_post(of, std::move(*who), std::move(body));
  } else if (method == "GET") {
    last_word const closing(of, std::string());
    co_await serve_get(of, std::move(*who));
  } else {
    counted const work(in_work_);
    last_word const closing(of, std::string());
    co_await serve_delete(of, std::move(*who));
  }
}

awaitable<void> front::serve_post(std::shared_ptr<visit const> of, principal who, std::string body) {
  auto const& header = of->asked.header;
  if (!mcp::is_json(header.get("Content-Type"))) co_return of->answer(refusal(415, mcp::code::server_error, "Content-Type must be application/json"));
  if (!mcp::accepts(header, mcp::json_type) || !mcp::accepts(header, mcp::event_stream_type))
    co_return of->answer(refusal(406, mcp::code::server_error, "Accept must cover application/json and text/event-stream"));
  auto read = mcp::parse_message(std::move(body));
  if (auto const* const refused = std::get_if<mcp::rejection>(&read))
    co_return of->answer(http::response::of(400, mcp::json_type, mcp::make_error(*refused)));
  auto& message = std::get<mcp::message>(read);
  if (is_draining_ && message.is_request()) co_return of->answer(not_now(shutting_down, options_.retry_after, message.id()));
  if (auto answer = answer_modern(header, message)) co_return of->answer(std::move(*answer));
  last_word const closing(of, std::string(message.id()));
  if (message.is_request() && message.method() == "initialize")
    co_await serve_initialize(of, std::move(who), std::move(message));
  else
    co_await serve_message(of, std::move(who), std::move(message));
}

awaitable<void> front::serve_initialize(std::shared_ptr<visit const> of, principal who, mcp::message asked) {
  std::string const message_id(asked.id());
  auto const given = mcp::session_id_of(of->asked.header);
  if (!given.is_valid) co_return of->answer(refusal(400, mcp::code::invalid_request, "Bad Request: invalid Mcp-Session-Id", message_id));
  if (given.id) {
    auto const known = co_await sessions_.validate(*given.id, who);
    // Any other answer, another owner's session too, is as good as an unknown id: the client gets a session of its own.
    if (known && *known == validity::live)
      co_return of->answer(refusal(400, mcp::code::invalid_request, "Bad Request: the session is initialized already", message_id));
  }
  auto const params = asked.raw("params");
  if (asked.params().empty()) co_return of->answer(refusal(400, mcp::code::invalid_params, "initialize needs params", message_id));
  std::vector<std::string> names;
  for (auto const& one : around_->backends) names.push_back(one->name());
  open_parameters wanted(std::move(names), metadata(), std::string(params));
  auto opened = co_await sessions_.open(std::move(who), std::move(wanted));
  if (!opened) co_return of->answer(failure(opened.error(), message_id, options_.retry_after));
  auto answer = http::response::of(200, mcp::json_type, mcp::make_raw_result(message_id, opened->lease->initialize_result()));
  answer.header.set(mcp::session_header, opened->id);
  of->answer(std::move(answer));
}

awaitable<session_lease<session>> front::find_session(std::shared_ptr<visit const> of, principal who, std::string message_id) {
  session_lease<session> none;
  auto const& header = of->asked.header;
  auto const given = mcp::session_id_of(header);
  if (!given.is_valid || !given.id) {
    of->answer(refusal(400, mcp::code::server_error, given.is_valid ? "Bad Request: Mcp-Session-Id header is required" : "Bad Request: invalid Mcp-Session-Id",
                       message_id));
    co_return none;
  }
  auto const version = header.find(mcp::version_header);
  if (version && !mcp::is_session_version(*version)) {
    of->answer(refusal(400, mcp::code::server_error, "Bad Request: unsupported protocol version", message_id));
    co_return none;
  }
  auto found = co_await sessions_.get(*given.id, std::move(who));
  if (!found) {
    of->answer(failure(found.error(), message_id, options_.retry_after));
    co_return none;
  }
  if (!*found) of->answer(session_not_found(message_id));
  co_return std::move(*found);
}

awaitable<void> front::serve_message(std::shared_ptr<visit const> of, principal who, mcp::message asked) {
  auto const lease = co_await find_session(of, std::move(who), std::string(asked.id()));
  if (!lease) co_return;
  if (!asked.is_request()) {
    auto const taken = co_await lease->take(std::move(asked));
    if (taken == delivery::nobodys) co_return of->answer(refusal(400, mcp::code::invalid_request, "Bad Request: it answers nothing that was asked"));
    if (taken == delivery::failed) co_return of->answer(refusal(502, mcp::code::server_error, "The backend has not taken the response"));
    co_return of->answer(http::response(202));
  }
  auto const answer = std::make_shared<answering>(of, std::string(asked.id()));
  std::function<awaitable<void>(std::string)> pass_on = [answer](std::string message) { return answering::pass_on(answer, std::move(message)); };
  auto response = co_await lease->call(std::move(asked), std::move(pass_on));
  co_await answering::finish(answer, std::move(response));
}

awaitable<void> front::serve_delete(std::shared_ptr<visit const> of, principal who) {
  if (is_modern_header(of->asked.header)) co_return of->answer(wrong_method("POST"));
  // The lease shows the owner, and makes sure that somebody here tells the backends.
  auto lease = co_await find_session(of, who, std::string());
  if (!lease) co_return;
  auto id = *mcp::session_id_of(of->asked.header).id;
  auto const ended = co_await sessions_.terminate(std::move(id), std::move(who));
  if (!ended) co_return of->answer(failure(ended.error(), std::string(), options_.retry_after));
  lease->end_stream();
  lease.release();  // before the answer, so that the session's place is free when the client goes on
  of->answer(ended->existed ? http::response(204) : session_not_found(std::string()));
}

http::response front::health() const {
  boost::json::object state{{"status", is_draining_ ? "draining" : "serving"}, {"storage", options_.storage_name},
                            {"storage_state", around_->counters->is_storage_failing() ? "failing" : "working"}};
  return http::response::of(is_draining_ ? 503 : 200, mcp::json_type, boost::json::serialize(state));
}

http::response front::measurements() const {
  gauges now;
  now.manager = sessions_.stats();
  now.connections = server_ ? server_->connections() : 0;
  now.open_streams = open_streams_;
  for (auto const& one : around_->backends) now.backends.emplace_back(one->name(), one->circuit().is_closed());
  return http::response::of(200, prometheus_type, around_->counters->text(now));
}

awaitable<bool> front::wait_idle(time_point until) {
  auto const ex = co_await asio::this_coro::executor;
  while (in_work_ != 0) {
    if (clock_of(ex).now() >= until) co_return false;
    auto const slept = co_await sleep_for(std::chrono::milliseconds(20));
    if (!slept) co_return false;
  }
  co_return true;
}

}  // namespace mooring::gateway
