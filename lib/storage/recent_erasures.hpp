#pragma once

#include <mooring/core/clock.hpp>

#include <algorithm>
#include <cstddef>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mooring::detail {

/** @brief Which ids were erased a short while before the server was last heard of: what a server that takes over may not know. Bounded: the oldest leave first.
 *
 *  They are no older than `window` before now, or, from `lost` to `caught_up`, before the loss: however long nobody can be told, nothing is forgotten meanwhile.
 *
 *  @par Thread safety  None: for one strand.
 */
class recent_erasures {
 public:
  struct due_ids {
    std::vector<std::string> ids;
    bool is_all = true;  ///< False: some are left out, because they are being made anew.
  };

  recent_erasures(duration window, std::size_t most) : window_(window), most_(most) {}

  /** @brief The id was erased, or may have been. */
  void erased(std::string const& id, time_point now) {
    auto const found = by_id_.find(id);
    auto const place = found != by_id_.end() ? found->second : by_age_.insert(by_age_.end(), entry{id, now});
    if (found == by_id_.end()) by_id_.emplace(id, place);
    place->when = now;
    by_age_.splice(by_age_.end(), by_age_, place);
    drop_old(now);
  }

  /** @brief A request that makes the id anew is on its way. Until it ends, the server may not be told to erase what it may have made by then. */
  void begin_making(std::string const& id) { ++being_made_[id]; }

  /** @brief It ended. What may have been made is forgotten: also where it was erased by a request of ours behind this one that gave up before it was answered. */
  void end_making(std::string const& id, bool may_be_made) {
    if (auto const found = being_made_.find(id); found != being_made_.end() && --found->second == 0) being_made_.erase(found);
    if (!may_be_made) return;
    if (auto const found = by_id_.find(id); found != by_id_.end()) remove(found);
  }

  /** @brief The server is gone, and with it perhaps what it acknowledged last. */
  void lost(time_point now) {
    if (!lost_at_) lost_at_ = now;
  }

  /** @brief A server has carried out all of them: now, as far as its own successor is concerned. */
  void caught_up(time_point now) {
    if (!lost_at_) return;
    for (auto& one : by_age_) one.when = std::max(one.when, now);
    lost_at_.reset();
  }

  /** @brief What the server is to be told now. */
  due_ids due(time_point now) {
    drop_old(now);
    due_ids made;
    for (auto const& one : by_age_) {
      if (being_made_.contains(one.id)) made.is_all = false;
      else made.ids.push_back(one.id);
    }
    return made;
  }

 private:
  struct entry {
    std::string id;
    time_point when;
  };
  using entries = std::list<entry>;
  using index = std::map<std::string, entries::iterator>;

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
  entries by_age_;
  index by_id_;
  std::map<std::string, std::size_t> being_made_;  // by how many requests
  std::optional<time_point> lost_at_;              // since when no server has carried out all of them
};

}  // namespace mooring::detail
