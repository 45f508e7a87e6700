#pragma once

#include "http/server.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>

namespace mooring::gateway {

/** @brief The one event stream of a session that answers no request. While none is open, or it is full, messages wait, up to a bound in number and in
 *         bytes; then the oldest go. They are sent in the order in which they came.
 *  @par Thread safety  Any thread, every member.
 */
class standing_stream {
 public:
  static constexpr std::size_t max_waiting_bytes = std::size_t{4} << 20;

  /** @param dropped  Counts the messages that nobody came for. */
  standing_stream(std::size_t backlog, std::atomic<std::uint64_t>& dropped) : limit_(backlog), dropped_(dropped) {}

  /** @brief Sends a message, or keeps it until there is room, or for the next stream. */
  void send(std::string message);

  /** @brief Sends what waits, as far as the stream has room. */
  void flush();

  /** @brief Puts a stream in the place of the one before, which ends. What waited is sent.  @return False, and the stream was ended, after `close`. */
  bool attach(http::event_stream stream);

  /** @brief Lets go of a stream, if it is the one in place.  @return Whether it was. */
  bool detach(http::event_stream const& stream);

  /** @brief Ends the stream for good. */
  void close();

  bool is_open() const;

 private:
  void flush_locked();
  void drop_first_locked();

  std::size_t const limit_;
  std::atomic<std::uint64_t>& dropped_;

  mutable std::mutex mutex_;  // guards all below. Pushing to a stream under it takes only the stream's own lock, and keeps messages in order.
  http::event_stream stream_;
  std::deque<std::string> waiting_;
  std::size_t waiting_bytes_ = 0;
  bool is_closed_ = false;
};

}  // namespace mooring::gateway
