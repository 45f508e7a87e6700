#pragma once

#include <mooring/core/error.hpp>
#include <mooring/session/detail/held_session.hpp>

#include <memory>
#include <utility>

namespace mooring {

template <class Session>
class session_manager;

/** @brief The right to use a session: until it is released, the session is not closed (but at the drain deadline), and its record does not expire as idle.
 *
 *  Move-only; a default-made one is empty. Holds on to the session as it was when the lease was taken: a later decoration is seen by later leases.
 *
 *  @par Thread safety  Different leases from any thread. Released on any thread, also after the manager is gone.
 */
template <class Session>
class session_lease {
 public:
  session_lease() = default;

  explicit operator bool() const noexcept { return static_cast<bool>(held_); }

  /** @pre Not empty. */
  Session& operator*() const noexcept { return *static_cast<Session*>(held_.session().get()); }
  Session* operator->() const noexcept { return static_cast<Session*>(held_.session().get()); }

  /** The session itself, which may be kept beyond the lease but may be closed from then on. Null when empty. */
  std::shared_ptr<Session> value() const noexcept { return std::static_pointer_cast<Session>(held_.session()); }

  /** The session was closed at its drain deadline, lease or not. */
  bool is_revoked() const noexcept { return held_.status().failed(); }

  /** Success, or `errc::revoked`. */
  error_code status() const noexcept { return held_.status(); }

  /** False on a lease from `create` or `open`: the storage was to wait for replicas, and too few of them said that they know. A failover may lose the session. */
  bool is_replicated() const noexcept { return held_.is_replicated(); }

  /** Gives the session back. Empty afterwards; twice is harmless. */
  void release() noexcept { held_.release(); }

 private:
  friend class session_manager<Session>;
  explicit session_lease(detail::held_session held) noexcept : held_(std::move(held)) {}

  detail::held_session held_;
};

}  // namespace mooring
