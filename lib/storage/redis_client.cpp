#include "storage/redis_client.hpp"

#include "storage/redis_backoff.hpp"
#include "storage/redis_errors.hpp"
#include "storage/redis_tls.hpp"

#include <mooring/core/entropy.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/redis/connection.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <functional>
#include <list>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace mooring::detail {
namespace {

namespace redis = boost::redis;

// Gathers the replies of one request. Never reports an error to the parser: a reply of another shape than expected concerns its own request only.
struct reply_collector {
  std::vector<redis_reply> replies;

  void add(redis::resp3::node_view const& node) {
    if (node.depth > 1) return;
    if (node.depth == 1 && !replies.empty()) return fill(replies.back().items.emplace_back(), node);
    fill(replies.emplace_back(), node);
  }

 private:
  static void fill(redis_reply& reply, redis::resp3::node_view const& node) {
    using type = redis::resp3::type;
    switch (node.data_type) {
      case type::null: reply.what = redis_reply::kind::null; break;
      case type::number: {
        reply.what = redis_reply::kind::number;
        std::from_chars(node.value.data(), node.value.data() + node.value.size(), reply.number);
        break;
      }
      case type::simple_error:
      case type::blob_error:
        reply.what = redis_reply::kind::error;
        reply.text = node.value;
        break;
      case type::array:
      case type::push:
      case type::set:
      case type::map:
      case type::attribute: reply.what = redis_reply::kind::list; break;
      default:
        reply.what = redis_reply::kind::text;
        reply.text = node.value;
    }
  }
};

duration or_default(duration span, duration standard) { return span == duration::zero() ? standard : span; }

redis_storage_options with_defaults(redis_storage_options options) {
  options.dial_timeout = or_default(options.dial_timeout, std::chrono::seconds(5));
  options.write_timeout = or_default(options.write_timeout, std::chrono::seconds(3));
  options.read_timeout = or_default(options.read_timeout, std::chrono::seconds(3));
  options.operation_timeout = or_default(options.operation_timeout, std::chrono::seconds(5));
  options.health_check = or_default(options.health_check, std::chrono::seconds(2));
  return options;
}

secret password_of(redis_login const& login) {
  if (login.password_source) return login.password_source();
  if (login.password_variable.empty()) return login.password;
  auto const* const found = std::getenv(login.password_variable.c_str());
  return found ? found : "";
}

struct request_call {
  enum class phase { new_made, waiting, sent, ended };

  redis::request request;
  reply_collector collector;
  asio::any_completion_handler<void(redis_answer)> handler;
  executor on;
  time_point end;
  clock_service::alarm alarm;
  std::uint64_t number = 0;  // among those sent on this connection
  phase now = phase::new_made;
};
using call_pointer = std::shared_ptr<request_call>;

}  // namespace

// All members are used on the strand only, but for those that never change.
class redis_client::state : public std::enable_shared_from_this<state> {
 public:
  state(executor ex, redis_storage_options o)
      : options(with_defaults(std::move(o))),
        home(std::move(ex)),
        strand(asio::make_strand(home)),
        clock(clock_of(home)),
        entropy(entropy_of(home)),
        connection(std::in_place, executor(strand), tls_context(), redis::logger(redis::logger::level::disabled)) {}

  redis_storage_options const options;
  executor const home;
  asio::strand<executor> const strand;
  clock_service& clock;
  entropy_service& entropy;
  std::function<bool()> start_running;  // set once, before the first request

  void begin(call_pointer const& call) {
    if (call->now != request_call::phase::new_made) return;
    // The alarm owns the call: a call holds its caller's frame, and with it this state, so that a context which ends has to be what lets go of it.
    call->alarm = clock.schedule(call->end, executor(strand), [held = weak_from_this(), call] {
      if (auto const self = held.lock()) self->give_up(call, errc::deadline_exceeded);
    });
    if (is_closing_) return finish(call, redis_answer(errc::closed, false));
    switch (phase_) {
      case phase::connected: return send(call);
      case phase::pausing: return finish(call, redis_answer(attempt_error_, false));
      case phase::idle:
        phase_ = phase::connecting;
        if (!start_running()) return finish(call, redis_answer(errc::closed, false));
        [[fallthrough]];
      case phase::connecting:
        if (waiting_.size() >= options.max_in_flight) return finish(call, redis_answer(errc::busy, false));
        call->now = request_call::phase::waiting;
        waiting_.push_back(call);
    }
  }

  // The caller stops waiting. What was sent stays with the connection, so that its reply, which is nobody's, still counts as one more answered.
  void give_up(call_pointer const& call, errc why) {
    bool const was_sent = call->now == request_call::phase::sent;
    if (call->now == request_call::phase::waiting) waiting_.remove_if([&call](auto const& one) { return one.lock() == call; });
    finish(call, redis_answer(why, was_sent));
  }

  void cancel(call_pointer const& call, asio::cancellation_type type) {
    bool const is_total_only = (type & (asio::cancellation_type::terminal | asio::cancellation_type::partial)) == asio::cancellation_type::none;
    if (call->now == request_call::phase::sent && is_total_only) return;
    give_up(call, errc::cancelled);
  }

  void drop() {
    if (phase_ != phase::connected) return;
    is_dropped_ = true;
    stop_running();
  }

  void shut() {
    is_closing_ = true;
    end_waiting(errc::closed);
    stop_running();
  }

  static awaitable<void> run(std::shared_ptr<state> self) {
    co_await attempts(self);
    self->has_run_ended_ = true;
    self->release_connection();
  }

 private:
  enum class phase { idle, connecting, connected, pausing };

  // Ends when closing has begun.
  static awaitable<void> attempts(std::shared_ptr<state> self) {
    redis_backoff backoff;
    for (;;) {
      if (self->is_closing_) co_return;  // closed before the first step: nobody would stop the connection any more
      self->begin_attempt();
      auto const settings = self->settings();
      error_code ec;
      auto token = asio::bind_cancellation_slot(self->run_signal_.slot(), asio::redirect_error(asio::use_awaitable, ec));
      co_await self->connection->async_run(settings, token);
      auto const pause = self->end_attempt(ec, backoff);
      if (self->is_closing_) co_return;
      auto const slept = co_await sleep_for(pause);
      if (!slept || self->is_closing_) co_return;
    }
  }

  // The options were checked, so it can be made.
  asio::ssl::context tls_context() {
    if (!options.tls) return asio::ssl::context(asio::ssl::context::tls_client);
    auto made = make_tls_context(*options.tls, [this](std::string why) { refusal_ = std::move(why); }).value();
    set_peer_name(made, *options.tls, options.tls->server_name.empty() ? options.address->host : options.tls->server_name).value();
    return made;
  }

  redis::config settings() const {
    redis::config made;
    made.use_ssl = options.tls.has_value();
    if (options.address) made.addr = {options.address->host, options.address->port};
    made.unix_socket = options.unix_socket;
    made.reconnect_wait_interval = std::chrono::seconds::zero();
    made.resolve_timeout = made.connect_timeout = made.ssl_handshake_timeout = options.dial_timeout;
    made.health_check_interval = options.health_check / 2;  // Boost.Redis gives a server up after two intervals of silence
    // The greeting is a request of ours, so that what the server answers is seen.
    made.use_setup = true;
    made.setup.clear();
    return made;
  }

  void begin_attempt() {
    phase_ = phase::connecting;
    attempt_error_ = errc::unavailable;
    refusal_.clear();
    began_ = clock.now();
    if (options.tls && options.tls->insecure && options.log) options.log(severity::warning, "redis: the server's certificate is not checked (tls.insecure)");
    connected_at_ = {};
    sent_ = answered_ = 0;
    is_stopping_ = is_closing_;
    auto const number = ++attempt_;
    clock.cancel(std::exchange(dialing_, clock.schedule(began_ + options.dial_timeout, executor(strand), [held = weak_from_this(), number] {
      auto const self = held.lock();
      if (!self || self->attempt_ != number || self->phase_ != phase::connecting) return;
      self->refusal_ = "no connection was made within dial_timeout";
      self->stop_running();
    })));
    greet(number);
  }

  void greet(std::uint64_t number) {
    auto const greeting = std::make_shared<request_call>();
    auto const password = password_of(options);
    auto const& user = options.username;
    if (user.empty() && password.empty()) greeting->request.push("HELLO", "3", "SETNAME", "mooring");
    else greeting->request.push("HELLO", "3", "AUTH", user.empty() ? std::string("default") : user, password.text(), "SETNAME", "mooring");
    if (options.database != 0) greeting->request.push("SELECT", options.database);
    greeting->request.push("PING");
    execute(greeting, [self = shared_from_this(), greeting, number](error_code ec) {
      if (self->attempt_ == number && self->phase_ == phase::connecting) self->greeted(*greeting, ec);
    });
  }

  void greeted(request_call const& greeting, error_code ec) {
    if (ec) return stop_running();  // the connection ends, or says so itself
    for (auto const& reply : greeting.collector.replies) {
      if (reply.what != redis_reply::kind::error) continue;
      attempt_error_ = error_of_reply(reply.text);
      return stop_running();
    }
    phase_ = phase::connected;
    connected_at_ = clock.now();
    clock.cancel(std::exchange(dialing_, {}));
    for (auto const& waiting : std::exchange(waiting_, {}))
      if (auto const call = waiting.lock()) send(call);
  }

  void end_waiting(errc why) {
    for (auto const& waiting : std::exchange(waiting_, {}))
      if (auto const call = waiting.lock()) finish(call, redis_answer(why, false));
  }

  // What was sent ends through its own completion; what waited for this attempt ends here.
  duration end_attempt(error_code ec, redis_backoff& backoff) {
    bool const was_connected = connected_at_ != time_point();
    auto const lived = was_connected ? clock.now() - connected_at_ : duration::zero();
    bool const is_tls = ec.category() == asio::error::get_ssl_category() || ec.category() == asio::ssl::error::get_stream_category();
    if (!was_connected && is_tls) attempt_error_ = errc::tls_failed;
    if (!was_connected && options.log && !is_closing_) options.log(severity::warning, "redis: " + cause(ec));
    clock.cancel(std::exchange(dialing_, {}));
    connection->cancel(redis::operation::exec);  // a greeting that never left
    std::uint64_t random = 0;
    // Without randomness all that is lost is the jitter.
    static_cast<void>(entropy.fill(std::as_writable_bytes(std::span(&random, 1))));
    bool const is_refused = attempt_error_ == errc::auth_failed || attempt_error_ == errc::permission_denied || attempt_error_ == errc::config_error;
    auto const pause = backoff.next(lived, is_refused, random);
    // A connection that we left is on its way to be replaced: who asks meanwhile waits.
    bool const is_replaced = std::exchange(is_dropped_, false);
    phase_ = pause > duration::zero() && !is_replaced ? phase::pausing : phase::connecting;
    if (phase_ == phase::connecting) return pause;
    end_waiting(attempt_error_);
    return pause;
  }

  // In words of ours or of the libraries below; never in the server's.
  std::string cause(error_code ec) const {
    if (!refusal_.empty()) return refusal_;
    return attempt_error_ == errc::unavailable || attempt_error_ == errc::tls_failed ? ec.message() : name_of(attempt_error_);
  }

  void stop_running() {
    if (std::exchange(is_stopping_, true)) return;
    if (phase_ == phase::connected) phase_ = phase::connecting;  // what comes now waits for the next connection
    run_signal_.emit(asio::cancellation_type::terminal);
  }

  void send(call_pointer const& call) {
    if (sent_ - answered_ >= options.max_in_flight) return finish(call, redis_answer(errc::busy, false));
    call->now = request_call::phase::sent;
    call->number = ++sent_;
    auto const attempt = attempt_;
    execute(call, [self = shared_from_this(), call, attempt](error_code ec) { self->answered(call, ec, attempt); });
  }

  // `done` holds the state: the connection must outlive its operations.
  template <class F>
  void execute(call_pointer const& call, F done) {
    // Plain: the operation's own handler keeps the call, and Boost.Redis lets go of the adapter with the operation.
    redis::any_adapter adapter([call = call.get()](redis::any_adapter::parse_event event, redis::resp3::node_view const& node, boost::system::error_code&) {
      if (event == redis::any_adapter::parse_event::node) call->collector.add(node);
    });
    ++executing_;
    connection->async_exec(call->request, std::move(adapter), asio::bind_executor(strand, [this, call, done = std::move(done)](error_code ec, std::size_t) {
      --executing_;
      done(ec);
      release_connection();
    }));
  }

  // A run that ends leaves its socket open; what closes it is the connection's own end, which has to wait for its last operation.
  void release_connection() {
    if (has_run_ended_ && executing_ == 0) connection.reset();
  }

  void answered(call_pointer const& call, error_code ec, std::uint64_t attempt) {
    // Replies come in the order of requests: one that came stands for all before it, those included that nobody waits for any more.
    if (!ec && attempt == attempt_) answered_ = std::max(answered_, call->number);
    if (call->now != request_call::phase::sent) return;
    if (ec || call->collector.replies.empty()) {
      bool const is_lost = ec == asio::error::operation_aborted || !ec;
      return finish(call, redis_answer(is_closing_ ? errc::closed : is_lost ? errc::unavailable : errc::protocol_error, true));
    }
    finish(call, redis_answer(std::move(call->collector.replies.front())));
  }

  void finish(call_pointer const& call, redis_answer answer) {
    if (call->now == request_call::phase::ended) return;
    call->now = request_call::phase::ended;
    clock.cancel(call->alarm);
    asio::post(call->on, asio::append(std::move(call->handler), std::move(answer)));
  }

  std::string refusal_;  // why this attempt failed, where we know better than the libraries below
  std::optional<redis::connection> connection;  // none once closing has ended
  asio::cancellation_signal run_signal_;
  std::list<std::weak_ptr<request_call>> waiting_;  // for the attempt to end
  phase phase_ = phase::idle;
  errc attempt_error_ = errc::unavailable;  // why the last attempt failed
  clock_service::alarm dialing_;
  std::uint64_t attempt_ = 0;
  time_point began_;
  time_point connected_at_;
  std::uint64_t sent_ = 0;      // on this connection
  std::uint64_t answered_ = 0;  // the number of the last request whose reply came
  bool is_stopping_ = false;    // this run has been told to end
  bool is_dropped_ = false;     // because its server is the wrong one
  bool is_closing_ = false;
  bool has_run_ended_ = false;  // for good, because of closing
  std::size_t executing_ = 0;   // operations of the connection that have not ended
};

redis_client::redis_client(executor ex, redis_storage_options options)
    : state_(std::make_shared<state>(std::move(ex), std::move(options))), tasks_(std::make_shared<task_scope>(executor(state_->strand), state_->options.log)) {
  // The state does not own the scope: a request that outlives the link finds it gone.
  state_->start_running = [held = std::weak_ptr(state_), weak = std::weak_ptr(tasks_)] {
    auto const self = held.lock();
    auto const tasks = weak.lock();
    return self && tasks && tasks->spawn(state::run(self));
  };
}

redis_client::~redis_client() {
  asio::post(state_->strand, [held = state_] { held->shut(); });
}

awaitable<redis_answer> redis_client::ask(std::vector<std::string> command, time_point end) {
  auto const ex = co_await asio::this_coro::executor;
  auto const longest = clock_of(ex).now() + state_->options.write_timeout + state_->options.read_timeout;
  redis::request request;
  request.push_range(command.front(), command.begin() + 1, command.end());
  // The call is made in here and not in this frame, which it owns: a frame that held its own call would never be let go.
  auto initiate = [held = state_](auto handler, executor on, redis::request sent, time_point until) {
    auto const made = std::make_shared<request_call>();
    made->request = std::move(sent);
    made->end = until;
    made->on = std::move(on);
    auto slot = asio::get_associated_cancellation_slot(handler);
    made->handler = std::move(handler);
    // Weak: the slot lives in the frame that the handler owns.
    if (slot.is_connected()) {
      slot.assign([weak_state = std::weak_ptr(held), weak = std::weak_ptr(made)](asio::cancellation_type type) {
        auto const self = weak_state.lock();
        if (!self) return;
        asio::post(self->strand, [self, weak, type] {
          if (auto const call = weak.lock()) self->cancel(call, type);
        });
      });
    }
    asio::post(held->strand, [held, made] { held->begin(made); });
  };
  auto const until = std::min(end, longest);
  using token_type = asio::use_awaitable_t<>;
  co_return co_await asio::async_initiate<token_type const, void(redis_answer)>(initiate, asio::use_awaitable, ex, std::move(request), until);
}

void redis_client::drop() {
  asio::post(state_->strand, [held = state_] { held->drop(); });
}

awaitable<void> redis_client::close() {
  asio::post(state_->strand, [held = state_] { held->shut(); });
  co_await tasks_->close();
}

}  // namespace mooring::detail
