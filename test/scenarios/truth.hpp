#pragma once

#include "history/linearization.hpp"

#include <mooring/core/clock.hpp>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace mooring::test {

/** What was true of one key, when, and who asked: enough to say whether an answer of a cache may rest on what was true when its get began.
 *
 *  A version is what a load would make; 0 means that there is nothing. An *inquiry* is one load or check, from its begin to its end.
 */
class truth {
 public:
  static constexpr event_number open = operation<int>::never;

  int now() const noexcept { return versions_.back().number; }

  /** Another version holds from this event on, or nothing does (0). */
  void change(int version, event_number at) {
    versions_.back().until = at;
    versions_.push_back({version, at, open});
  }

  /** The cache was told by set or erase: no answer to a later get may rest on what was true before. */
  void fence(event_number at) { fences_.push_back(at); }

  std::size_t begin_inquiry(event_number at) {
    inquiries_.push_back({at, open, {}});
    return inquiries_.size() - 1;
  }
  void end_inquiry(std::size_t which, event_number at, time_point now) {
    inquiries_[which].end = at;
    inquiries_[which].ended = now;
  }

  /** Whether a get that began at `start` and ends at `end` may be told `version`, if inquiries that ended not before `fresh` still count. */
  bool may_tell(int version, event_number start, event_number end, time_point fresh) const {
    auto from = start;
    for (auto const& one : inquiries_)
      if (one.begin < start && (one.end > start || one.ended >= fresh)) from = std::min(from, one.begin);
    for (auto const at : fences_)
      if (at < start) from = std::max(from, at);
    return std::any_of(versions_.begin(), versions_.end(),
                       [&](auto const& one) { return one.number == version && one.until > from && one.since < end; });
  }

 private:
  struct version {
    int number = 0;
    event_number since = 0;
    event_number until = open;
  };
  struct inquiry {
    event_number begin;
    event_number end;
    time_point ended;
  };

  std::vector<version> versions_{version{}};
  std::vector<event_number> fences_;
  std::vector<inquiry> inquiries_;
};

}  // namespace mooring::test
