#pragma once

#include "http/exchange.hpp"
#include "http/server_state.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/strand.hpp>

#include <memory>

namespace mooring::http {

/** @brief One connection of the server: reads a request, has it handled, sends the answer, again and again.
 *
 *  Everything runs on the connection's strand; only `stop` may be called from elsewhere.
 */
class connection : public std::enable_shared_from_this<connection> {
 public:
  connection(std::shared_ptr<server_state> shared, asio::strand<executor> strand, asio::ip::tcp::socket socket);
  ~connection();

  /** @brief Serves until the peer goes, an error, or the server stops. A task of the server's scope. */
  static awaitable<void> run(std::shared_ptr<connection> self);

  /** @brief Ends it if it is idle, else after the request in work. Any thread. */
  void stop();

 private:
  class socket_end;

  static awaitable<void> serve(std::shared_ptr<connection> self);
  static awaitable<void> watch(std::shared_ptr<connection> self, std::shared_ptr<exchange> watched);
  static awaitable<void> watch_on_strand(std::shared_ptr<connection> self, std::shared_ptr<exchange> watched);
  awaitable<bool> answer(std::shared_ptr<exchange> current, bool is_http_1_0, bool is_head, bool keep_alive);
  awaitable<void> refuse(unsigned status);
  awaitable<bool> write(std::string head, std::string body);
  bool start(std::shared_ptr<exchange> const& current, request asked, server_state::body_share share);
  bool is_peer_gone();

  std::shared_ptr<server_state> const shared_;
  asio::strand<executor> const strand_;
  asio::ip::tcp::socket socket_;
  std::shared_ptr<exchange> current_;  // the request in work; empty while idle
};

}  // namespace mooring::http
