// How an upstream comes by its backend session: once for all who wait for it.

#include "json_text.hpp"
#include "messages.hpp"
#include "metrics.hpp"
#include "upstream.hpp"

#include "http/signal.hpp"
#include "mcp/headers.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <utility>

namespace mooring::gateway {

// A handshake that runs, and who waits for it.
struct upstream::flight {
  http::signal done;
};

// However a handshake ends, cut off in the middle too, its waiters go on.
class upstream::flight_guard {
 public:
  flight_guard(self_pointer of, std::shared_ptr<flight> mine) : of_(std::move(of)), mine_(std::move(mine)) {}
  flight_guard(flight_guard const&) = delete;
  flight_guard& operator=(flight_guard const&) = delete;
  ~flight_guard() {
    {
      std::lock_guard lock(of_->mutex_);
      if (of_->joining_ == mine_) of_->joining_ = nullptr;
    }
    mine_->done.raise();
  }

 private:
  self_pointer const of_;
  std::shared_ptr<flight> const mine_;
};

void upstream::begin_joining(time_point now) {
  std::lock_guard lock(mutex_);
  if (is_closed_ || session_ || joining_ || !backend_->circuit().may_try(now)) return;
  start_handshake_locked();
}

awaitable<bool> upstream::wait_joined(time_point until) {
  auto const self = shared_from_this();
  std::shared_ptr<flight> joining;
  {
    std::lock_guard lock(mutex_);
    joining = joining_;
  }
  if (joining) {
    auto const waited = co_await joining->done.wait(until);
    static_cast<void>(waited);  // the state says how it went
  }
  co_return is_joined();
}

std::shared_ptr<upstream::flight> upstream::start_handshake_locked() {
  joining_ = std::make_shared<flight>();
  // Spawning takes the scope's own lock for a moment and runs nothing.
  if (!scope_->spawn(run_handshake(shared_from_this(), joining_))) joining_ = nullptr;
  return joining_;
}

awaitable<void> upstream::run_handshake(self_pointer self, std::shared_ptr<flight> mine) {
  flight_guard guard(self, mine);
  auto shaken = co_await self->handshake();
  if (!shaken) co_return;
  std::uint64_t generation = 0;
  backend_session session;
  {
    std::lock_guard lock(self->mutex_);
    if (self->is_closed_) co_return;  // close() is waiting to end the session
    generation = self->generation_;
    session = *self->session_;
  }
  co_await self->catch_up(std::move(*shaken), std::move(session));
  task_scope::task listener;
  {
    std::lock_guard lock(self->mutex_);
    self->ready_generation_ = generation;
    listener = self->wants_to_listen_ ? self->start_listening_locked() : std::exchange(self->listener_, task_scope::task());
  }
  listener.cancel();  // the one of the session before
  if (auto const observer = self->observer_.lock()) observer->on_backend_session(generation == 1);
}

// What the client said in a session before, before anything that it says now. A backend that is slow to take it holds the client up no longer than a handshake may.
awaitable<void> upstream::catch_up(std::vector<std::string> messages, backend_session as) {
  auto const ex = co_await asio::this_coro::executor;
  auto const until = saturating_add(clock_of(ex).now(), deadlines_.handshake);
  for (auto& text : messages) {
    auto const limit = std::min<duration>(deadlines_.request, until - clock_of(ex).now());
    if (limit <= duration()) co_return;
    borrowed_id const id(in_flight_, std::string_view());
    if (auto const request = read_message(text); request && request->is_request()) text = request->with_id(id.text());
    auto const told = co_await post(std::move(text), as, limit);
    static_cast<void>(told);  // a backend that is gone again shows at the next request
  }
}

// Opens a session and gives what it has to be told before anything else.
awaitable<result<std::vector<std::string>>> upstream::handshake() {
  borrowed_id const id(in_flight_, std::string_view());
  auto text = std::string(R"({"jsonrpc":"2.0","id":)").append(id.text()).append(R"(,"method":"initialize","params":)").append(opening_).append("}");
  auto const ex = co_await asio::this_coro::executor;
  auto const limit = deadlines_.handshake;
  auto const until = saturating_add(clock_of(ex).now(), limit);
  auto asked = make_request("POST", *backend_, backend_session(), std::move(text));
  auto answered = co_await backend_->client().send(std::move(asked), call_options{limit});
  if (!answered) {
    backend_->note_failure(answered.error());
    co_return answered.error();
  }
  std::string session_id(answered->head.header.get(mcp::session_header));
  auto const status = answered->head.status;
  if (status != 200) {
    if (status >= 500) backend_->note_failure(make_error_code(errc::unavailable));
    backend_->note_refusal("it answers initialize with HTTP status " + std::to_string(status));
    co_return make_error_code(errc::load_failed);
  }
  auto reply = co_await read_handshake(std::move(*answered), id.text(), until);
  if (!reply) {
    backend_->note_failure(reply.error());
    co_return reply.error();
  }
  auto const version = member_at(reply->text(), "result", "protocolVersion");
  auto known_version = version ? string_value(*version) : std::nullopt;
  if (!known_version) {
    backend_->note_refusal("it answers initialize with " + (reply->type() == mcp::message::kind::error ? "JSON-RPC error " + std::to_string(code_of(*reply)) : "no protocolVersion"));
    co_return make_error_code(errc::load_failed);
  }
  backend_->note_success();
  backend_->note_opened();
  std::lock_guard lock(mutex_);
  session_.emplace(std::move(session_id), std::move(*known_version));
  initialize_result_ = std::string(reply->raw("result"));
  ++generation_;
  ++turn_;  // whoever listens in the session before ends
  is_listening_ = false;
  last_event_id_.clear();
  // Decided together with the session: from now on `send` posts what the client says.
  std::vector<std::string> first;
  if (client_is_initialized_) {
    first = wishes_.to_repeat();
    first.insert(first.begin(), mcp::make_notification("notifications/initialized"));
  }
  co_return first;
}

awaitable<result<mcp::message>> upstream::read_handshake(http::reply answered, std::string id, time_point until) {
  if (answered.events) co_return co_await read_events(std::move(answered.events), std::move(id), relay(), until);
  if (auto read = read_message(std::move(answered.head.body)); read && read->is_response()) co_return std::move(*read);
  co_return make_error_code(errc::protocol_error);
}

awaitable<result<upstream::place>> upstream::find_place() {
  auto const ex = co_await asio::this_coro::executor;
  auto const now = clock_of(ex).now();
  std::shared_ptr<flight> joining;
  {
    std::lock_guard lock(mutex_);
    if (is_closed_) co_return make_error_code(errc::closed);
    joining = joining_;
    if (!joining && session_) co_return place(*session_, generation_);
    if (!joining && backend_->circuit().may_try(now)) joining = start_handshake_locked();
  }
  if (!joining) co_return make_error_code(errc::unavailable);
  co_return co_await wait_for(std::move(joining), saturating_add(now, deadlines_.handshake));
}

awaitable<result<upstream::place>> upstream::find_place_after(std::uint64_t lost_generation) {
  auto const ex = co_await asio::this_coro::executor;
  auto const now = clock_of(ex).now();
  std::shared_ptr<flight> joining;
  {
    std::lock_guard lock(mutex_);
    if (is_closed_) co_return make_error_code(errc::closed);
    joining = joining_;
    if (!joining && generation_ != lost_generation && session_) co_return place(*session_, generation_);
    if (!joining) {
      session_.reset();
      joining = start_handshake_locked();
      metrics_->reinitializations.fetch_add(1, std::memory_order_relaxed);
    }
  }
  if (!joining) co_return make_error_code(errc::closed);
  co_return co_await wait_for(std::move(joining), saturating_add(now, deadlines_.handshake));
}

awaitable<result<upstream::place>> upstream::wait_for(std::shared_ptr<flight> joining, time_point until) {
  auto const waited = co_await joining->done.wait(until);
  if (!waited && waited.error() != errc::deadline_exceeded) co_return waited.error();
  std::lock_guard lock(mutex_);
  if (is_closed_) co_return make_error_code(errc::closed);
  if (!session_) co_return waited ? make_error_code(errc::unavailable) : waited.error();
  co_return place(*session_, generation_);
}

}  // namespace mooring::gateway
