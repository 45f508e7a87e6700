#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace mooring::test {

/** @brief Stands between clients and a server on loopback, and does to the bytes what a test says, at byte counts. Knows no time.
 *
 *  Everything happens on the test's own context, in one thread. Closing ends all that it runs there.
 */
class fault_proxy {
 public:
  static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

  enum class fault {
    stall,  ///< Nothing more is passed on until `allow`; nobody is told.
    lose,   ///< What comes is thrown away.
    reset,  ///< The connection is reset, both ends.
    end,    ///< The receiver is told that nothing more comes, the sender nothing.
  };

  /** One direction of a connection. */
  struct way {
    std::size_t limit = unlimited;    ///< After so many bytes
    fault after_limit = fault::stall;  ///< this happens.
    std::size_t piece = unlimited;    ///< Most bytes in one write.
  };

  struct plan {
    way requests;  ///< From client to server.
    way replies;
  };

  /** What one connection has passed on, and holds. */
  struct traffic {
    std::size_t requests = 0;
    std::size_t replies = 0;
    std::size_t held_replies = 0;
    bool is_limited = false;  ///< A limit was reached.
    bool is_open = false;
  };

  fault_proxy(boost::asio::io_context& context, std::string const& server_port);
  ~fault_proxy();
  fault_proxy(fault_proxy const&) = delete;
  fault_proxy& operator=(fault_proxy const&) = delete;

  std::string port() const;

  /** Of connections that are taken from now on. */
  plan next;

  /** Stalls the replies of all connections that there are now. */
  void hold_replies();

  /** Lets what stalls pass so many bytes more. */
  void allow(std::size_t bytes = unlimited);

  /** All connections so far, in the order in which they were made. */
  std::size_t connections() const { return links_.size(); }
  traffic seen(std::size_t connection) const;

  void close();

 private:
  struct link;

  void accept();

  boost::asio::io_context& context_;
  boost::asio::ip::tcp::endpoint const server_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::vector<std::shared_ptr<link>> links_;
  std::shared_ptr<char> const alive_ = std::make_shared<char>();  // gone with this: an accept may end later
};

}  // namespace mooring::test
