#include "http/server.hpp"

#include "http/connection.hpp"
#include "http/server_state.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>
#include <vector>

namespace mooring::http {
namespace {

constexpr auto accept_pause = std::chrono::milliseconds(100);  // when the process is out of file descriptors
constexpr auto last_words = std::chrono::milliseconds(500);    // for the answers of handlers that were cut off to be written

awaitable<void> accept_on_strand(std::shared_ptr<server_state> shared) {
  bool is_failing = false;
  while (!shared->is_stopping()) {
    error_code failure;
    auto const strand = asio::make_strand(shared->home);
    asio::ip::tcp::socket socket(shared->home);
    co_await shared->acceptor.async_accept(socket, asio::redirect_error(asio::use_awaitable, failure));
    if (failure && !shared->acceptor.is_open()) co_return;
    if (failure) {
      if (!std::exchange(is_failing, true) && shared->options.log)
        shared->options.log(severity::warning, "cannot accept connections: " + failure.message() + "; trying again");
      auto const slept = co_await sleep_for(accept_pause);
      if (!slept) co_return;
      continue;
    }
    if (std::exchange(is_failing, false) && shared->options.log) shared->options.log(severity::info, "accepting connections again");
    auto const added = std::make_shared<connection>(shared, strand, std::move(socket));
    if (shared->add(added)) shared->connections.spawn(connection::run(added));
  }
}

awaitable<void> accept(std::shared_ptr<server_state> shared) {
  auto const strand = shared->listening;
  awaitable<void> work = accept_on_strand(std::move(shared));
  co_await asio::co_spawn(strand, std::move(work), asio::use_awaitable);
}

result<> failed(errc reason, std::string* why, std::string text) {
  if (why) *why = std::move(text);
  return make_error_code(reason);
}

result<> open(asio::ip::tcp::acceptor& acceptor, endpoint const& at, std::string* why) {
  error_code failure;
  auto const host = at.host == "localhost" ? std::string("127.0.0.1") : at.host;
  auto const address = asio::ip::make_address(host, failure);
  if (failure) return failed(errc::invalid_argument, why, "'" + at.host + "' is no IP address to listen on");
  asio::ip::tcp::endpoint const place(address, at.port);
  acceptor.open(place.protocol(), failure);
  if (!failure) acceptor.set_option(asio::socket_base::reuse_address(true), failure);
  if (!failure) acceptor.bind(place, failure);
  if (!failure) acceptor.listen(asio::socket_base::max_listen_connections, failure);
  if (!failure) return {};
  return failed(errc::unavailable, why, "cannot listen on " + to_text(at) + ": " + failure.message());
}

}  // namespace

server_state::presence::presence(std::shared_ptr<server_state> s) : state_(std::move(s)) {
  std::lock_guard lock(state_->mutex_);
  ++state_->presences_;
}

server_state::presence::~presence() {
  if (!state_) return;
  bool is_last = false;
  {
    std::lock_guard lock(state_->mutex_);
    is_last = --state_->presences_ == 0 && state_->is_stopping_;
  }
  if (is_last) state_->drained.raise();
}

void server_state::body_share::give_back() {
  if (bytes_ == 0) return;
  std::lock_guard lock(state_->mutex_);
  state_->bodies_bytes_ -= std::exchange(bytes_, 0);
}

bool server_state::body_share::grow_to(std::size_t bytes) {
  if (bytes <= bytes_) return true;
  auto const more = bytes - bytes_;
  std::lock_guard lock(state_->mutex_);
  if (more > state_->options.max_bodies_bytes - state_->bodies_bytes_) return false;
  state_->bodies_bytes_ += more;
  bytes_ = bytes;
  return true;
}

server_state::server_state(executor ex, handler h, server_options o)
    : home(ex), serve(std::move(h)), options(std::move(o)), listening(asio::make_strand(ex)), acceptor(ex), handlers(ex, options.log), connections(ex, options.log) {}

bool server_state::add(std::shared_ptr<connection> const& added) {
  std::lock_guard lock(mutex_);
  if (is_stopping_ || open_.size() >= options.max_connections) return false;
  open_.emplace(added.get(), added);
  return true;
}

void server_state::remove(connection const& ended) {
  std::lock_guard lock(mutex_);
  open_.erase(&ended);
}

bool server_state::is_stopping() const {
  std::lock_guard lock(mutex_);
  return is_stopping_;
}

std::size_t server_state::size() const {
  std::lock_guard lock(mutex_);
  return open_.size();
}

void server_state::begin_stop() {
  std::vector<std::shared_ptr<connection>> open;
  bool is_idle = false;
  {
    std::lock_guard lock(mutex_);
    is_stopping_ = true;
    is_idle = presences_ == 0;
    for (auto const& [key, weak] : open_)
      if (auto strong = weak.lock()) open.push_back(std::move(strong));
  }
  asio::post(listening, [self = shared_from_this()] {
    error_code ignored;  // it is closed, whatever close says
    self->acceptor.close(ignored);
  });
  for (auto const& each : open) each->stop();
  if (is_idle) drained.raise();
}

result<std::unique_ptr<server>> server::listen(executor ex, endpoint at, handler serve, server_options options, std::string* why) {
  auto const shared = std::make_shared<server_state>(std::move(ex), std::move(serve), std::move(options));
  auto const opened = open(shared->acceptor, at, why);
  if (!opened) return opened.error();
  shared->address = std::move(at);
  shared->address.port = shared->acceptor.local_endpoint().port();
  shared->connections.spawn(accept(shared));
  return std::unique_ptr<server>(new server(shared));
}

server::server(std::shared_ptr<server_state> s) : state_(std::move(s)) {}

server::~server() {
  force();
  state_->handlers.cancel();
  state_->connections.cancel();
}

endpoint const& server::address() const noexcept { return state_->address; }

awaitable<void> server::stop(duration drain) {
  auto const shared = state_;
  shared->begin_stop();
  auto const until = saturating_add(clock_of(shared->home).now(), drain);
  auto const drained = co_await shared->drained.wait(until);
  static_cast<void>(drained);  // drained, late or forced: what is left now is cancelled
  co_await shared->handlers.close();
  auto const until_written = saturating_add(clock_of(shared->home).now(), last_words);
  auto const written = co_await shared->drained.wait(until_written);
  static_cast<void>(written);  // a peer that does not read is not waited for
  co_await shared->connections.close();
}

void server::force() {
  state_->begin_stop();
  state_->drained.raise();
}

bool server::is_stopping() const { return state_->is_stopping(); }

std::size_t server::connections() const { return state_->size(); }

}  // namespace mooring::http
