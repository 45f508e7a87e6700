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

awaitable<std::string> upstream::read_answer(http::reply answered, backend_session as, std::string client_id, std::string backend_id, relay pass_on, time_point until) {
  auto const status = answered.head.status;
  std::optional<mcp::message> response;
  std::string failure;
  if (answered.events) {
    auto read = co_await read_events(std::move(answered.events), backend_id, std::move(pass_on), until);
    if (read) {
      response = std::move(*read);
    } else {
      auto const ex = co_await asio::this_coro::executor;
      bool const is_too_long = clock_of(ex).now() >= until;
      failure = read.error() != errc::deadline_exceeded ? "broke off its answer" : is_too_long ? "took too long" : "fell silent";
      abandon(backend_id, std::move(as));
    }
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
  auto limit = deadlines_.request;
  auto const ex = co_await asio::this_coro::executor;
  auto give_up = std::min(saturating_add(clock_of(ex).now(), limit), until);
  for (;;) {
    auto const left = std::min<duration>(limit, until - clock_of(ex).now());  // from now, as passing on may have waited for the client
    auto next = co_await events.next(call_options{left});
    if (next && *next) {
      if ((*next)->id) last_event_id = *(*next)->id;
      if ((*next)->retry) pause = bounded_pause(*(*next)->retry);
      auto read = (*next)->data.empty() ? std::nullopt : read_message(std::move((*next)->data));
      if (read && read->is_response() && is_same_id(read->id(), awaited)) co_return std::move(*read);
      if (read) limit = read->is_request() ? deadlines_.answer : deadlines_.request;
      if (read && !read->is_response() && pass_on) co_await pass_on(name(), std::move(*read));
      give_up = std::min(saturating_add(clock_of(ex).now(), limit), until);
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

// However a listener ends, the next `begin_listening` starts another.
class upstream::listener_guard {
 public:
  listener_guard(self_pointer of, std::uint64_t turn) : of_(std::move(of)), turn_(turn) {}
  listener_guard(listener_guard const&) = delete;
  listener_guard& operator=(listener_guard const&) = delete;
  ~listener_guard() {
    std::lock_guard lock(of_->mutex_);
    if (of_->turn_ == turn_) of_->is_listening_ = false;
  }

 private:
  self_pointer const of_;
  std::uint64_t const turn_;
};

void upstream::begin_listening() {
  task_scope::task before;
  {
    std::lock_guard lock(mutex_);
    wants_to_listen_ = true;
    if (is_closed_ || is_listening_ || !session_ || ready_generation_ != generation_) return;
    before = start_listening_locked();
  }
  before.cancel();
}

void upstream::end_listening() {
  task_scope::task last;
  {
    std::lock_guard lock(mutex_);
    wants_to_listen_ = false;
    is_listening_ = false;
    ++turn_;
    std::swap(last, listener_);
  }
  last.cancel();
}

// Gives the listener of the turn before, to be cancelled outside the lock.
task_scope::task upstream::start_listening_locked() {
  task_scope::task before;
  std::swap(before, listener_);
  // Spawning takes the scope's own lock for a moment and runs nothing.
  is_listening_ = scope_->spawn(listen(shared_from_this(), ++turn_), &listener_);
  return before;
}

std::optional<backend_session> upstream::session_of(std::uint64_t turn) const {
  std::lock_guard lock(mutex_);
  return is_closed_ || turn_ != turn ? std::nullopt : session_;
}

std::string upstream::last_event_id() const {
  std::lock_guard lock(mutex_);
  return last_event_id_;
}

void upstream::note_event_id(std::uint64_t turn, std::string id) {
  std::lock_guard lock(mutex_);
  if (turn_ == turn) last_event_id_ = std::move(id);
}

awaitable<void> upstream::listen(self_pointer self, std::uint64_t turn) {
  listener_guard const guard(self, turn);
  auto pause = shortest_listen_pause;
  for (;;) {
    auto const current = self->session_of(turn);
    if (!current) co_return;
    auto const last_event_id = self->last_event_id();
    auto asked = make_request("GET", *self->backend_, *current);
    if (!last_event_id.empty()) asked.header.add(mcp::last_event_header, last_event_id);
    auto const limit = self->deadlines_.request;
    auto answered = co_await self->backend_->listening_client().send(std::move(asked), call_options{limit});
    if (answered && answered->events) {
      pause = shortest_listen_pause;
      for (;;) {
        auto next = co_await answered->events.next();
        if (!next || !*next) break;
        if ((*next)->id) self->note_event_id(turn, *(*next)->id);
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
    // 409: another replica still holds the stream, because the client's was there. A client that waits here gets it as soon as it is free.
    auto const observer = self->observer_.lock();
    bool const is_handed_over = answered && answered->head.status == 409 && observer && observer->has_listening_client();
    pause = is_handed_over ? shortest_listen_pause : std::min(pause * 2, longest_listen_pause);
  }
}

}  // namespace mooring::gateway
