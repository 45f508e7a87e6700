#pragma once

#include "http/message.hpp"
#include "http/server_state.hpp"

#include <mooring/core/awaitable.hpp>
#include <mooring/core/error.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <memory>
#include <optional>
#include <utility>

namespace mooring::http {

/** @brief Reads the requests of one connection, one after the other, within the server's limits. On the connection's strand; outlived by the socket.
 *
 *  A class of its own because Beast's parser may not be moved while it reads.
 */
class request_reader {
 public:
  request_reader(std::shared_ptr<server_state> shared, asio::ip::tcp::socket& socket) : shared_(std::move(shared)), socket_(socket), share_(shared_) {}
  request_reader(request_reader const&) = delete;
  request_reader& operator=(request_reader const&) = delete;

  /** @brief Success: a complete request is there, for all that follows. */
  awaitable<error_code> next();

  bool is_http_1_0() const { return parser_->get().version() < 11; }
  bool is_head() const { return parser_->get().method() == boost::beast::http::verb::head; }
  bool keeps_alive() const { return parser_->keep_alive(); }

  /** Exactly one Host, as HTTP/1.1 wants it (RFC 9112, section 3.2). */
  bool has_one_host() const { return parser_->get().count(boost::beast::http::field::host) == 1; }

  /** @brief Takes the request, and what its body takes of the server's memory. */
  request take();
  server_state::body_share take_share() { return std::move(share_); }

  /** @brief Lets go of what was read of a request that is refused. */
  void drop();

 private:
  using parser_type = boost::beast::http::request_parser<boost::beast::http::string_body>;

  std::shared_ptr<server_state> const shared_;
  asio::ip::tcp::socket& socket_;
  boost::beast::flat_buffer buffer_;
  std::optional<parser_type> parser_;
  server_state::body_share share_;  // of the request that is read; empty again once it was taken
};

/** @brief The status that says what `request_reader::next` met. Zero: no HTTP status says it, just close. */
unsigned refusal_of(error_code const& failure) noexcept;

}  // namespace mooring::http
