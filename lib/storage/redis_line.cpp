#include "storage/redis_line.hpp"

#include "core/report.hpp"
#include "storage/redis_errors.hpp"
#include "storage/redis_tls.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <openssl/crypto.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>

namespace mooring::detail {
namespace {

secret password_of(redis_login const& login) {
  if (login.password_source) return login.password_source();
  if (login.password_variable.empty()) return login.password;
  auto const* const found = std::getenv(login.password_variable.c_str());
  return found ? found : "";
}

// So that the replies to what was asked together are read together.
constexpr std::size_t bytes_of_a_read = 32 * 1024;

// A request holds a password in its payload.
void wipe(redis::request const& sent) { OPENSSL_cleanse(const_cast<char*>(sent.payload().data()), sent.payload().size()); }

}  // namespace

redis_line::redis_line(strand_type strand, redis_peer peer) : strand_(std::move(strand)), peer_(std::move(peer)), clock_(clock_of(strand_.get_inner_executor())) {
  pushed_.longest_text = 512;  // an announcement; more is nothing that we know
  // The options were checked, so it can be made.
  if (peer_.tls) tls_ = make_tls_context(*peer_.tls, [this](std::string why) { refusal_ = std::move(why); }).value();
}

redis::config redis_line::settings(redis_address const& where) const {
  redis::config made;
  made.use_ssl = peer_.tls.has_value();
  made.addr = {where.host, where.port};
  made.unix_socket = peer_.unix_socket;
  made.reconnect_wait_interval = std::chrono::seconds::zero();
  made.resolve_timeout = made.connect_timeout = made.ssl_handshake_timeout = peer_.dial_timeout;
  made.health_check_interval = peer_.health_check / 2;  // Boost.Redis gives a server up after two intervals of silence
  made.max_read_size = peer_.max_reply_bytes;
  made.read_buffer_append_size = std::min(peer_.max_reply_bytes, bytes_of_a_read);
  // The greeting is a request of ours, so that what the server answers is seen.
  made.use_setup = true;
  made.setup.clear();
  return made;
}

// Whom a TLS peer has to prove to be, and who we are; or why nobody was asked.
std::optional<redis_ending> redis_line::prepare(redis_address const& where) {
  redis_ending refused;
  refused.was_dialed = false;
  if (tls_ && !set_peer_name(*tls_, *peer_.tls, peer_.tls->server_name.empty() ? where.host : peer_.tls->server_name)) {
    refused.error = errc::tls_failed;
    refused.cause = "nothing can prove to be a host of this name";
    return refused;
  }
  secret password;
  try {
    password = password_of(peer_.login);
  } catch (...) {
    report_thrown(peer_.log, peer_.kind + ": password_source", std::current_exception());
    refused.error = errc::auth_failed;
    refused.cause = "password_source threw";
    return refused;
  }
  dial(password);
  return std::nullopt;
}

awaitable<redis_ending> redis_line::run(std::shared_ptr<redis_line> self, redis_address where) {
  if (auto refused = self->prepare(where)) co_return std::move(*refused);
  auto const settings = self->settings(where);
  error_code ec;
  auto token = asio::bind_cancellation_slot(self->run_signal_.slot(), asio::redirect_error(asio::use_awaitable, ec));
  auto const connection = self->connection_;
  co_await connection->async_run(settings, token);
  co_return self->end(ec);
}

void redis_line::dial(secret const& password) {
  ++number_;
  left_.reset();
  refusal_.clear();
  pushed_.replies.clear();
  connection_ = std::make_shared<redis::connection>(executor(strand_), tls_ ? share(*tls_) : asio::ssl::context(asio::ssl::context::tls_client),
                                                   redis::logger(redis::logger::level::disabled));
  auto adapter = pushed_.adapter();
  connection_->set_receive_response(adapter);
  if (peer_.tls && peer_.tls->insecure && peer_.log) peer_.log(severity::warning, peer_.kind + ": the server's certificate is not checked (tls.insecure)");
  dialing_ = clock_.schedule(clock_.now() + peer_.dial_timeout, executor(strand_), [held = weak_from_this(), number = number_] {
    auto const self = held.lock();
    if (self && self->number_ == number && !self->is_up_) self->leave(errc::unavailable, "no connection was made within dial_timeout");
  });
  listen();
  greet(password);
}

void redis_line::greet(secret const& password) {
  auto const greeting = std::make_shared<redis_exchange>();
  auto const& user = peer_.login.username;
  auto& request = greeting->request;
  request.reserve(256 + user.size() + password.size());  // so that no shorter copy of the password is left behind
  // Whether a server wants a password shows only before it got one.
  bool const has_probe = !password.empty() && (user.empty() || user == "default");
  if (has_probe) request.push("PING");
  if (user.empty() && password.empty()) request.push("HELLO", "3", "SETNAME", "mooring");
  else request.push("HELLO", "3", "AUTH", user.empty() ? std::string_view("default") : std::string_view(user), password.text(), "SETNAME", "mooring");
  if (peer_.database != 0) request.push("SELECT", peer_.database);
  request.push("PING");
  execute(greeting, [self = shared_from_this(), greeting, has_probe, number = number_](error_code ec) {
    wipe(greeting->request);
    if (self->number_ == number && self->is_running() && !self->is_up_ && !self->left_) self->greeted(*greeting, has_probe, ec);
  });
}

void redis_line::greeted(redis_exchange const& greeting, bool has_probe, error_code ec) {
  auto const& replies = greeting.collector.replies;
  bool const lets_anybody_in = has_probe && !replies.empty() && replies.front().what != redis_reply::kind::error;
  for (auto const& reply : replies) {
    if (reply.what != redis_reply::kind::error) continue;
    if (has_probe && &reply == &replies.front() && reply.text.starts_with("NOAUTH")) continue;
    return leave(error_of_reply(reply.text), cause_of_reply(reply.text));
  }
  if (ec) return leave(ec == asio::error::operation_aborted ? errc::unavailable : errc::protocol_error, "");
  if (lets_anybody_in && peer_.must_demand_password) return leave(errc::config_error, "a password is given, but the server asks for none");
  if (lets_anybody_in && peer_.log) peer_.log(severity::warning, peer_.kind + ": a password is given, but the server asks for none");
  std::string cause;
  if (judge)
    if (auto const judged = judge(replies[has_probe ? 1 : 0], cause); !judged) return leave(static_cast<errc>(judged.error().value()), cause);
  is_up_ = true;
  refusal_.clear();  // what was said of a peer that need not prove who it is
  up_since_ = clock_.now();
  clock_.cancel(std::exchange(dialing_, {}));
  if (on_up) on_up();
}

// Nobody else takes what comes unasked, and a connection whose pushes nobody takes stands still.
void redis_line::listen() {
  connection_->async_receive2(boost::asio::bind_executor(strand_, [self = shared_from_this(), connection = connection_](error_code) {
    if (self->connection_ != connection) return;
    for (auto const& push : std::exchange(self->pushed_.replies, {})) {
      if (self->on_push) self->on_push(push);
      // An error that answers nothing: the server is about to go, or we no longer know which reply is whose.
      else if (push.what == redis_reply::kind::error) self->leave(error_of_reply(push.text), cause_of_reply(push.text));
    }
    self->listen();
  }));
}

void redis_line::leave(errc why, std::string cause) {
  if (!is_running() || left_) return;
  left_.emplace();
  left_->error = why;
  left_->cause = std::move(cause);
  run_signal_.emit(asio::cancellation_type::terminal);
}

redis_ending redis_line::end(error_code ec) {
  redis_ending ending;
  if (left_) ending = *left_;
  bool const is_tls = ec.category() == asio::error::get_ssl_category() || ec.category() == asio::ssl::error::get_stream_category();
  if (!left_ && !is_up_ && is_tls) ending.error = errc::tls_failed;
  if (!refusal_.empty()) ending.cause = refusal_;
  if (ending.cause.empty()) ending.cause = ec.message();
  ending.was_up = std::exchange(is_up_, false);
  if (ending.was_up) ending.lived = clock_.now() - up_since_;
  clock_.cancel(std::exchange(dialing_, {}));
  connection_->cancel(redis::operation::exec);  // a greeting that never left
  connection_->cancel(redis::operation::receive);
  connection_.reset();
  return ending;
}

}  // namespace mooring::detail
