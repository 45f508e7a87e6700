#pragma once

#include "storage/redis_link.hpp"
#include "storage/redis_opening.hpp"

#include <mooring/core/clock.hpp>
#include <mooring/storage/redis_options.hpp>

#include <memory>
#include <string>

namespace mooring::detail {

class recent_erasures;

/** @brief Erases again, on a server that takes over, what was erased a short while before: it may not have heard of it. What was made anew since stays.
 *
 *  Learns of both from witnesses, null where no server can take over, which are to go with the requests.
 *  @par Thread safety  Any thread makes witnesses. All else happens on the strand of the one link that has the opening.
 */
class redis_reassertion {
 public:
  /** Where no server can take over. */
  redis_reassertion() = default;
  redis_reassertion(redis_storage_options const& options, clock_service& clock);

  /** Ahead of every call that waits for the connection: no caller of ours sees what was erased come back. */
  redis_opening opening() const;

  redis_witness_pointer of_erase(std::string id) const;
  /** Of one revision: another one under this id is nobody's to erase, so that only what was surely erased is erased again. */
  redis_witness_pointer of_conditional_erase(std::string id) const;
  redis_witness_pointer of_making(std::string id) const;

 private:
  std::shared_ptr<recent_erasures> erasures_;  // null where no server can take over
  clock_service* clock_ = nullptr;
  std::string prefix_;
};

}  // namespace mooring::detail
