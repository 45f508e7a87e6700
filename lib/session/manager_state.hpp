#pragma once

#include <mooring/core/awaitable.hpp>
#include <mooring/core/clock.hpp>
#include <mooring/core/task_scope.hpp>
#include <mooring/session/detail/engine.hpp>
#include <mooring/session/manager_options.hpp>

#include "session/open_sessions.hpp"
#include "session/openings.hpp"
#include "session/outstanding.hpp"
#include "session/owner_rights.hpp"
#include "session/sighting.hpp"
#include "session/tombstones.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace mooring::detail {

/** @brief What all operations of a manager share, the cache's callbacks included: everything but the cache itself, so that the callbacks may keep it alive.
 *
 *  Nothing here changes after construction but what guards itself, and the atomics.
 */
struct manager_state : std::enable_shared_from_this<manager_state> {
  manager_state(executor on, std::shared_ptr<storage<metadata>> shared, std::shared_ptr<erased_factory> maker, owner_binder keys, manager_options chosen);

  executor const ex;
  clock_service& clock;
  std::shared_ptr<storage<metadata>> const store;
  std::shared_ptr<erased_factory> const factory;
  owner_binder const binder;
  manager_options const options;
  duration const ttl;  ///< Of a record: as the storage says.

  tombstones gone;
  tombstones gone_for;  ///< Ids with a principal: what is gone for that one only, because it may have been somebody else's.
  std::atomic<bool> has_gone_for{false};
  std::shared_ptr<open_sessions> const sessions;
  std::shared_ptr<openings> const creations;
  owner_rights rights;

  outstanding working;  ///< Operations and disposals that `shutdown` lets end.
  task_scope calls;     ///< The factory's `open` calls: cancelled one by one, at their deadlines or with their callers.
  task_scope work;      ///< Operations, which hear no cancellation because all their steps have deadlines, and the closing of what none of them keeps.
  task_scope background;  ///< Sweeps and touches.
  task_scope last;        ///< Never cancelled: the shutdown itself, and the closing of what operations made that outlived it.

  std::atomic<bool> is_closing{false};
  std::atomic<std::size_t> restores{0};
  std::atomic<std::uint64_t> created{0};
  std::atomic<std::uint64_t> restored{0};
  std::atomic<std::uint64_t> terminated{0};
  std::atomic<std::uint64_t> closed{0};
  std::atomic<std::uint64_t> refused{0};

  void log(severity level, std::string_view line) const noexcept;

  /** Tells the observer, from a step of its own. */
  void tell(manager_event event) const;

  /** Counts and tells an error that ends a call. */
  error_code refuse(char const* operation, error_code why);

  /** For what a call to the storage is about to show. */
  sighting sight() const { return {clock.now(), store->epoch()}; }

  bool is_gone(std::string_view id) const { return gone.contains(id, clock.now()); }
  void bury(std::string const& id) { gone.add(id, clock.now()); }

  /** As above, for one principal. */
  bool is_gone(std::string_view id, principal const& who) const;
  void bury_for(std::string const& id, principal const& who);
};

using state_ptr = std::shared_ptr<manager_state>;

/** The time to live of a storage's records: as it says; else as the options say; else the usual. */
duration ttl_of(std::optional<duration> of_storage, manager_options const& options);

}  // namespace mooring::detail
