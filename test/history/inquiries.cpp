#include "history/inquiries.hpp"

#include <algorithm>

namespace mooring::test {

bool inquiries::goes_on(entry const& before, step next) {
  switch (next) {
    case step::check:
    case step::make:
      return false;
    case step::peek:  // where a check's read failed; what became of a creation's write
      return before.how == ending::failed && before.is_inquiry && (before.what == step::check || before.what == step::write);
    case step::restore:
      return before.how == ending::found && before.what == step::peek;
    case step::write:
      return before.how == ending::found && before.what == step::make;
    case step::confirm:
      return before.how == ending::found && before.is_inquiry && before.what != step::check && before.what != step::confirm;
  }
  return false;
}

std::size_t inquiries::begin(step what, event_number at, time_point now) {
  entry made;
  made.what = what;
  made.since = at;
  made.is_inquiry = what == step::check || what == step::restore;
  for (auto& before : steps_) {
    if (before.ended != now || !goes_on(before, what)) continue;
    made.is_inquiry = true;
    before.is_over = false;
    // What a creation caches is what it wrote, not what was there when it began.
    if (what != step::write) made.since = std::min(made.since, before.since);
  }
  steps_.push_back(made);
  return steps_.size() - 1;
}

void inquiries::end(std::size_t which, ending how, time_point now) {
  steps_[which].how = how;
  steps_[which].ended = now;
}

event_number inquiries::oldest_for_session(event_number start, time_point begun, duration interval) const {
  auto oldest = start;
  for (auto const& one : steps_) {
    if (!one.is_inquiry) continue;
    bool const is_running = one.ended >= begun;
    // A restore is served though its confirmation failed, but not if that found the record gone.
    bool const has_shown = one.is_over && (one.how == ending::found || (one.how == ending::failed && one.what == step::confirm));
    if (is_running || (has_shown && one.ended + interval >= begun)) oldest = std::min(oldest, one.since);
  }
  return oldest;
}

event_number inquiries::oldest_for_absence(event_number start, time_point begun) const {
  auto oldest = start;
  for (auto const& one : steps_)
    if (one.what != step::make && one.ended >= begun) oldest = std::min(oldest, one.since);
  return oldest;
}

}  // namespace mooring::test
