#pragma once

#include "storage/redis_reply.hpp"

#include <mooring/storage/redis_options.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace mooring::detail {

/** What a Sentinel said to GET-MASTER-ADDR-BY-NAME: where the master is, or why it did not help. */
struct master_answer {
  std::optional<redis_address> master;
  std::string cause;
};

/** @brief Reads such an answer. A master that is not among `allowed`, if that names any, is none. */
master_answer master_of_reply(redis_reply const& reply, std::vector<redis_address> const& allowed);

/** @brief Whether a server calls itself a master in its answer to HELLO. */
bool is_master(redis_reply const& hello);

/** @brief Whose turn it is among the Sentinels: the one that helped, until it no longer does; then each in turn. */
class sentinel_search {
 public:
  explicit sentinel_search(std::size_t count) noexcept : count_(count) {}

  std::size_t whom() const noexcept { return whom_; }
  void helped() noexcept { failed_ = 0; }
  /** @brief This one did not help, or no longer does.  @return False when none did since one last helped: pause, then go on. */
  bool next() noexcept {
    whom_ = (whom_ + 1) % count_;
    if (++failed_ < count_) return true;
    failed_ = 0;
    return false;
  }

 private:
  std::size_t count_;
  std::size_t whom_ = 0;
  std::size_t failed_ = 0;  // one after another
};

}  // namespace mooring::detail
