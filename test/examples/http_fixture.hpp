#pragma once

#include "http/client.hpp"
#include "http/server.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace http_test {

using namespace mooring;
using namespace std::chrono_literals;

/** A context run by several threads, with real sockets; the test's own thread waits for futures. */
class world {
 public:
  explicit world(std::size_t threads = 2) {
    for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { context_.run(); });
  }
  ~world() {
    if (server_) run(server_->stop(0s));
    server_.reset();
    work_.reset();
    for (auto& each : threads_) each.join();
  }

  executor get_executor() { return context_.get_executor(); }

  http::server& serve(http::handler handler, http::server_options options = {}) {
    auto made = http::server::listen(get_executor(), {"127.0.0.1", 0}, std::move(handler), std::move(options));
    BOOST_REQUIRE(made.has_value());
    server_ = std::move(*made);
    return *server_;
  }

  http::server& server() { return *server_; }

  /** Waits for a coroutine; one that takes longer than 20 s fails the test program. */
  template <class T>
  T run(awaitable<T> work) {
    auto future = asio::co_spawn(context_, std::move(work), asio::use_future);
    if (future.wait_for(20s) != std::future_status::ready) throw std::runtime_error("a coroutine hangs");
    return future.get();
  }

  template <class T>
  std::future<T> start(awaitable<T> work) {
    return asio::co_spawn(context_, std::move(work), asio::use_future);
  }

 private:
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_ = asio::make_work_guard(context_);
  std::unique_ptr<http::server> server_;
  std::vector<std::thread> threads_;
};

/** Waits up to 10 s for something to become true. */
template <class Condition>
bool becomes_true(Condition condition) {
  for (int i = 0; i < 2000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

/** The bytes on the wire, as a peer with blocking sockets sees them. */
class raw_peer {
 public:
  explicit raw_peer(http::endpoint const& to) { socket_.connect({asio::ip::make_address(to.host), to.port}); }

  void send(std::string const& bytes) { asio::write(socket_, asio::buffer(bytes)); }

  /** Reads until `mark` has come; what came up to its end. The whole rest when the server closes first. */
  std::string read_to(std::string const& mark) {
    for (;;) {
      auto const place = unread_.find(mark);
      if (place != std::string::npos) {
        auto out = unread_.substr(0, place + mark.size());
        unread_.erase(0, out.size());
        return out;
      }
      if (!read_some()) return std::exchange(unread_, {});
    }
  }

  std::string read_to_end() {
    while (read_some()) {
    }
    return std::exchange(unread_, {});
  }

  /** Reads what there is, at most 4 KiB, and forgets it; how many bytes, 0 at the end. */
  std::size_t read_once() {
    std::array<char, 4096> bytes;
    boost::system::error_code failure;
    return socket_.read_some(asio::buffer(bytes), failure);
  }

  void close() { socket_.close(); }

 private:
  bool read_some() {
    std::array<char, 4096> bytes;
    boost::system::error_code failure;
    auto const count = socket_.read_some(asio::buffer(bytes), failure);
    unread_.append(bytes.data(), count);
    return !failure;
  }

  asio::io_context context_;
  asio::ip::tcp::socket socket_{context_};
  std::string unread_;
};

/** A server of one connection that says what the test tells it to. */
class scripted_server {
 public:
  http::endpoint address() const { return {"127.0.0.1", acceptor_.local_endpoint().port()}; }

  void accept() { socket_ = acceptor_.accept(); }

  std::string read_to(std::string const& mark) {
    std::string got;
    std::array<char, 1> byte;
    boost::system::error_code failure;
    while (!got.ends_with(mark) && socket_.read_some(asio::buffer(byte), failure) == 1) got += byte[0];
    return got;
  }

  void send(std::string const& bytes) { asio::write(socket_, asio::buffer(bytes)); }
  void close() { socket_.close(); }

 private:
  asio::io_context context_;
  asio::ip::tcp::acceptor acceptor_{context_, {asio::ip::make_address("127.0.0.1"), 0}};
  asio::ip::tcp::socket socket_{context_};
};

}  // namespace http_test
