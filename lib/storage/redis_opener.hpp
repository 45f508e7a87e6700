#pragma once

#include "storage/redis_line.hpp"
#include "storage/redis_opening.hpp"

#include <mooring/core/clock.hpp>
#include <mooring/core/log.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace mooring::detail {

/** @brief Has an opening carried out on each connection of a line, in as many rounds as it takes: a new master refuses writes while it has no replicas, an old one while its
 *  disk is full, and both pass.
 *
 *  Used on one strand.
 */
class redis_opener : public std::enable_shared_from_this<redis_opener> {
 public:
  redis_opener(redis_line::strand_type strand, redis_opening opening, std::shared_ptr<redis_line> line, log_sink log);

  /** Told that this connection leads to a server that will not do it. Set before the first connection; must not hold this object. */
  std::function<void()> on_wrong_server;

  /** @brief The line is up, and nothing was sent on it yet. */
  void begin() { open(true); }

  /** @brief The line is down. `was_up`: it was up before. */
  void end(bool was_up);

 private:
  struct round {
    round(redis_opening::round const& sent, bool is_first) : pending(sent.commands.size()), is_done(sent.is_all), is_told(!is_first) {}
    std::size_t pending;
    bool is_done;
    bool is_told;  // once for each connection
  };

  bool is_on(std::uint64_t number) const noexcept { return line_->is_up() && line_->number() == number; }
  void open(bool is_first);
  void send(redis_command command, std::shared_ptr<round> of);
  void answered(std::vector<redis_reply> const& replies, round& of);
  void end_round(round const& ended);

  redis_line::strand_type const strand_;
  clock_service& clock_;
  redis_opening const opening_;
  std::shared_ptr<redis_line> const line_;
  log_sink const log_;
  clock_service::alarm again_;
};

}  // namespace mooring::detail
