#pragma once

#include "core/deadlines.hpp"
#include "core/gathering.hpp"
#include "storage/redis_line.hpp"
#include "storage/redis_link.hpp"

#include <mooring/core/awaitable.hpp>
#include <mooring/core/clock.hpp>
#include <mooring/core/error.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/cancellation_type.hpp>

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <vector>

namespace mooring::detail {

/** A command of a caller, who waits for `handler` until `end` at the latest. */
struct redis_call {
  enum class phase { new_made, waiting, sent, ended };

  redis_command command;
  boost::asio::any_completion_handler<void(redis_answer)> handler;
  executor on;
  redis_witness_pointer witness;  // null where nobody looks
  time_point end;
  deadlines<redis_call>::place deadline;
  std::uint64_t number = 0;  // among those sent on its connection
  phase now = phase::new_made;
};
using redis_call_pointer = std::shared_ptr<redis_call>;

/** A caller who is about to go on. */
struct ended_call {
  boost::asio::any_completion_handler<void(redis_answer)> handler;
  redis_answer answer;
};

/** @brief The calls of one link: those that wait for a connection, and those that are out on it. Each ends once: by its reply, its deadline, its cancellation, or
 *  because the connection is gone.
 *
 *  Used on one strand. What its calls ask in one of its steps goes out as one request, and callers of one executor are resumed by one post.
 */
class redis_calls : public std::enable_shared_from_this<redis_calls> {
 public:
  /** `longest_wait`: for a reply, from when its command was passed on. */
  redis_calls(redis_line::strand_type const& strand, std::size_t max_in_flight, duration longest_wait);

  /** @brief Keeps a call until `send_waiting` or `end_waiting`, or its end. */
  void wait(redis_call_pointer const& call);

  /** @brief Puts a call into the next request, which `flush` sends: in the same step of the strand. */
  void send(redis_call_pointer const& call);
  void flush(redis_line& line);

  /** @brief As `wait` and `send`, for a call that somebody else keeps, and whose command somebody else sends. */
  void keep(redis_call_pointer const& call);
  void pass_on(redis_call_pointer const& call);

  void send_waiting(redis_line& line);
  void end_waiting(errc why);

  void cancel(redis_call_pointer const& call, boost::asio::cancellation_type type);
  void finish(redis_call_pointer const& call, redis_answer answer);

  /** @brief Nothing is out any more: the connection is a new one. */
  void begin_connection() noexcept { sent_ = answered_ = 0; }

  /** @brief From now on, a call whose connection goes is `closed`. */
  void close();

 private:
  struct batch;

  void limit(redis_call_pointer const& call, time_point until);
  void give_up(redis_call_pointer const& call, errc why);
  void replied(redis_call_pointer const& call, redis_reply reply, std::uint64_t connection, bool is_in_use);
  void lost(redis_call_pointer const& call, error_code ec);

  executor const strand_;  // made once: a strand is too large for an executor to hold without allocating
  clock_service& clock_;
  std::size_t const max_in_flight_;
  duration const longest_wait_;
  std::optional<deadlines<redis_call>> deadlines_;  // made for the first call
  std::list<std::weak_ptr<redis_call>> waiting_;
  std::vector<redis_call_pointer> leaving_;               // with the next request
  gathering<ended_call> resumed_;
  std::uint64_t sent_ = 0;                                // on this connection
  std::uint64_t answered_ = 0;                            // the number of the last command whose reply came
  bool is_closing_ = false;
};

}  // namespace mooring::detail
