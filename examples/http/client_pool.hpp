#pragma once

#include "http/client.hpp"
#include "http/look_up.hpp"

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace mooring::http {

/** @brief Which connections a client has: idle ones to use again, and those in use, for `close`.
 *  @par Thread safety  Any thread, every member.
 */
class client_pool : public std::enable_shared_from_this<client_pool> {
 public:
  client_pool(executor ex, endpoint to, client_options o) : home(std::move(ex)), server(std::move(to)), options(o), names(home, server) {}

  /** @brief An idle connection that is alive, or a fresh one.  @par Errors  `errc::closed`, `errc::busy`. */
  result<std::shared_ptr<client_connection>> take();

  /** @brief Keeps a connection whose answer was read to the end, for at most `max_idle`. */
  void keep(std::shared_ptr<client_connection> idle, duration max_idle);

  /** @brief Forgets a connection that dies. */
  void leave(client_connection const& dying);

  void close();
  bool is_closed() const;
  std::size_t in_use() const;

  executor const home;
  endpoint const server;
  client_options const options;
  look_up names;  // of the server, for all connections

 private:
  struct idle_connection {
    std::shared_ptr<client_connection> connection;
    time_point until;
  };

  mutable std::mutex mutex_;  // guards everything below; leaf
  std::deque<idle_connection> idle_;  // the latest used at the back
  std::map<client_connection const*, std::weak_ptr<client_connection>> used_;
  bool is_closed_ = false;
};

}  // namespace mooring::http
