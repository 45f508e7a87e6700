#pragma once

#include <mooring/core/clock.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace mooring::detail {

/** @brief A replica's memory of the ids that it knows to be terminated: bounded, the oldest leave first.
 *  @par Thread safety  Any thread. A leaf mutex guards everything.
 */
class tombstones {
 public:
  tombstones(std::size_t max_entries, duration ttl) noexcept : max_entries_(max_entries), ttl_(ttl) {}

  /** Remembers an id from now on, for the time to live. Again: for longer. */
  void add(std::string const& id, time_point now);

  bool contains(std::string_view id, time_point now) const;

  /** Those that have not expired. */
  std::size_t size(time_point now) const;

 private:
  struct memory {
    time_point until;
    std::uint64_t serial = 0;
  };
  struct burial {
    time_point until;
    std::uint64_t serial;
    std::string id;
  };
  void drop_oldest();  // under the mutex

  std::size_t const max_entries_;
  duration const ttl_;
  mutable std::mutex mutex_;
  std::map<std::string, memory, std::less<>> until_;
  std::deque<burial> order_;  // by time; of an id that was added again only the last counts
  std::uint64_t last_serial_ = 0;
};

}  // namespace mooring::detail
