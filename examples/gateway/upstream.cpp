#include "upstream.hpp"

#include "json_text.hpp"
#include "metrics.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <utility>

namespace mooring::gateway {

std::string backend_error(std::string_view client_id, std::string_view backend, std::string_view what) {
  return mcp::make_error(client_id, mcp::code::server_error, std::string("backend ").append(backend).append(": ").append(what));
}

upstream::upstream(std::shared_ptr<backend> where, std::string opening, upstream_deadlines deadlines, std::shared_ptr<task_scope> scope,
                   std::weak_ptr<upstream_observer> observer, std::shared_ptr<metrics> counters, std::uint64_t seed)
    : backend_(std::move(where)),
      opening_(std::move(opening)),
      deadlines_(deadlines),
      scope_(std::move(scope)),
      observer_(std::move(observer)),
      metrics_(std::move(counters)),
      in_flight_(seed) {}

void upstream::resume(backend_session known) {
  std::lock_guard lock(mutex_);
  session_ = std::move(known);
  client_is_initialized_ = true;
  ready_generation_ = ++generation_;
  if (wants_to_listen_) start_listening_locked();
}

bool upstream::is_joined() const {
  std::lock_guard lock(mutex_);
  return session_.has_value();
}

std::optional<backend_session> upstream::session() const {
  std::lock_guard lock(mutex_);
  return session_;
}

std::string upstream::initialize_result() const {
  std::lock_guard lock(mutex_);
  return initialize_result_;
}

awaitable<result<http::reply>> upstream::post(std::string text, backend_session as, duration limit) {
  auto asked = make_request("POST", *backend_, as, std::move(text));
  auto answered = co_await backend_->client().send(std::move(asked), call_options{limit});
  if (answered)
    backend_->note_success();
  else if (answered.error() == errc::unavailable)
    backend_->note_failure(answered.error());
  co_return answered;
}

awaitable<std::string> upstream::request(mcp::message asked, relay pass_on) {
  auto const self = shared_from_this();
  auto const ex = co_await asio::this_coro::executor;
  std::string const client_id(asked.id());
  auto found = co_await find_place();
  for (bool is_replay = false; found; is_replay = true) {
    borrowed_id const id(in_flight_, client_id);
    auto text = asked.with_id(id.text());
    auto const until = saturating_add(clock_of(ex).now(), deadlines_.whole);
    auto const limit = std::min(deadlines_.request, deadlines_.whole);
    auto answered = co_await post(std::move(text), found->session, limit);
    if (!answered) {
      metrics_->count_backend_request(name(), "failed");
      bool const is_unsent = http::is_unsent(answered.error());
      if (!is_unsent) abandon(id.text(), found->session);
      co_return backend_error(client_id, name(), is_unsent ? "cannot be reached" : "gave no answer, and may have carried the request out");
    }
    if (is_session_lost(answered->head, found->session)) {
      metrics_->count_backend_request(name(), "refused");
      if (is_replay) co_return backend_error(client_id, name(), "lost its session again");
      auto const lost = found->generation;
      found = co_await find_place_after(lost);
      metrics_->replays.fetch_add(1, std::memory_order_relaxed);
      continue;
    }
    auto response = co_await read_answer(std::move(*answered), found->session, client_id, id.text(), std::move(pass_on), until);
    // A backend that refused a wish would refuse it again.
    if (wishes::is_lasting(asked.method()) && !member(response, "error")) remember(asked);
    co_return response;
  }
  metrics_->count_backend_request(name(), "failed");
  co_return backend_error(client_id, name(), "cannot be reached");
}

// Nobody waits for the answer any more: the backend may save itself the work (MCP 2025-11-25, lifecycle, timeouts). In the background, for the client has waited enough.
void upstream::abandon(std::string backend_id, backend_session as) {
  auto text = std::string(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)").append(backend_id).append(R"(,"reason":"The gateway gave up waiting"}})");
  scope_->spawn(tell_abandoned(shared_from_this(), std::move(text), std::move(as)));
}

awaitable<void> upstream::tell_abandoned(self_pointer self, std::string text, backend_session as) {
  auto const limit = self->deadlines_.farewell;
  auto const told = co_await self->post(std::move(text), std::move(as), limit);
  static_cast<void>(told);  // cancelling is a wish
}

awaitable<bool> upstream::send(mcp::message sent) {
  auto const self = shared_from_this();
  bool const is_initialized = sent.method() == "notifications/initialized";
  if (is_initialized) {
    std::lock_guard lock(mutex_);
    client_is_initialized_ = true;
    // A handshake that has no session yet tells the backend itself.
    if (!session_) co_return true;
  }
  auto found = co_await find_place();
  for (bool is_replay = false; found; is_replay = true) {
    auto text = sent.text();
    auto const answered = co_await post(std::move(text), found->session, deadlines_.request);
    if (!answered) co_return false;
    // A new backend session has heard that the client is initialized, and has asked nothing that a response could answer.
    bool const is_repeatable = sent.is_notification() && !is_initialized && !is_replay;
    if (!is_repeatable || !is_session_lost(answered->head, found->session)) co_return answered->head.status < 300;
    auto const lost = found->generation;
    found = co_await find_place_after(lost);
  }
  co_return false;
}

void upstream::remember(mcp::message const& asked) {
  std::lock_guard lock(mutex_);
  wishes_.note(asked);
}

awaitable<void> upstream::send_cancelled(mcp::message sent) {
  auto const self = shared_from_this();
  auto const current = session();
  auto const request_id = member_at(sent.text(), "params", "requestId");
  if (!current || !request_id) co_return;
  auto const ids = in_flight_.standing_for(*request_id);
  for (auto const& id : ids) {
    auto text = replaced(sent.text(), *request_id, id);
    auto const told = co_await post(std::move(text), *current, deadlines_.request);
    static_cast<void>(told);  // cancelling is a wish
  }
}

awaitable<void> upstream::close(std::string spared) {
  auto const self = shared_from_this();
  auto const ex = co_await asio::this_coro::executor;
  task_scope::task listener;
  {
    std::lock_guard lock(mutex_);
    is_closed_ = true;
    std::swap(listener, listener_);
  }
  listener.cancel();
  auto const until = saturating_add(clock_of(ex).now(), deadlines_.farewell);
  auto const joined = co_await wait_joined(until);
  static_cast<void>(joined);
  std::optional<backend_session> last;
  {
    std::lock_guard lock(mutex_);
    last = std::exchange(session_, std::nullopt);
  }
  if (last && last->to_hint() != spared) co_await say_farewell(backend_, *last, deadlines_.farewell);
}

}  // namespace mooring::gateway
