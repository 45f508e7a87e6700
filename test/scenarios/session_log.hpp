#pragma once

#include "history/session_model.hpp"
#include "scenarios/scenario.hpp"

#include <mooring/core/clock.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace mooring::test {

/** Writes down what the callers of several replicas saw, one history per id, and judges it. */
class session_log {
 public:
  using call = session_model::call;
  using verb = session_model::verb;
  using seen = session_model::seen;

  /** `staleness`: by how much a get may be behind (check interval, or max stale where the storage fails, and one read). */
  explicit session_log(duration staleness) : staleness_(staleness) {}

  event_number tick(time_point now) {
    times_.push_back(now);
    return times_.size();
  }

  /** A call that ended with an answer. */
  void add(std::string const& id, event_number start, time_point now, call made) {
    auto const end = tick(now);
    auto& one = ids_[id];
    if (made.what == verb::get && made.outcome == seen::done) refuse_after_own_end(id, start, made);
    // A replica is never behind its own writes.
    if (made.what == verb::get && staleness_ > duration::zero())
      start = std::min(start, std::max(event_at(times_[start - 1] - staleness_), one.written[made.replica]));
    // Not after a notification: one of a backend that is off the list already writes nothing.
    if (made.outcome == seen::done && made.what == verb::decorate) one.written[made.replica] = end;
    if (made.what == verb::terminate) one.ended.emplace(made.replica, end);
    // A replica that lost the reply of its terminate, or gave the id up, treats it as gone whatever the storage says (SM41).
    if (made.outcome == seen::absent && one.given_up.contains(made.replica)) return;
    add_to(one.calls, {start, end, made});
  }

  /** A write whose outcome the caller does not know. */
  void add_lost(std::string const& id, event_number start, time_point now, call made) {
    made.outcome = seen::lost;
    auto& one = ids_[id];
    if (made.what == verb::terminate) {
      one.ended.emplace(made.replica, tick(now));
      one.given_up.emplace(made.replica, true);
    }
    one.calls.push_back({start, operation<call>::never, made});
  }

  /** From an event on the record may go by itself. */
  void may_expire(std::string const& id, event_number from) {
    call gone;
    gone.what = verb::expire;
    ids_[id].calls.push_back({from, operation<call>::never, gone});
  }

  bool was_terminated(std::string const& id) const {
    auto const found = ids_.find(id);
    return found != ids_.end() && std::any_of(found->second.calls.begin(), found->second.calls.end(), [](auto const& one) {
             return one.call.what == verb::terminate && one.is_certain();
           });
  }

  /** Whether this replica itself answered a terminate of the id. */
  bool was_ended_by(std::string const& id, unsigned replica) const {
    auto const found = ids_.find(id);
    return found != ids_.end() && found->second.ended.contains(replica);
  }

  void judge(verdicts& found) const {
    if (!broken_.empty()) found.fail(broken_);
    int number = 0;
    for (auto const& [id, one] : ids_) {
      ++number;
      auto const text = unexplained<session_model>(widened(one.calls));
      if (!text.empty()) found.fail("session " + std::to_string(number) + ": " + text);
    }
  }

 private:
  struct story {
    session_history calls;
    std::map<unsigned, event_number> ended;  // by replica: when it first answered a terminate
    std::map<unsigned, bool> given_up;
    std::map<unsigned, event_number> written;  // by replica: the end of its last update
  };

  // No staleness excuses the replica that ended the session itself (RA42).
  void refuse_after_own_end(std::string const& id, event_number start, call const& made) {
    auto const& ended = ids_[id].ended;
    auto const found = ended.find(made.replica);
    if (found != ended.end() && found->second < start && broken_.empty()) broken_ = "a get was served by the replica that had terminated the session (RA42)";
  }

  event_number event_at(time_point when) const {
    return static_cast<event_number>(std::lower_bound(times_.begin(), times_.end(), when) - times_.begin()) + 1;
  }

  duration const staleness_;
  std::vector<time_point> times_;  // of each event, from 1 on
  std::map<std::string, story> ids_;
  std::string broken_;
};

}  // namespace mooring::test
