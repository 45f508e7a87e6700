#pragma once

#include "history/linearization.hpp"

#include <mooring/core/clock.hpp>

#include <cstddef>
#include <vector>

namespace mooring::test {

/** What one replica asked about one id, and so how old its answers to a get may be.
 *
 *  An *inquiry* is what the cache runs in one flight, or what a creation puts in the cache. It shows as steps, each of which begins at the moment at which the
 *  one before it ended: a check is one read, and another if that failed; a restore is a peek, an opening and a confirmation; a creation is an opening, a write
 *  and a confirmation. An answer rests on an inquiry that was still running when the get began, or that ended at most so long before it (CA14, CA12).
 */
class inquiries {
 public:
  enum class step { check, peek, restore, make, write, confirm };
  enum class ending { found, absent, failed };

  /** The step's number, for `end`. */
  std::size_t begin(step what, event_number at, time_point now);
  void end(std::size_t which, ending how, time_point now);

  /** When the oldest inquiry began on which a get may rest that began at `start`, when it was `begun`, and was given a session. */
  event_number oldest_for_session(event_number start, time_point begun, duration interval) const;

  /** As above, of a get that was told that there is none: every read counts that was running, and no absence is remembered. */
  event_number oldest_for_absence(event_number start, time_point begun) const;

 private:
  struct entry {
    step what = step::peek;
    event_number since = 0;   // when its inquiry began
    bool is_inquiry = false;  // else it is somebody's own read, or a creation that may still fail
    bool is_over = true;      // no other step goes on with it
    ending how = ending::failed;
    time_point ended = time_point::max();
  };

  static bool goes_on(entry const& before, step next);

  std::vector<entry> steps_;
};

}  // namespace mooring::test
