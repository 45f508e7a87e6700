#pragma once

#include <mooring/core/clock.hpp>

#include <cstddef>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mooring::detail {

/** @brief Which ids were erased a short while ago: what a server that takes over may not have heard of. Bounded: the oldest leave first.
 *  @par Thread safety  Any thread.
 */
class recent_erasures {
 public:
  recent_erasures(duration window, std::size_t most) : window_(window), most_(most) {}

  /** @brief An erase is about to be sent.  @return Whether the id was not among them yet. */
  bool add(std::string const& id, time_point now) {
    std::lock_guard const lock(mutex_);
    bool const is_new = !remove(id);
    by_age_.emplace_back(id, now);
    by_id_.emplace(id, std::prev(by_age_.end()));
    drop_old(now);
    return is_new;
  }

  /** @brief The id was certainly not erased, or is being made anew. */
  void forget(std::string_view id) {
    std::lock_guard const lock(mutex_);
    remove(id);
  }

  std::vector<std::string> all(time_point now) {
    std::lock_guard const lock(mutex_);
    drop_old(now);
    std::vector<std::string> ids;
    for (auto const& [id, when] : by_age_) ids.push_back(id);
    return ids;
  }

 private:
  using entries = std::list<std::pair<std::string, time_point>>;

  bool remove(std::string_view id) {
    auto const found = by_id_.find(id);
    if (found == by_id_.end()) return false;
    by_age_.erase(found->second);
    by_id_.erase(found);
    return true;
  }

  void drop_old(time_point now) {
    while (!by_age_.empty() && (by_age_.size() > most_ || now - by_age_.front().second >= window_)) {
      by_id_.erase(by_id_.find(by_age_.front().first));
      by_age_.pop_front();
    }
  }

  duration const window_;
  std::size_t const most_;
  std::mutex mutex_;  // guards both; nothing is called under it
  entries by_age_;
  std::map<std::string, entries::iterator, std::less<>> by_id_;
};

}  // namespace mooring::detail
