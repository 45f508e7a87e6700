#pragma once

#include "storage/redis_calls.hpp"
#include "storage/redis_line.hpp"
#include "storage/redis_link.hpp"

#include <mooring/core/clock.hpp>
#include <mooring/core/error.hpp>
#include <mooring/storage/redis_options.hpp>

#include <cstddef>
#include <memory>
#include <vector>

namespace mooring::detail {

/** @brief Those who wait until replicas have heard of what was written over this connection.
 *
 *  The server reads nothing else from a connection whose WAIT it has not answered, so that one is out at a time. It vouches for all who joined before it was sent: what
 *  they have written went before it. Who joins later waits for the next.
 *
 *  Used on one strand.
 */
class redis_waits : public std::enable_shared_from_this<redis_waits> {
 public:
  /** `most`: how many may wait for the next one. */
  redis_waits(redis_line::strand_type strand, std::shared_ptr<redis_calls> calls, std::shared_ptr<redis_line> line, redis_durability wanted, std::size_t most);

  /** @brief A call's caller waits until the WAIT is answered that is sent next. Only while the line is up. */
  void join(redis_call_pointer const& call);

  /** @brief Nobody waits any more: the connection is gone, and no other can vouch for what was written over it. */
  void end(errc why);

 private:
  using callers = std::vector<std::weak_ptr<redis_call>>;

  void send();
  void answered(redis_reply const& reply);

  redis_line::strand_type const strand_;
  clock_service& clock_;
  std::shared_ptr<redis_calls> const calls_;
  std::shared_ptr<redis_line> const line_;
  redis_durability const wanted_;
  std::size_t const most_;
  callers next_;              // joined since the last one was sent
  callers served_;            // by that which is out
  bool is_underway_ = false;  // one is out, or about to be sent
};

}  // namespace mooring::detail
