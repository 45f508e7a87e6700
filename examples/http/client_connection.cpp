#include "http/client_connection.hpp"

#include "http/wire.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/cancel_at.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace mooring::http {

namespace beast = boost::beast;
namespace {

// `Keep-Alive: timeout=5`: a second less, for the way there.
duration idle_limit(std::string_view keep_alive, duration configured) noexcept {
  auto const place = keep_alive.find("timeout=");
  if (place == std::string_view::npos) return configured;
  unsigned seconds = 0;
  auto const digits = keep_alive.substr(place + 8);
  if (std::from_chars(digits.data(), digits.data() + digits.size(), seconds).ec != std::errc()) return configured;
  return std::min<duration>(configured, std::chrono::seconds(seconds > 0 ? seconds - 1 : 0));
}

// A peer that vanished without a word is noticed after a minute of silence: a stream that stands open is otherwise waited on for ever.
void probe_when_silent(asio::ip::tcp::socket& socket) {
  constexpr std::array<std::pair<int, int>, 3> times{{{TCP_KEEPIDLE, 30}, {TCP_KEEPINTVL, 10}, {TCP_KEEPCNT, 3}}};  // seconds, seconds, probes
  for (auto const& [name, value] : times) ::setsockopt(socket.native_handle(), IPPROTO_TCP, name, &value, sizeof value);
  error_code ignored;  // a socket without these still works
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
}

bool is_event_stream(std::string_view content_type) noexcept {
  return equals_ignoring_case(trimmed(content_type.substr(0, content_type.find(';'))), "text/event-stream");
}

}  // namespace

client_connection::client_connection(std::shared_ptr<client_pool> pool)
    : pool_(std::move(pool)), strand_(asio::make_strand(pool_->home)), socket_(pool_->home), events_(pool_->options.max_event_bytes) {}

client_connection::~client_connection() { pool_->leave(*this); }

awaitable<result<reply>> client_connection::send(std::shared_ptr<client_connection> self, request asked, time_point until) {
  auto& me = *self;
  auto text = request_text(asked, to_text(me.pool_->server));
  std::string().swap(asked.body);  // it is in the text; assigning an empty string would keep its memory
  me.has_sent_ = false;
  for (;;) {
    if (!me.is_connected_) {
      auto const failure = co_await me.connect(until);
      if (failure) co_return failure;
    }
    me.has_sent_ = true;
    error_code failure;
    auto const sent = co_await asio::async_write(me.socket_, asio::buffer(text), asio::cancel_at(until, asio::redirect_error(asio::use_awaitable, failure)));
    if (!failure) break;
    me.disconnect();
    me.has_sent_ = sent > 0;
    if (me.has_sent_) co_return make_error_code(errc::ambiguous);
    if (failure == asio::error::operation_aborted) {
      auto const state = co_await asio::this_coro::cancellation_state;
      co_return make_error_code(me.interruption(state));
    }
    if (!std::exchange(me.is_kept_, false)) co_return make_error_code(errc::unavailable);
  }

  std::string().swap(text);  // the answer may take long
  auto const failure = co_await me.read_head(until);
  if (failure) {
    me.disconnect();
    co_return failure;
  }
  auto& message = me.parser_->get();
  reply answer;
  answer.head.status = message.result_int();
  for (auto const& field : message) answer.head.header.add(std::string(field.name_string()), std::string(field.value()));
  if (is_event_stream(answer.head.header.get("Content-Type"))) {
    me.parser_->body_limit(boost::none);
    me.events_ = event_parser(me.pool_->options.max_event_bytes);
    me.is_finished_ = me.parser_->is_done();  // a body of no bytes has come already
    answer.events = event_source(std::move(self));
    co_return answer;
  }
  error_code broken;
  co_await beast::http::async_read(me.socket_, me.buffer_, *me.parser_, asio::cancel_at(until, asio::redirect_error(asio::use_awaitable, broken)));
  if (broken) {
    me.disconnect();
    co_return make_error_code(broken == beast::http::error::body_limit ? errc::protocol_error : errc::ambiguous);
  }
  answer.head.body = std::move(message.body());
  me.keep();
  co_return answer;
}

awaitable<result<std::optional<event>>> client_connection::next_event(std::shared_ptr<client_connection> self, time_point until) {
  auto& me = *self;
  for (;;) {
    auto ready = me.events_.next();
    if (ready) co_return ready;
    if (me.is_finished_) {
      me.keep();
      co_return std::optional<event>();
    }
    if (!me.is_connected_) co_return make_error_code(errc::disconnected);
    error_code failure;
    co_await beast::http::async_read_some(me.socket_, me.buffer_, *me.parser_, asio::cancel_at(until, asio::redirect_error(asio::use_awaitable, failure)));
    auto const bytes = std::exchange(me.parser_->get().body(), {});
    bool const is_readable = me.events_.feed(bytes);
    if (is_readable && !failure) {
      me.is_finished_ = me.parser_->is_done();
      continue;
    }
    me.disconnect();
    if (!is_readable) co_return make_error_code(errc::protocol_error);
    if (failure == asio::error::operation_aborted) {
      auto const state = co_await asio::this_coro::cancellation_state;
      auto const reason = me.interruption(state);
      co_return make_error_code(reason == errc::closed ? errc::disconnected : reason);
    }
    // What came before the break is still handed out.
  }
}

awaitable<error_code> client_connection::connect(time_point until) {
  auto const limit = std::min(until, saturating_add(clock_of(pool_->home).now(), pool_->options.connect_deadline));
  auto const found = co_await pool_->names.find(limit);
  // A server that cannot be reached within the connect deadline is unavailable, while the call itself still had time.
  bool const has_time_left = limit < until;
  if (!found) co_return found.error() == errc::deadline_exceeded && has_time_left ? make_error_code(errc::unavailable) : found.error();
  disconnect();
  error_code failure;
  co_await asio::async_connect(socket_, *found, asio::cancel_at(limit, asio::redirect_error(asio::use_awaitable, failure)));
  if (failure) {
    disconnect();
    if (failure != asio::error::operation_aborted) co_return make_error_code(errc::unavailable);
    auto const state = co_await asio::this_coro::cancellation_state;
    auto const reason = interruption(state);
    co_return make_error_code(reason == errc::deadline_exceeded && has_time_left ? errc::unavailable : reason);
  }
  error_code ignored;  // a socket without these still works
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
  probe_when_silent(socket_);
  is_connected_ = true;
  is_kept_ = false;
  if (was_aborted_) co_return make_error_code(errc::closed);
  co_return error_code();
}

awaitable<error_code> client_connection::read_head(time_point until) {
  for (;;) {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(pool_->options.max_header_bytes));
    parser_->body_limit(pool_->options.max_body_bytes);
    error_code failure;
    co_await beast::http::async_read_header(socket_, buffer_, *parser_, asio::cancel_at(until, asio::redirect_error(asio::use_awaitable, failure)));
    static error_code const unreadable = beast::http::error::bad_method;
    bool const is_lost = failure == beast::http::error::end_of_stream || failure == beast::http::error::partial_message;
    if (failure) co_return make_error_code(failure.category() == unreadable.category() && !is_lost ? errc::protocol_error : errc::ambiguous);
    if (parser_->get().result_int() >= 200) co_return error_code();
  }
}

// Why an operation was aborted: by `close`, by its caller, or by its deadline. No coroutine: in a cancelled one, awaiting it would throw.
errc client_connection::interruption(asio::cancellation_state const& state) const noexcept {
  if (was_aborted_) return errc::closed;
  return state.cancelled() != asio::cancellation_type::none ? errc::cancelled : errc::deadline_exceeded;
}

void client_connection::disconnect() {
  error_code ignored;  // nothing is left to be saved
  socket_.close(ignored);
  is_connected_ = false;
  buffer_.clear();
}

// From here on the connection may belong to another call.
void client_connection::keep() {
  if (!parser_->keep_alive() || buffer_.size() > 0 || was_aborted_) return disconnect();
  is_kept_ = true;
  pool_->keep(shared_from_this(), idle_limit(parser_->get()["Keep-Alive"], pool_->options.max_idle));
}

bool client_connection::is_alive() {
  std::array<char, 1> next;
  error_code failure;
  socket_.receive(asio::buffer(next), asio::socket_base::message_peek, failure);
  return failure == asio::error::would_block;
}

void client_connection::abort() {
  asio::post(strand_, [self = shared_from_this()] {
    self->was_aborted_ = true;
    self->disconnect();
  });
}

}  // namespace mooring::http
