#pragma once

#include <mooring/core/awaitable.hpp>
#include <mooring/core/clock.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mooring::test {

inline std::string bulk(std::string const& text) { return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n"; }

/** Answers each command by `answer`, or as a server in order where that says nothing. */
class scripted_server {
 public:
  using words = std::vector<std::string>;

  explicit scripted_server(asio::io_context& context) : context_(context), acceptor_(context, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0)) { accept(); }

  std::string port() const { return std::to_string(acceptor_.local_endpoint().port()); }

  /** Ends every connection. */
  void hang_up() {
    for (auto const& one : std::exchange(taken_, {}))
      if (auto const socket = one.lock()) socket->close();
  }

  /** Says something to everybody, now. */
  void say(std::string const& text) {
    boost::system::error_code ignored;  // who is gone hears nothing
    for (auto const& one : taken_)
      if (auto const socket = one.lock()) asio::write(*socket, asio::buffer(text), ignored);
  }

  std::function<std::string(words const&)> answer;
  bool is_silent = false;  ///< It asks `answer`, and says nothing.
  std::string welcome;  ///< Said to everybody at once, before anything was asked.
  bool closes_after_welcome = false;
  bool floods = false;  ///< After an answer that was not its own it goes on with zeros, as long as it can.
  duration greets_after{};  ///< It takes this long to answer HELLO.
  int connections = 0;

 private:
  void accept() {
    acceptor_.async_accept([this](boost::system::error_code ec, asio::ip::tcp::socket taken) {
      if (ec) return;
      ++connections;
      auto const socket = std::make_shared<asio::ip::tcp::socket>(std::move(taken));
      taken_.push_back(socket);
      asio::co_spawn(context_, serve(socket), [](std::exception_ptr) {});
      accept();
    });
  }

  static words take_command(std::string& unread) {
    words found;
    std::size_t at = 0;
    auto const line = [&]() -> std::optional<std::size_t> {
      auto const end = unread.find("\r\n", at);
      if (end == std::string::npos) return std::nullopt;
      auto const value = std::stoul(unread.substr(at + 1, end - at - 1));
      at = end + 2;
      return value;
    };
    auto const count = line();
    if (!count) return {};
    for (std::size_t i = 0; i < *count; ++i) {
      auto const size = line();
      if (!size || unread.size() < at + *size + 2) return {};
      found.push_back(unread.substr(at, *size));
      at += *size + 2;
    }
    unread.erase(0, at);
    return found;
  }

  static std::string in_order(words const& command) {
    if (command[0] == "HELLO") return "%2\r\n" + bulk("server") + bulk("redis") + bulk("role") + bulk("master");
    if (command[0] == "PING") return "+PONG\r\n";
    if (command[0] == "CONFIG") return "-NOPERM no\r\n";
    return "+OK\r\n";
  }

  awaitable<void> serve(std::shared_ptr<asio::ip::tcp::socket> socket) {
    boost::system::error_code ec;
    auto token = asio::redirect_error(asio::use_awaitable, ec);
    if (!welcome.empty()) {
      auto const said = asio::buffer(welcome);
      co_await asio::async_write(*socket, said, token);
      if (closes_after_welcome) co_return;
    }
    std::string unread;
    std::string zeros(65536, '0');
    while (!ec) {
      auto const taken = take_command(unread);
      if (taken.empty()) {
        std::string part(4096, '\0');
        auto const room = asio::buffer(part);
        auto const size = co_await socket->async_read_some(room, token);
        unread.append(part, 0, size);
        continue;
      }
      bool const is_slow = greets_after > duration::zero() && taken[0] == "HELLO";
      if (is_slow) {
        auto const slept = co_await sleep_for(greets_after);
        if (!slept) co_return;
      }
      auto const own = answer ? answer(taken) : std::string();
      if (is_silent) continue;
      auto const said = own.empty() ? in_order(taken) : own;
      auto const sent = asio::buffer(said);
      co_await asio::async_write(*socket, sent, token);
      while (floods && !own.empty() && !ec) {
        auto const more = asio::buffer(zeros);
        co_await asio::async_write(*socket, more, token);
      }
    }
  }

  asio::io_context& context_;
  asio::ip::tcp::acceptor acceptor_;
  std::vector<std::weak_ptr<asio::ip::tcp::socket>> taken_;
};

}  // namespace mooring::test
