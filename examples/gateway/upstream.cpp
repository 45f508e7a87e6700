#include "upstream.hpp"

#include "json_text.hpp"
#include "metrics.hpp"

#include "mcp/headers.hpp"

#include <boost/asio/this_coro.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <utility>
#include <variant>

namespace mooring::gateway {

namespace json = boost::json;

namespace {

constexpr duration shortest_listen_pause = std::chrono::seconds(1);
constexpr duration longest_listen_pause = std::chrono::seconds(30);

// A request id in flight for as long as its frame lives.
class borrowed_id {
 public:
  borrowed_id(in_flight& from, std::string_view client_id) : from_(from), text_(from.begin(client_id)) {}
  ~borrowed_id() { from_.end(text_); }
  borrowed_id(borrowed_id const&) = delete;
  borrowed_id& operator=(borrowed_id const&) = delete;
  std::string const& text() const noexcept { return text_; }

 private:
  in_flight& from_;
  std::string const text_;
};

std::optional<mcp::message> parse(std::string text) {
  auto read = mcp::parse_message(std::move(text), 200);
  if (auto* const good = std::get_if<mcp::message>(&read)) return std::move(*good);
  return std::nullopt;
}

// Some servers write a number that they got back as a string.
bool is_same_id(std::string_view a, std::string_view b) {
  auto const bare = [](std::string_view id) { return id.size() >= 2 && id.front() == '"' ? id.substr(1, id.size() - 2) : id; };
  return bare(a) == bare(b);
}

bool is_about_unreadable(mcp::message const& answer) {
  return answer.type() == mcp::message::kind::error && (answer.id().empty() || answer.id() == "null");
}

int code_of(mcp::message const& failed) {
  auto const* const code = failed.error().if_contains("code");
  return code && code->is_int64() ? static_cast<int>(code->get_int64()) : 0;
}

// A backend that has lost its session says 404. Servers made after the official SDK's examples say 400 and speak of the session. Either way the
// request was not carried out.
bool is_session_lost(http::response const& head, backend_session const& session) {
  if (session.id.empty() || (head.status != 404 && head.status != 400)) return false;
  auto const body = parse(head.body);
  bool const is_error = body && body->type() == mcp::message::kind::error;
  if (head.status == 404) return !is_error || code_of(*body) != mcp::code::method_not_found;
  if (!is_error) return false;
  auto const* const text = body->error().if_contains("message");
  return text && text->is_string() && text->get_string().find("ession") != json::string::npos;
}

http::request make_request(std::string method, backend const& to, backend_session const& as, std::string body = {}) {
  http::request made(std::move(method), to.target());
  bool const is_post = made.method == "POST";
  if (is_post) made.header.add("Content-Type", mcp::json_type);
  made.header.add("Accept", is_post ? "application/json, text/event-stream" : mcp::event_stream_type);
  if (!as.id.empty()) made.header.add(mcp::session_header, as.id);
  if (!as.version.empty()) made.header.add(mcp::version_header, as.version);
  made.body = std::move(body);
  return made;
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

std::string backend_error(std::string_view client_id, std::string_view backend, std::string_view what) {
  return mcp::make_error(client_id, mcp::code::server_error, std::string("backend ").append(backend).append(": ").append(what));
}

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
  std::uint64_t generation = 0;
  {
    std::lock_guard lock(mutex_);
    session_ = std::move(known);
    client_is_initialized_ = true;
    generation = ++generation_;
  }
  task_scope::task listener;
  scope_->spawn(listen(shared_from_this(), generation), &listener);
  std::lock_guard lock(mutex_);
  listener_ = std::move(listener);
}

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

bool upstream::is_joined() const {
  std::lock_guard lock(mutex_);
  return session_.has_value();
}

bool upstream::is_current(std::uint64_t generation) const {
  std::lock_guard lock(mutex_);
  return !is_closed_ && session_ && generation_ == generation;
}

std::optional<backend_session> upstream::session() const {
  std::lock_guard lock(mutex_);
  return session_;
}

std::string upstream::initialize_result() const {
  std::lock_guard lock(mutex_);
  return initialize_result_;
}

std::shared_ptr<upstream::flight> upstream::start_handshake_locked() {
  joining_ = std::make_shared<flight>();
  // Spawning takes the scope's own lock for a moment and runs nothing.
  if (!scope_->spawn(run_handshake(shared_from_this(), joining_))) joining_ = nullptr;
  return joining_;
}

awaitable<void> upstream::run_handshake(self_pointer self, std::shared_ptr<flight> mine) {
  flight_guard guard(self, mine);
  auto const shaken = co_await self->handshake();
  if (!shaken) co_return;
  bool is_initialized = false;
  std::uint64_t generation = 0;
  backend_session session;
  std::vector<std::string> catching_up;
  {
    std::lock_guard lock(self->mutex_);
    if (self->is_closed_) co_return;  // close() is waiting to end the session
    is_initialized = self->client_is_initialized_;
    generation = self->generation_;
    session = *self->session_;
    if (is_initialized) catching_up = self->wishes_.to_repeat();
  }
  if (is_initialized) catching_up.insert(catching_up.begin(), mcp::make_notification("notifications/initialized"));
  for (auto& text : catching_up) {
    borrowed_id const id(self->in_flight_, std::string_view());
    if (auto const request = parse(text); request && request->is_request()) text = request->with_id(id.text());
    auto const told = co_await self->post(std::move(text), session);
    static_cast<void>(told);  // a backend that is gone again shows at the next request
  }
  task_scope::task listener;
  self->scope_->spawn(listen(self, generation), &listener);
  {
    std::lock_guard lock(self->mutex_);
    std::swap(self->listener_, listener);
  }
  listener.cancel();  // the one of the session before
  if (auto const observer = self->observer_.lock()) observer->on_backend_session(generation == 1);
}

awaitable<result<>> upstream::handshake() {
  borrowed_id const id(in_flight_, std::string_view());
  auto text = std::string(R"({"jsonrpc":"2.0","id":)").append(id.text()).append(R"(,"method":"initialize","params":)").append(opening_).append("}");
  auto const limit = deadlines_.handshake;
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
    co_return make_error_code(errc::load_failed);
  }
  auto reply = co_await read_handshake(std::move(*answered), id.text());
  if (!reply) {
    backend_->note_failure(reply.error());
    co_return reply.error();
  }
  auto const version = member_at(reply->text(), "result", "protocolVersion");
  auto known_version = version ? string_value(*version) : std::nullopt;
  if (!known_version) co_return make_error_code(errc::load_failed);
  backend_->note_success();
  std::lock_guard lock(mutex_);
  session_.emplace(std::move(session_id), std::move(*known_version));
  initialize_result_ = std::string(reply->raw("result"));
  ++generation_;
  co_return result<>();
}

awaitable<result<mcp::message>> upstream::read_handshake(http::reply answered, std::string id) {
  if (answered.events) co_return co_await read_events(std::move(answered.events), std::move(id), relay());
  if (auto read = parse(std::move(answered.head.body)); read && read->is_response()) co_return std::move(*read);
  co_return make_error_code(errc::protocol_error);
}

awaitable<result<upstream::place>> upstream::find_place() {
  auto const ex = co_await asio::this_coro::executor;
  auto const now = clock_of(ex).now();
  std::shared_ptr<flight> joining;
  {
    std::lock_guard lock(mutex_);
    if (is_closed_) co_return make_error_code(errc::closed);
    if (session_) co_return place(*session_, generation_);
    joining = joining_;
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
    if (generation_ != lost_generation && session_) co_return place(*session_, generation_);
    joining = joining_;
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
  if (!waited) co_return waited.error();
  std::lock_guard lock(mutex_);
  if (is_closed_) co_return make_error_code(errc::closed);
  if (!session_) co_return make_error_code(errc::unavailable);
  co_return place(*session_, generation_);
}

awaitable<result<http::reply>> upstream::post(std::string text, backend_session as) {
  auto asked = make_request("POST", *backend_, as, std::move(text));
  auto const limit = deadlines_.request;
  auto answered = co_await backend_->client().send(std::move(asked), call_options{limit});
  if (answered)
    backend_->note_success();
  else if (answered.error() == errc::unavailable)
    backend_->note_failure(answered.error());
  co_return answered;
}

awaitable<std::string> upstream::request(mcp::message asked, relay pass_on) {
  auto const self = shared_from_this();
  remember(asked);
  std::string const client_id(asked.id());
  auto found = co_await find_place();
  for (bool is_replay = false; found; is_replay = true) {
    borrowed_id const id(in_flight_, client_id);
    auto text = asked.with_id(id.text());
    auto answered = co_await post(std::move(text), found->session);
    if (!answered) {
      metrics_->count_backend_request(name(), "failed");
      bool const is_unsent = http::is_unsent(answered.error());
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
    co_return co_await read_answer(std::move(*answered), client_id, id.text(), std::move(pass_on));
  }
  metrics_->count_backend_request(name(), "failed");
  co_return backend_error(client_id, name(), "cannot be reached");
}

awaitable<std::string> upstream::read_answer(http::reply answered, std::string client_id, std::string backend_id, relay pass_on) {
  auto const status = answered.head.status;
  std::optional<mcp::message> response;
  std::string failure;
  if (answered.events) {
    auto read = co_await read_events(std::move(answered.events), backend_id, std::move(pass_on));
    if (read)
      response = std::move(*read);
    else
      failure = read.error() == errc::deadline_exceeded ? "fell silent" : "broke off its answer";
  } else {
    response = parse(std::move(answered.head.body));
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

awaitable<result<mcp::message>> upstream::read_events(http::event_source events, std::string awaited, relay pass_on) {
  std::string last_event_id;
  duration pause = shortest_listen_pause;
  auto const limit = deadlines_.request;
  auto const ex = co_await asio::this_coro::executor;
  auto give_up = saturating_add(clock_of(ex).now(), limit);
  for (;;) {
    auto next = co_await events.next(call_options{limit});
    if (next && *next) {
      give_up = saturating_add(clock_of(ex).now(), limit);
      if ((*next)->id) last_event_id = *(*next)->id;
      if ((*next)->retry) pause = *(*next)->retry;
      if ((*next)->data.empty()) continue;
      auto read = parse(std::move((*next)->data));
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
    if (last_event_id.empty() || why == errc::cancelled || why == errc::deadline_exceeded || clock_of(ex).now() >= give_up) co_return why;
    auto const slept = co_await sleep_for(pause);
    if (!slept) co_return slept.error();
    auto again = co_await reopen(last_event_id);
    if (!again) co_return again.error();
    events = std::move(*again);
  }
}

awaitable<result<http::event_source>> upstream::reopen(std::string last_event_id) {
  auto const current = session();
  if (!current) co_return make_error_code(errc::disconnected);
  auto asked = make_request("GET", *backend_, *current);
  asked.header.add(mcp::last_event_header, std::move(last_event_id));
  auto const limit = deadlines_.request;
  auto answered = co_await backend_->client().send(std::move(asked), call_options{limit});
  if (!answered) co_return answered.error();
  if (!answered->events) co_return make_error_code(errc::disconnected);
  co_return std::move(answered->events);
}

awaitable<bool> upstream::send(mcp::message sent) {
  auto const self = shared_from_this();
  bool const is_initialized = sent.method() == "notifications/initialized";
  if (is_initialized) {
    std::lock_guard lock(mutex_);
    client_is_initialized_ = true;
    // A handshake that is still running tells the backend itself.
    if (!session_) co_return true;
  }
  auto found = co_await find_place();
  for (bool is_replay = false; found; is_replay = true) {
    auto text = sent.text();
    auto const answered = co_await post(std::move(text), found->session);
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
    auto const told = co_await post(std::move(text), *current);
    static_cast<void>(told);  // cancelling is a wish
  }
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
    auto answered = co_await self->backend_->client().send(std::move(asked), call_options{limit});
    if (answered && answered->events) {
      pause = shortest_listen_pause;
      for (;;) {
        auto next = co_await answered->events.next();
        if (!next || !*next) break;
        if ((*next)->id) last_event_id = *(*next)->id;
        if ((*next)->retry) pause = *(*next)->retry;
        auto read = parse(std::move((*next)->data));
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

awaitable<void> say_farewell(std::shared_ptr<backend> to, backend_session ended, duration deadline) {
  if (ended.id.empty()) co_return;
  auto asked = make_request("DELETE", *to, ended);
  auto const told = co_await to->client().send(std::move(asked), call_options{deadline});
  static_cast<void>(told);  // a backend that does not hear it keeps its session until it expires there
}

}  // namespace mooring::gateway
