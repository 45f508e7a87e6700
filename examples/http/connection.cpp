#include "http/connection.hpp"

#include "http/request_reader.hpp"
#include "http/wire.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/cancel_after.hpp>
#include <boost/asio/cancel_at.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <optional>
#include <utility>

namespace mooring::http {
namespace {

// How much of a refused request is read and thrown away, so that the peer gets to read the answer: a close with unread bytes resets the connection.
constexpr std::size_t max_discarded_bytes = std::size_t{64} << 20;
constexpr auto discard_deadline = std::chrono::seconds(10);

// What of an answer has one deadline: a peer that reads, however slowly, gets it all.
constexpr std::size_t max_piece_bytes = std::size_t{256} << 10;

// A peer that vanished without a word acknowledges nothing: its connection ends after this, and not after the quarter of an hour that the kernel tries on.
void give_up_unacknowledged(asio::ip::tcp::socket& socket, duration after) {
  auto const span = std::chrono::ceil<std::chrono::milliseconds>(std::min<duration>(after, std::chrono::hours(24)));
  auto const milliseconds = static_cast<unsigned>(span.count());
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);  // a socket without it still works
}

class handler_end {
 public:
  handler_end(std::shared_ptr<exchange> e, server_state::presence p, server_state::body_share b)
      : exchange_(std::move(e)), presence_(std::move(p)), body_(std::move(b)) {}
  handler_end(handler_end&&) = default;
  handler_end& operator=(handler_end&&) = delete;
  ~handler_end() {
    if (exchange_) exchange_->handler_returned();
  }

 private:
  std::shared_ptr<exchange> exchange_;
  server_state::presence presence_;
  server_state::body_share body_;
};

// The guard is a parameter, so that it also speaks for a task that is cancelled before its first step.
awaitable<void> handle(std::shared_ptr<server_state> shared, request asked, responder answer, handler_end guard) {
  static_cast<void>(guard);
  std::string thrown;
  try {
    co_await shared->serve(std::move(asked), answer);
  } catch (boost::system::system_error const& failure) {
    if (failure.code() != asio::error::operation_aborted) thrown = failure.what();
  } catch (std::exception const& failure) {
    thrown = failure.what();
  }
  if (!thrown.empty() && shared->options.log) shared->options.log(severity::error, "a request handler threw: " + thrown);
}

}  // namespace

// Closes the socket with the coroutine that served it: a watch may still hold the connection.
class connection::socket_end {
 public:
  explicit socket_end(std::shared_ptr<connection> c) : ended_(std::move(c)) {}
  socket_end(socket_end const&) = delete;
  socket_end& operator=(socket_end const&) = delete;
  ~socket_end() {
    error_code ignored;  // nothing is left to be saved
    ended_->current_ = nullptr;
    ended_->socket_.close(ignored);
  }

 private:
  std::shared_ptr<connection> ended_;
};

connection::connection(std::shared_ptr<server_state> shared, asio::strand<executor> strand, asio::ip::tcp::socket socket)
    : shared_(std::move(shared)), strand_(std::move(strand)), socket_(std::move(socket)) {}

connection::~connection() { shared_->remove(*this); }

void connection::stop() {
  asio::post(strand_, [self = shared_from_this()] {
    if (self->current_) return self->current_->stop();
    error_code ignored;  // nothing is left to be saved
    self->socket_.close(ignored);
  });
}

awaitable<void> connection::run(std::shared_ptr<connection> self) {
  auto const strand = self->strand_;
  awaitable<void> work = serve(std::move(self));
  co_await asio::co_spawn(strand, std::move(work), asio::use_awaitable);
}

awaitable<void> connection::serve(std::shared_ptr<connection> self) {
  server_state::presence const counted(self->shared_);
  socket_end const closing(self);
  error_code ignored;
  self->socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  give_up_unacknowledged(self->socket_, self->shared_->options.write_deadline);
  self->socket_.non_blocking(true, ignored);
  request_reader requests(self->shared_, self->socket_);
  for (;;) {
    if (self->shared_->is_stopping()) co_return;
    auto const failure = co_await requests.next();
    if (failure) {
      auto const status = refusal_of(failure);
      requests.drop();  // refusing takes time
      if (status != 0) co_await self->refuse(status);
      co_return;
    }
    bool const is_http_1_0 = requests.is_http_1_0();
    bool const is_head = requests.is_head();
    bool const keep_alive = requests.keeps_alive();
    if (!is_http_1_0 && !requests.has_one_host()) {
      co_await self->refuse(400);
      co_return;
    }
    auto const current = std::make_shared<exchange>(self->shared_->options.max_stream_bytes);
    self->current_ = current;
    if (!self->start(current, requests.take(), requests.take_share())) co_return;
    auto const goes_on = co_await self->answer(current, is_http_1_0, is_head, keep_alive);
    self->current_ = nullptr;
    if (!goes_on) co_return;
    self->socket_.cancel(ignored);  // ends the watch
  }
}

bool connection::start(std::shared_ptr<exchange> const& current, request asked, server_state::body_share share) {
  handler_end guard(current, server_state::presence(shared_), std::move(share));
  task_scope::task task;
  if (!shared_->handlers.spawn(handle(shared_, std::move(asked), responder(current), std::move(guard)), &task)) return false;
  current->set_task(std::move(task));  // it may have run already
  return true;
}

// True: the connection can take another request.
awaitable<bool> connection::answer(std::shared_ptr<exchange> current, bool is_http_1_0, bool is_head, bool keep_alive) {
  // Whoever leaves early (an error, a cancel, the end of the context) tells the handler that nobody listens any more.
  struct departure {
    explicit departure(std::shared_ptr<exchange> e) : left(std::move(e)) {}
    departure(departure const&) = delete;
    departure& operator=(departure const&) = delete;
    ~departure() { left->lose_peer(); }
    std::shared_ptr<exchange> left;
  };
  departure const leaving(current);
  auto& clock = clock_of(shared_->home);
  bool is_streaming = false;
  for (;;) {
    std::optional<time_point> until;
    if (is_streaming) until = saturating_add(clock.now(), shared_->options.keep_alive);
    auto const woken = co_await current->changed().wait(until);
    if (!woken && woken.error() != errc::deadline_exceeded) co_return false;
    current->changed().lower();
    auto out = current->take();
    if (out.must_watch) shared_->connections.spawn(watch(shared_from_this(), current));
    std::string head;
    std::string body;
    if (out.whole) {
      keep_alive = keep_alive && !shared_->is_stopping();
      bool const has_body = out.whole->status != 204 && out.whole->status != 304;
      head = header_text(out.whole->status, out.whole->header, has_body ? framing::length : framing::none, out.whole->body.size(), keep_alive);
      if (has_body && !is_head) body = std::move(out.whole->body);
    }
    if (out.stream) {
      is_streaming = true;
      keep_alive = keep_alive && !is_http_1_0 && !shared_->is_stopping();
      out.stream->set("Content-Type", "text/event-stream");
      out.stream->set("Cache-Control", "no-cache");
      out.stream->set("X-Accel-Buffering", "no");
      head = header_text(200, *out.stream, is_http_1_0 ? framing::until_close : framing::chunked, 0, keep_alive);
    }
    if (is_streaming) {
      if (out.events.empty() && !woken) out.events = ":\n\n";
      if (!out.events.empty()) body = is_http_1_0 ? std::move(out.events) : chunk_text(out.events);
      if (out.is_last && !is_http_1_0) body += chunk_text({});
    }
    if (!head.empty() || !body.empty()) {
      auto const written = co_await write(std::move(head), std::move(body));
      if (!written) co_return false;
    }
    if (out.is_last) co_return keep_alive;
  }
}

awaitable<void> connection::refuse(unsigned status) {
  auto answer = response::of(status, "text/plain", std::string(reason_of(status)) + '\n');
  if (status == 503) answer.header.set("Retry-After", whole_seconds(shared_->options.retry_after));
  auto head = header_text(status, answer.header, framing::length, answer.body.size(), false);
  auto const written = co_await write(std::move(head), std::move(answer.body));
  if (!written) co_return;
  auto const until = std::chrono::steady_clock::now() + discard_deadline;
  error_code failure;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, failure);
  std::array<char, 16384> discarded;
  for (std::size_t total = 0; !failure && total < max_discarded_bytes;) {
    auto const count = co_await socket_.async_read_some(asio::buffer(discarded), asio::cancel_at(until, asio::redirect_error(asio::use_awaitable, failure)));
    total += count;
  }
}

awaitable<bool> connection::write(std::string head, std::string body) {
  std::size_t written = 0;  // of the body
  do {
    auto const piece = std::min(body.size() - written, max_piece_bytes);
    std::array<asio::const_buffer, 2> const parts{asio::buffer(head), asio::buffer(body.data() + written, piece)};
    error_code failure;
    co_await asio::async_write(socket_, parts, asio::cancel_after(shared_->options.write_deadline, asio::redirect_error(asio::use_awaitable, failure)));
    if (failure) co_return false;
    head.clear();
    written += piece;
  } while (written < body.size());
  co_return true;
}

awaitable<void> connection::watch(std::shared_ptr<connection> self, std::shared_ptr<exchange> watched) {
  auto const strand = self->strand_;
  awaitable<void> work = watch_on_strand(std::move(self), std::move(watched));
  co_await asio::co_spawn(strand, std::move(work), asio::use_awaitable);
}

awaitable<void> connection::watch_on_strand(std::shared_ptr<connection> self, std::shared_ptr<exchange> watched) {
  if (self->current_ != watched) co_return;
  error_code failure;
  co_await self->socket_.async_wait(asio::socket_base::wait_read, asio::redirect_error(asio::use_awaitable, failure));
  if (self->current_ != watched) co_return;
  // Bytes that wait are the next request, sent early: the peer is there, and its going will be met by a write.
  if (failure || self->is_peer_gone()) watched->lose_peer();
}

bool connection::is_peer_gone() {
  std::array<char, 1> next;
  error_code failure;
  socket_.receive(asio::buffer(next), asio::socket_base::message_peek, failure);
  return failure && failure != asio::error::would_block;
}

}  // namespace mooring::http
