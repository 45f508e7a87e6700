#pragma once

#include "history/inquiries.hpp"
#include "history/session_model.hpp"
#include "scenarios/scenario.hpp"

#include <mooring/core/clock.hpp>

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mooring::test {

/** Writes down what the callers of several replicas saw and what the replicas asked their storage, one history per id, and judges it. */
class session_log {
 public:
  using call = session_model::call;
  using verb = session_model::verb;
  using seen = session_model::seen;
  using bits = session_model::bits;

  /** `remembered`: how long an answer of the storage counts for later gets (check interval, or max stale where the storage fails). `read`: the longest read. */
  session_log(duration remembered, duration read) : remembered_(remembered), read_(read) {}

  event_number tick(time_point now) {
    times_.push_back(now);
    return times_.size();
  }

  /** A call that ended with an answer. */
  void add(std::string const& id, event_number start, time_point now, call made);

  /** A write whose outcome the caller does not know. */
  void add_lost(std::string const& id, event_number start, time_point now, call made);

  /** From an event on the record may go by itself. */
  void may_expire(std::string const& id, event_number from);

  /** A replica's update of an id was carried out, and these backends are off the record since. */
  void took_off(std::string const& id, unsigned replica, bits backends, time_point now);

  /** What a replica asks about an id. */
  inquiries& asked(std::string const& id, unsigned replica) { return ids_[id].asked[replica]; }

  bool was_terminated(std::string const& id) const;

  /** Whether this replica itself answered a terminate of the id. */
  bool was_ended_by(std::string const& id, unsigned replica) const;

  void judge(verdicts& found) const;

 private:
  struct removal {
    event_number at = 0;
    unsigned replica = 0;
    bits backends = 0;
  };
  struct surrender {
    event_number earliest = 0;  // when the first terminate began that was told `ambiguous`
    event_number told = 0;      // when one was, for the first time
  };
  struct story {
    session_history calls;
    std::map<unsigned, inquiries> asked;
    std::map<unsigned, surrender> given_up;  // by replica: of terminates of the owner's
    std::vector<removal> removals;
  };

  time_point time_of(event_number at) const { return times_[at - 1]; }
  session_history history_of(story const& one) const;
  std::string broken_by(story const& one, operation<call> const& get) const;
  bool is_told(story const& one, removal const& write, event_number before) const;

  duration const remembered_;
  duration const read_;
  std::vector<time_point> times_;  // of each event, from 1 on
  std::map<std::string, story> ids_;
};

}  // namespace mooring::test
