#pragma once

#include "history/linearization.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mooring::test {

/** What session managers promise of one id, on however many replicas: it is created once, keeps each update, and stays dead once terminated.
 *
 *  Updates are adding a tag and taking off a backend; both are sets of up to 64, as bits, so that a lost or undone update shows.
 */
struct session_model {
  using bits = std::uint64_t;

  enum class life { unborn, live, dead };

  struct state {
    life is = life::unborn;
    bits tags = 0;
    bits backends = 0;
    friend auto operator<=>(state const&, state const&) = default;
  };

  /** `revoke`: somebody else's terminate, which may end an id that has no owner yet, and no session. */
  enum class verb { create, decorate, notify, terminate, revoke, get, validate, expire };

  enum class seen { done, absent, not_ready, lost };

  struct call {
    verb what = verb::get;
    seen outcome = seen::lost;
    bits tags = 0;      ///< Added by `decorate`; held by the session that `get` served.
    bits backends = 0;  ///< Of the new session; taken off by `notify`; held by the session that `get` served.
    unsigned replica = 0;
  };

  static std::optional<state> apply(state now, call const& made);
  static std::string describe(call const& made);
};

using session_history = std::vector<operation<session_model::call>>;

/** Adds a call. A decoration that was told `absent` is two: the session was gone by its end, and before that its change may have been written and seen,
 *  since what was overtaken by a termination is told of that, whatever it had written (SM36, RA07). */
void add_to(session_history& calls, operation<session_model::call> made);

}  // namespace mooring::test
