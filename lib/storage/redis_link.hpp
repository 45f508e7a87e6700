#pragma once

#include "storage/redis_reply.hpp"

#include <mooring/core/awaitable.hpp>
#include <mooring/core/clock.hpp>
#include <mooring/core/error.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace mooring::detail {

/** How a request ended: with a reply, or without one and then why, and whether it may have reached the server. */
struct redis_answer {
  redis_answer() = default;
  explicit redis_answer(redis_reply r) : reply(std::move(r)), was_sent(true) {}
  redis_answer(errc e, bool sent) : error(make_error_code(e)), was_sent(sent) {}

  error_code error;  ///< No reply came: `unavailable`, `deadline_exceeded`, `cancelled`, `closed`, `busy`, or what a failed connection said.
  redis_reply reply;
  bool was_sent = false;
  std::uint64_t connection = 0;  ///< Which one it came over; zero without a reply.
};

using redis_command = std::vector<std::string>;

/** A command of these words, each made in its place: a list in braces would copy them all. */
template <class... Words>
redis_command words(Words&&... each) {
  redis_command made;
  made.reserve(sizeof...(each));
  (made.emplace_back(std::forward<Words>(each)), ...);
  return made;
}

/** @brief Sees what becomes of a request as it happens, however late its caller hears of it: called one after another for all requests of a link, with the beginnings
 *  and ends of its connections between them. Must not call the link. */
class redis_witness {
 public:
  redis_witness() = default;
  redis_witness(redis_witness const&) = delete;
  redis_witness& operator=(redis_witness const&) = delete;
  virtual ~redis_witness() = default;

  /** @brief It is on its way: from now on the server may carry it out. */
  virtual void sent() {}

  /** @brief Nobody waits for it any more. One that was sent ends before the next connection begins. */
  virtual void ended(redis_answer const& answer) = 0;
};
using redis_witness_pointer = std::shared_ptr<redis_witness>;

/** @brief A way to one Redis server, on which requests share a connection. The storage knows no more of the server than this.
 *  @par Thread safety  Any thread.
 */
class redis_link {
 public:
  redis_link() = default;
  redis_link(redis_link const&) = delete;
  redis_link& operator=(redis_link const&) = delete;
  virtual ~redis_link() = default;

  /** @brief Sends one command, once, and waits for its reply until `end`. Cancellable: all types before it is sent, terminal and partial later.
   *  @param witness  May be null. A link whose server nothing can take the place of need not call it. */
  virtual awaitable<redis_answer> ask(redis_command command, time_point end, redis_witness_pointer witness = nullptr) = 0;

  /** @brief Waits until as many replicas as `durability` wants have heard of what was written over this connection before, for its span and until `end` at most.
   *  Cancellable as `ask`.
   *  @return How many have: a number. `unavailable` where there is no connection, for the next one's server may know nothing of it. */
  virtual awaitable<redis_answer> count_replicas(time_point end) = 0;

  /** @brief Leaves this connection, if it is still in use, for a new one: the server said over it that it is the wrong one. */
  virtual void drop(std::uint64_t connection) = 0;

  /** @brief How often a connection was made, so far. What an earlier one acknowledged may be unknown to the server of this one. */
  virtual std::uint64_t epoch() const noexcept = 0;

  /** @brief How long requests will not be served because the server is left alone for a while; zero where one may be now. */
  virtual duration pause() const noexcept = 0;

  /** @brief Ends what is pending, and later requests with `closed`. Repeatable. */
  virtual awaitable<void> close() = 0;
};

}  // namespace mooring::detail
