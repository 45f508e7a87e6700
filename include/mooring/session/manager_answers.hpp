#pragma once

namespace mooring {

/** Whether an id may be used, as `session_manager::validate` answers. */
enum class validity {
  live,       ///< There is a session, and its expiry was slid.
  gone,       ///< Never made, terminated or expired; for good.
  not_ready,  ///< Minted, and its session is still being created.
};

/** What `session_manager::terminate` did. */
struct termination {
  /** The storage had a record. False is success too. */
  bool existed = false;
  /** False: the storage was to wait for replicas, and too few of them said that they know. A failover may bring the session back, until this replica or another
   *  terminates it once more. */
  bool is_replicated = true;
};

}  // namespace mooring
