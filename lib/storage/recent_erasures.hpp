#pragma once

#include <mooring/core/clock.hpp>

#include <algorithm>
#include <cstddef>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mooring::detail {

/** @brief Which ids were erased a short while before the server was last heard of: what a server that takes over may not know. Bounded: the oldest leave first.
 *
 *  They are no older than `window` before now, or, from `lost` to `caught_up`, before the loss: however long nobody can be told, nothing is forgotten meanwhile.
 *
 *  @par Thread safety  Any thread.
 */
class recent_erasures {
 public:
  recent_erasures(duration window, std::size_t most) : window_(window), most_(most) {}

  /** @brief An erase is about to be sent. One that never ends counts as carried out. */
  void begin(std::string const& id, time_point now) {
    std::lock_guard const lock(mutex_);
    ++renew(id, now).pending;
    drop_old(now);
  }

  /** @brief It ended; or one did that was noted only because it succeeded. One that was certainly not carried out is forgotten, unless another of the same id may
   *  have been. */
  void end(std::string const& id, bool may_be_carried_out, time_point now) {
    std::lock_guard const lock(mutex_);
    if (may_be_carried_out) renew(id, now).is_erased = true;
    auto const found = by_id_.find(id);
    if (found == by_id_.end()) return;
    auto& one = *found->second;
    if (one.pending > 0) --one.pending;
    if (one.pending == 0 && !one.is_erased) remove(found);
    drop_old(now);
  }

  /** @brief The id was made anew. */
  void forget(std::string_view id) {
    std::lock_guard const lock(mutex_);
    if (auto const found = by_id_.find(id); found != by_id_.end()) remove(found);
  }

  /** @brief The server is gone, and with it perhaps what it acknowledged last. */
  void lost(time_point now) {
    std::lock_guard const lock(mutex_);
    if (!lost_at_) lost_at_ = now;
  }

  /** @brief A server has carried out all of them: now, as far as its own successor is concerned. */
  void caught_up(time_point now) {
    std::lock_guard const lock(mutex_);
    if (!lost_at_) return;
    for (auto& one : by_age_) one.when = std::max(one.when, now);
    lost_at_.reset();
  }

  std::vector<std::string> all(time_point now) {
    std::lock_guard const lock(mutex_);
    drop_old(now);
    std::vector<std::string> ids;
    for (auto const& one : by_age_) ids.push_back(one.id);
    return ids;
  }

 private:
  struct entry {
    std::string id;
    time_point when;
    std::size_t pending = 0;  // erases that have not ended
    bool is_erased = false;   // by one that has
  };
  using entries = std::list<entry>;
  using index = std::map<std::string, entries::iterator, std::less<>>;

  entry& renew(std::string const& id, time_point now) {
    auto const found = by_id_.find(id);
    auto const place = found != by_id_.end() ? found->second : by_age_.insert(by_age_.end(), entry{id, now});
    if (found == by_id_.end()) by_id_.emplace(id, place);
    place->when = now;
    by_age_.splice(by_age_.end(), by_age_, place);
    return *place;
  }

  void remove(index::iterator found) {
    by_age_.erase(found->second);
    by_id_.erase(found);
  }

  void drop_old(time_point now) {
    auto const last = std::min(now, lost_at_.value_or(now));
    while (!by_age_.empty() && (by_age_.size() > most_ || last - by_age_.front().when >= window_)) remove(by_id_.find(by_age_.front().id));
  }

  duration const window_;
  std::size_t const most_;
  std::mutex mutex_;  // guards what follows; nothing is called under it
  entries by_age_;
  index by_id_;
  std::optional<time_point> lost_at_;  // since when no server has carried out all of them
};

}  // namespace mooring::detail
