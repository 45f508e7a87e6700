#pragma once

#include "storage/redis_exchange.hpp"

#include <mooring/core/awaitable.hpp>
#include <mooring/core/clock.hpp>
#include <mooring/core/error.hpp>
#include <mooring/core/secret.hpp>
#include <mooring/storage/redis_options.hpp>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/strand.hpp>
#include <boost/redis/connection.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace mooring::detail {

namespace redis = boost::redis;

/** Whom a line talks to, wherever that is. */
struct redis_peer {
  std::string kind;  ///< As the log names it.
  redis_login login;
  std::optional<redis_tls_options> tls;
  std::string unix_socket;  ///< Empty means that each run is told an address.
  int database = 0;
  duration dial_timeout{};
  duration health_check{};
  std::size_t max_reply_bytes = 0;
  bool must_demand_password = false;  ///< A server that lets anybody in is refused, where we have a password for it.
  log_sink log;
};

/** How a line's run ended. */
struct redis_ending {
  errc error = errc::unavailable;
  std::string cause;  ///< In words of ours or of the libraries below, never of the server's.
  duration lived{};   ///< Since its first PING was answered.
  bool was_up = false;
  bool was_dialed = true;  ///< False where it failed before anybody was asked.
};

/** @brief A connection to one server at a time: dials it, says who we are, and passes requests on in one pipeline. Knows no deadlines but that of dialing.
 *
 *  Everything happens on its strand. Operations hold the line.
 */
class redis_line : public std::enable_shared_from_this<redis_line> {
 public:
  using strand_type = boost::asio::strand<executor>;

  redis_line(strand_type strand, redis_peer peer);

  /** Set before the first run, where wanted; they must not hold the line. `judge`: whether a server that says this of itself in its answer to HELLO is wanted.
   * `on_up`: it answered its first PING. `on_push`: it said something unasked; without it, an error
   *  that was not asked for ends the run. */
  std::function<result<>(redis_reply const& hello, std::string& cause)> judge;
  std::function<void()> on_up;
  std::function<void(redis_reply const&)> on_push;

  /** @brief One connection from dialing to its end. One run at a time. */
  static awaitable<redis_ending> run(std::shared_ptr<redis_line> self, redis_address where);

  /** @brief Ends the run. What it says of why counts, if it is the first to say so. */
  void leave(errc why, std::string cause);

  bool is_up() const noexcept { return is_up_; }
  bool is_running() const noexcept { return connection_ != nullptr; }
  /** Which run this is. */
  std::uint64_t number() const noexcept { return number_; }

  /** @brief Sends an exchange's `request`, has its `adapter()` told of each reply, and calls `done` with an `error_code` once all of them have come or no more will.
   *  Only while a run goes on. */
  template <class Exchange, class F>
  void execute(std::shared_ptr<Exchange> exchange, F done) {
    auto const connection = connection_;
    auto adapter = exchange->adapter();
    auto const& request = exchange->request;
    auto finish = [self = shared_from_this(), connection, exchange = std::move(exchange), done = std::move(done)](error_code ec, std::size_t) { done(ec); };
    // Without an executor of its own it runs on the connection's, which is the strand: to name it again would cost a copy of it at every step.
    connection->async_exec(request, std::move(adapter), std::move(finish));
  }

 private:
  redis::config settings(redis_address const& where) const;
  std::optional<redis_ending> prepare(redis_address const& where);
  void dial(secret const& password);
  void greet(secret const& password);
  void greeted(redis_exchange const& greeting, bool has_probe, error_code ec);
  void listen();
  redis_ending end(error_code ec);

  strand_type const strand_;
  redis_peer const peer_;
  clock_service& clock_;
  std::optional<boost::asio::ssl::context> tls_;
  std::string refusal_;                            // why this run's peer was not believed
  std::shared_ptr<redis::connection> connection_;  // of this run: Boost.Redis closes a socket only with its connection
  boost::asio::cancellation_signal run_signal_;
  reply_collector pushed_;  // what came unasked and was not looked at yet
  clock_service::alarm dialing_;
  std::uint64_t number_ = 0;
  time_point up_since_;
  std::optional<redis_ending> left_;  // why we end this run ourselves
  bool is_up_ = false;
};

}  // namespace mooring::detail
