#pragma once

#include "http/client.hpp"
#include "http/client_pool.hpp"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <cstddef>
#include <memory>
#include <optional>

namespace mooring::http {

/** @brief One connection of a client, used by one call at a time, on its strand. Destroying it closes the socket and frees its place in the pool. */
class client_connection : public std::enable_shared_from_this<client_connection> {
 public:
  explicit client_connection(std::shared_ptr<client_pool> pool);
  ~client_connection();
  client_connection(client_connection const&) = delete;
  client_connection& operator=(client_connection const&) = delete;

  asio::strand<executor> const& strand() const noexcept { return strand_; }

  /** @brief Sends the request and receives the answer. Connects first where needed, and once more where a kept connection turns out dead. On the strand. */
  static awaitable<result<reply>> send(std::shared_ptr<client_connection> self, request asked, time_point until);

  /** @brief The next event of an answer. On the strand. */
  static awaitable<result<std::optional<event>>> next_event(std::shared_ptr<client_connection> self, time_point until);

  /** @brief Whether the peer of an idle connection is still there. Any thread, while nothing is in work. */
  bool is_alive();

  /** @brief Whether the present call has begun to send its request. While nothing runs on the strand for it. */
  bool has_sent() const noexcept { return has_sent_; }

  /** @brief Closes the socket under whoever uses it. Any thread. */
  void abort();

 private:
  using parser_type = boost::beast::http::response_parser<boost::beast::http::string_body>;

  awaitable<error_code> connect(time_point until);
  awaitable<error_code> read_head(time_point until);
  errc interruption(asio::cancellation_state const& state) const noexcept;
  void disconnect();
  void keep();

  std::shared_ptr<client_pool> const pool_;
  asio::strand<executor> const strand_;
  asio::ip::tcp::socket socket_;
  boost::beast::flat_buffer buffer_;
  std::optional<parser_type> parser_;
  event_parser events_;
  bool is_connected_ = false;
  bool is_kept_ = false;      // an answer was read on it before
  bool has_sent_ = false;     // something of the present request
  bool is_finished_ = false;  // the answer was read to its end
  bool was_aborted_ = false;
};

}  // namespace mooring::http
