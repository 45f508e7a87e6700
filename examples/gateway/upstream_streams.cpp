// What backends send to an upstream: answers, whole or as event streams, and the stream that stands open.

#include "messages.hpp"
#include "metrics.hpp"
#include "upstream.hpp"

#include "mcp/headers.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <utility>

namespace mooring::gateway {

namespace {

constexpr duration shortest_listen_pause = std::chrono::seconds(1);
constexpr duration longest_listen_pause = std::chrono::seconds(30);

// What a backend wishes for, within bounds: it may ask for no pause at all, or for more milliseconds than a duration holds.
duration bounded_pause(std::chrono::milliseconds wished) {
  using std::chrono::milliseconds;
  return std::clamp(wished, std::chrono::ceil<milliseconds>(shortest_listen_pause), std::chrono::floor<milliseconds>(longest_listen_pause));
}

}  // namespace

awaitable<std::string> upstream::read_answer(http::reply answered, std::string client_id, std::string backend_id, relay pass_on) {
  auto const status = answered.head.status;
  std::optional<mcp::message> response;
  std::string failure;
  if (answered.events) {
    auto read = co_await read_events(std::move(answered.events), backend_id, std::move(pass_on), time_point::max());
    if (read)
      response = std::move(*read);
    else
      failure = read.error() == errc::deadline_exceeded ? "fell silent" : "broke off its answer";
  } else {
    response = read_message(std::move(answered.head.body));
    // An error about a request that the backend could not read has no id of its own.
    bool const is_ours = response && response->is_response() && (is_same_id(response->id(), backend_id) || is_about_unreadable(*response));
    if (!is_ours) response.reset();
    if (!response) failure = status == 200 ? "sent no valid answer" : "answered with HTTP status " + std::to_string(status);
  }
  metrics_->count_backend_request(name(), response ? (status < 300 ? "answered" : "refused") : "failed");
  if (!response) co_return backend_error(client_id, name(), failure);
  if (is_about_unreadable(*response))
    co_return std::string(R"({"jsonrpc":"2.0","id":)").append(client_id).append(R"(,"error":)").append(response->raw("error")).append("}");
  co_return response->with_id(client_id);
}

awaitable<result<mcp::message>> upstream::read_events(http::event_source events, std::string awaited, relay pass_on, time_point until) {
  std::string last_event_id;
  duration pause = shortest_listen_pause;
  auto const limit = deadlines_.request;
  auto const ex = co_await asio::this_coro::executor;
  auto give_up = std::min(saturating_add(clock_of(ex).now(), limit), until);
  for (;;) {
    auto const left = std::min<duration>(limit, until - clock_of(ex).now());  // from now, as passing on may have waited for the client
    auto next = co_await events.next(call_options{left});
    if (next && *next) {
      give_up = std::min(saturating_add(clock_of(ex).now(), limit), until);
      if ((*next)->id) last_event_id = *(*next)->id;
      if ((*next)->retry) pause = bounded_pause(*(*next)->retry);
      if ((*next)->data.empty()) continue;
      auto read = read_message(std::move((*next)->data));
      if (!read) continue;
      if (!read->is_response()) {
        if (pass_on) co_await pass_on(name(), std::move(*read));
        continue;
      }
      if (is_same_id(read->id(), awaited)) co_return std::move(*read);
      continue;
    }
    // A server may end the stream of an unfinished answer; whoever knows an event id may go on reading after it (MCP 2025-11-25, resumability).
    auto const why = next ? make_error_code(errc::disconnected) : next.error();
    if (last_event_id.empty() || why == errc::cancelled || why == errc::deadline_exceeded) co_return why;
    if (saturating_add(clock_of(ex).now(), pause) >= give_up) co_return why;  // after the pause it would be too late
    auto const slept = co_await sleep_for(pause);
    if (!slept) co_return slept.error();
    auto again = co_await reopen(last_event_id, give_up);
    if (!again) co_return again.error();
    events = std::move(*again);
  }
}

awaitable<result<http::event_source>> upstream::reopen(std::string last_event_id, time_point until) {
  auto const ex = co_await asio::this_coro::executor;
  auto const current = session();
  if (!current) co_return make_error_code(errc::disconnected);
  auto asked = make_request("GET", *backend_, *current);
  asked.header.add(mcp::last_event_header, std::move(last_event_id));
  auto const limit = until - clock_of(ex).now();
  auto answered = co_await backend_->client().send(std::move(asked), call_options{limit});
  if (!answered) co_return answered.error();
  if (!answered->events) co_return make_error_code(errc::disconnected);
  co_return std::move(answered->events);
}

awaitable<void> upstream::listen(self_pointer self, std::uint64_t generation) {
  std::string last_event_id;
  auto pause = shortest_listen_pause;
  while (self->is_current(generation)) {
    auto const current = self->session();
    if (!current) co_return;
    auto asked = make_request("GET", *self->backend_, *current);
    if (!last_event_id.empty()) asked.header.add(mcp::last_event_header, last_event_id);
    auto const limit = self->deadlines_.request;
    auto answered = co_await self->backend_->listening_client().send(std::move(asked), call_options{limit});
    if (answered && answered->events) {
      pause = shortest_listen_pause;
      for (;;) {
        auto next = co_await answered->events.next();
        if (!next || !*next) break;
        if ((*next)->id) last_event_id = *(*next)->id;
        if ((*next)->retry) pause = bounded_pause(*(*next)->retry);
        auto read = read_message(std::move((*next)->data));
        auto const observer = self->observer_.lock();
        if (read && observer) observer->on_message(self->name(), std::move(*read));
      }
    } else if (answered && answered->head.status < 500 && answered->head.status != 409 && answered->head.status != 429) {
      co_return;  // not offered (405), or the session is lost, which the next request finds out
    }
    auto const slept = co_await sleep_for(pause);
    if (!slept) co_return;
    pause = std::min(pause * 2, longest_listen_pause);
  }
}

}  // namespace mooring::gateway
