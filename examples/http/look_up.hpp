#pragma once

#include "http/address.hpp"

#include <mooring/core/awaitable.hpp>
#include <mooring/core/clock.hpp>
#include <mooring/core/error.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace mooring::http {

/** @brief The addresses of one server, looked up once for all who ask meanwhile.
 *
 *  A look-up that has begun cannot be taken back, and the system does one after the other: one that hangs is joined, not followed by more.
 *
 *  @par Thread safety  Any thread, every member. An object of its own outlives whoever asked.
 */
class look_up {
 public:
  using addresses = std::vector<asio::ip::tcp::endpoint>;

  /** Begins to look a server up; calls back once, on any thread, with what was found: nothing when that failed. */
  using system = std::function<void(endpoint, std::function<void(addresses)>)>;

  /** @brief Asks the system's resolver. */
  look_up(executor ex, endpoint server);

  look_up(endpoint server, system ask) : server_(std::move(server)), ask_(std::move(ask)) {}

  /** @brief The server's addresses; at once where its host is one.
   *  @return At least one address; or `errc::unavailable`: there is none, `errc::deadline_exceeded`, `errc::cancelled`.
   */
  awaitable<result<addresses>> find(time_point until);

 private:
  struct flight;
  struct present {
    std::mutex mutex;  // guards `flying`; leaf
    std::shared_ptr<flight> flying;
  };

  endpoint const server_;
  system const ask_;
  std::shared_ptr<present> const present_ = std::make_shared<present>();
};

}  // namespace mooring::http
