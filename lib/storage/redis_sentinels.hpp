#pragma once

#include "storage/redis_backoff.hpp"
#include "storage/redis_line.hpp"
#include "storage/sentinel_search.hpp"

#include <mooring/core/awaitable.hpp>
#include <mooring/core/clock.hpp>
#include <mooring/core/error.hpp>
#include <mooring/storage/redis_options.hpp>

#include <boost/asio/any_completion_handler.hpp>

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>

namespace mooring::detail {

/** @brief Knows which server is the master, from one Sentinel at a time: listens to what it announces, and asks it whenever it announces anything, whenever somebody
 *  wants to know, and every `master_check`. One that does not help is left for the next.
 *
 *  Used on one strand.
 */
class redis_sentinels : public std::enable_shared_from_this<redis_sentinels> {
 public:
  /** The options name Sentinels. */
  redis_sentinels(redis_line::strand_type strand, redis_storage_options const& options);

  /** Told each answer. Set before the first run; must not hold this object. */
  std::function<void(redis_address const&)> on_master;

  /** @brief Listens until `stop`. */
  static awaitable<void> watch(std::shared_ptr<redis_sentinels> self);

  /** @brief Which server is the master, asked after this call began. Takes no longer than a connection may take to be made.
   *  @par Errors  None of the Sentinels knows: `errc::unavailable`, or what all of them failed with. `errc::closed` after `stop`.
   */
  static awaitable<result<redis_address>> find(std::shared_ptr<redis_sentinels> self);

  void stop();

 private:
  struct waiter {
    boost::asio::any_completion_handler<void(result<redis_address>)> handler;
    executor on;
    clock_service::alarm alarm;
    std::uint64_t number = 0;  // which question's answer will do, or any later one's
  };
  using waiter_pointer = std::shared_ptr<waiter>;

  void subscribe();
  void heard(redis_reply const& push);
  void ask();
  void answered(std::uint64_t number, redis_reply const& reply);
  void check_later();
  duration left(redis_ending const& ending);
  void wait(waiter_pointer const& one);
  void finish(waiter_pointer const& one, result<redis_address> answer);
  void finish_all(errc why);

  redis_sentinel_options const options_;
  log_sink const log_;
  redis_line::strand_type const strand_;
  clock_service& clock_;
  std::shared_ptr<redis_line> const line_;
  sentinel_search search_;
  redis_backoff backoff_;
  std::list<std::weak_ptr<waiter>> waiters_;
  duration const longest_wait_;
  clock_service::alarm next_check_;
  std::uint64_t asked_ = 0;  // questions so far
  errc failure_{};           // of all that failed since one last helped; zero when none did
  std::string last_cause_;   // so that it is told once
  bool is_ready_ = false;    // it has said whether we may listen, so that questions can be asked
  bool is_pausing_ = false;
  bool is_stopping_ = false;
};

}  // namespace mooring::detail
