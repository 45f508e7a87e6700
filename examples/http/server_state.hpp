#pragma once

#include "http/server.hpp"
#include "http/signal.hpp"

#include <mooring/core/task_scope.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/strand.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace mooring::http {

class connection;

/** @brief What the connections of a server share. Lives until the last of its tasks has ended. */
class server_state : public std::enable_shared_from_this<server_state> {
 public:
  server_state(executor ex, handler h, server_options o);

  /** Counts as work that `stop` waits for: a connection, or a handler. Registered on construction. */
  class presence {
   public:
    explicit presence(std::shared_ptr<server_state> s);
    presence(presence&&) = default;
    presence& operator=(presence&&) = delete;
    ~presence();

   private:
    std::shared_ptr<server_state> state_;
  };

  /** What the body of a request takes of `max_bodies_bytes`, from its first byte until its handler has returned. Given back on destruction. */
  class body_share {
   public:
    explicit body_share(std::shared_ptr<server_state> s) : state_(std::move(s)) {}
    body_share(body_share&& other) noexcept : state_(other.state_), bytes_(std::exchange(other.bytes_, 0)) {}  // leaves an empty share behind
    body_share& operator=(body_share&&) = delete;
    ~body_share() { give_back(); }

    /** @brief False when that is more than there is. */
    bool grow_to(std::size_t bytes);

    void give_back();

   private:
    std::shared_ptr<server_state> state_;
    std::size_t bytes_ = 0;
  };

  /** @brief False when the server stops or has too many connections. */
  bool add(std::shared_ptr<connection> const& added);
  void remove(connection const& ended);
  bool is_stopping() const;
  void begin_stop();

  executor const home;
  handler const serve;
  server_options const options;
  endpoint address;  // set before the first task starts
  asio::strand<executor> const listening;
  asio::ip::tcp::acceptor acceptor;  // on the strand `listening`
  signal drained;                    // raised: stopping and nothing is left, or forced
  task_scope handlers;
  task_scope connections;

  std::size_t size() const;

 private:
  mutable std::mutex mutex_;  // guards everything below; leaf
  std::map<connection const*, std::weak_ptr<connection>> open_;
  std::size_t presences_ = 0;
  std::size_t bodies_bytes_ = 0;  // at most options.max_bodies_bytes
  bool is_stopping_ = false;
};

}  // namespace mooring::http
