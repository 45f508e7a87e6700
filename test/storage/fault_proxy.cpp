#include "storage/fault_proxy.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

namespace mooring::test {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

namespace {

// One direction: what was said of it, and how far it is.
struct course {
  course(asio::io_context& context, fault_proxy::way said) : how(said), news(context, std::chrono::steady_clock::time_point::max()) {}

  std::size_t room() const { return how.limit - std::min(how.limit, passed); }

  fault_proxy::way how;
  std::size_t passed = 0;
  std::string held;
  bool is_lossy = false;
  bool is_ended = false;    // the sender has nothing more to say
  asio::steady_timer news;  // never expires: cancelled when anything above has changed
};

}  // namespace

struct fault_proxy::link {
  link(asio::io_context& context, tcp::socket taken, plan const& said)
      : client(std::move(taken)), server(context), requests(context, said.requests), replies(context, said.replies) {}

  static asio::awaitable<void> run(std::shared_ptr<link> self, tcp::endpoint where) {
    boost::system::error_code ec;
    auto token = asio::redirect_error(asio::use_awaitable, ec);
    co_await self->server.async_connect(where, token);
    if (ec) co_return self->close();
    boost::system::error_code ignored;  // a socket that is gone already ends its first read
    self->client.set_option(tcp::no_delay(true), ignored);
    self->server.set_option(tcp::no_delay(true), ignored);
    auto const ex = co_await asio::this_coro::executor;
    asio::co_spawn(ex, take(self, &self->server, &self->replies), [](std::exception_ptr) {});
    asio::co_spawn(ex, take(self, &self->client, &self->requests), [](std::exception_ptr) {});
    asio::co_spawn(ex, give(self, &self->client, &self->replies), [](std::exception_ptr) {});
    asio::co_spawn(ex, give(self, &self->server, &self->requests), [](std::exception_ptr) {});
  }

  // Reads what stalls, too, so that it can be seen.
  static asio::awaitable<void> take(std::shared_ptr<link> self, tcp::socket* from, course* on) {
    boost::system::error_code ec;
    auto token = asio::redirect_error(asio::use_awaitable, ec);
    std::string part(65536, '\0');
    while (!ec) {
      auto const room = asio::buffer(part);
      auto const size = co_await from->async_read_some(room, token);
      on->held.append(part, 0, size);
      on->news.cancel();
    }
    if (ec != asio::error::eof) co_return self->close();
    on->is_ended = true;
    on->news.cancel();
  }

  static asio::awaitable<void> give(std::shared_ptr<link> self, tcp::socket* to, course* on) {
    boost::system::error_code ec;
    auto token = asio::redirect_error(asio::use_awaitable, ec);
    auto const ex = co_await asio::this_coro::executor;
    while (self->is_open) {
      if (on->room() == 0 && !on->is_lossy && on->how.after_limit != fault::stall) {
        self->is_limited = on->is_lossy = true;
        if (on->how.after_limit == fault::reset) co_return self->reset();
        if (on->how.after_limit == fault::end) to->shutdown(tcp::socket::shutdown_send, ec);
      }
      if (on->is_lossy) on->held.clear();
      auto const size = std::min({on->held.size(), on->room(), on->how.piece});
      if (size == 0 && on->is_ended && on->held.empty()) {
        self->ended(*to);
        co_return;
      }
      if (size == 0) {
        self->is_limited = self->is_limited || !on->held.empty();
        co_await on->news.async_wait(token);
        continue;
      }
      auto const piece = on->held.substr(0, size);
      on->held.erase(0, size);
      on->passed += size;
      auto const said = asio::buffer(piece);
      co_await asio::async_write(*to, said, token);
      if (ec) co_return self->close();
      if (on->how.piece != unlimited) co_await asio::post(ex, asio::use_awaitable);  // whoever reads has read this piece by itself
    }
  }

  void ended(tcp::socket& to) {
    boost::system::error_code ignored;  // who is gone needs no end
    to.shutdown(tcp::socket::shutdown_send, ignored);
    if (requests.is_ended && replies.is_ended) close();
  }

  void close() {
    is_open = false;
    boost::system::error_code ignored;  // closed is closed
    client.close(ignored);
    server.close(ignored);
    requests.news.cancel();
    replies.news.cancel();
  }

  void reset() {
    boost::system::error_code ignored;  // a socket that is gone already needs no reset
    client.set_option(asio::socket_base::linger(true, 0), ignored);
    server.set_option(asio::socket_base::linger(true, 0), ignored);
    close();
  }

  tcp::socket client;
  tcp::socket server;
  course requests;
  course replies;
  bool is_open = true;
  bool is_limited = false;
};

fault_proxy::fault_proxy(asio::io_context& context, std::string const& server_port)
    : context_(context),
      server_(asio::ip::address_v4::loopback(), static_cast<unsigned short>(std::stoul(server_port))),
      acceptor_(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
  accept();
}

fault_proxy::~fault_proxy() { close(); }

std::string fault_proxy::port() const { return std::to_string(acceptor_.local_endpoint().port()); }

void fault_proxy::accept() {
  acceptor_.async_accept([this, held = std::weak_ptr(alive_)](boost::system::error_code ec, tcp::socket taken) {
    if (held.expired() || ec == asio::error::operation_aborted) return;
    if (!ec) {
      auto const made = std::make_shared<link>(context_, std::move(taken), next);
      links_.push_back(made);
      asio::co_spawn(context_, link::run(made, server_), [](std::exception_ptr) {});
    }
    accept();
  });
}

void fault_proxy::hold_replies() {
  for (auto const& one : links_) one->replies.how = {one->replies.passed, fault::stall, one->replies.how.piece};
}

void fault_proxy::allow(std::size_t bytes) {
  for (auto const& one : links_) {
    for (auto* const on : {&one->requests, &one->replies}) {
      if (on->room() > 0) continue;
      on->how.limit = bytes == unlimited ? unlimited : on->passed + bytes;
      on->news.cancel();
    }
  }
}

fault_proxy::traffic fault_proxy::seen(std::size_t connection) const {
  auto const& one = *links_.at(connection);
  return {one.requests.passed, one.replies.passed, one.replies.held.size(), one.is_limited, one.is_open};
}

void fault_proxy::close() {
  boost::system::error_code ignored;  // closed is closed
  acceptor_.close(ignored);
  for (auto const& one : links_) one->close();
}

}  // namespace mooring::test
