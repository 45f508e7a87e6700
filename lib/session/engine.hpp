#pragma once

#include <mooring/cache/validating_cache.hpp>
#include <mooring/session/detail/engine.hpp>

#include "session/cached_session.hpp"
#include "session/manager_state.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mooring::detail {

using session_cache = validating_cache<std::string, cached_session_ptr>;

/** What a sweep took out of the cache; closed on their own time. */
using swept_sessions = std::shared_ptr<std::vector<std::weak_ptr<cached_session>> const>;

/** A manager: what its operations share, and the cache whose callbacks share it too. */
class engine {
 public:
  engine(state_ptr shared, std::unique_ptr<session_cache> made) noexcept : state(std::move(shared)), cache(std::move(made)) {}

  state_ptr const state;
  std::unique_ptr<session_cache> const cache;

  std::mutex sweep_mutex;
  shared_future<swept_sessions> sweep;  // that of `sweep_shared`, under its mutex, as what follows
  time_point sweep_again_at = time_point::min();

  std::atomic<bool> has_shutdown_begun{false};
  shared_promise<bool> shutdown_ended;

  /** Whether a call may begin. */
  result<> admit(char const* operation, call_options call) const;
  result<> admit(char const* operation, std::string_view id, call_options call) const;

  /** The session is gone for good, as this replica knows now: remember it, and close what is cached. */
  void bury(std::string const& id, disposal_reason reason) {
    state->bury(id);
    cache->erase(id, reason);
  }

  /** As above, where only what is cached proves that the replica held it. */
  void bury_if_held(std::string const& id) {
    if (cache->erase(id, disposal_reason::expired)) state->bury(id);
  }
};

/** The deadline of one storage operation of a call. */
inline duration step_deadline(call_options call, duration usual) { return call.deadline.value_or(usual); }

/** The cache's callbacks. */
awaitable<result<std::optional<cached_session_ptr>>> restore_session(state_ptr state, std::string id);
check_answer check_session(state_ptr const& state, cached_session_ptr const& cached);

/** The check where it has to wait, also of a get of its own. @par Errors  `deadline_exceeded` at `until`; those of reads, where they are transient. */
awaitable<result<verdict>> check_by_reading(state_ptr state, cached_session_ptr cached, time_point until);

/** Peeks at every cached session once and closes those gone or stale. */
awaitable<swept_sessions> sweep_once(engine_ptr self);

/** As above, one sweep for all who ask while it runs or soon afterwards. Nothing for who has no more patience. */
awaitable<swept_sessions> sweep_shared(engine_ptr self, duration patience);

/** Runs until cancelled: the sweep, and the touching of leased records. Hold the manager weakly between two rounds. */
awaitable<void> sweep_regularly(std::weak_ptr<engine> self);
awaitable<void> touch_regularly(std::weak_ptr<engine> self);

}  // namespace mooring::detail
