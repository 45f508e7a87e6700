#pragma once

#include "session/manager_state.hpp"
#include "session/operation.hpp"

#include <memory>
#include <string>
#include <utility>

namespace mooring::detail {

/** @brief Closes a session through the factory; what that throws goes to the log. */
awaitable<void> close_session(state_ptr state, std::string id, std::shared_ptr<void> session, disposal_reason reason);

/** @brief A session that a factory made and no cache owns yet: closed when dropped, on whatever path, frames that die without resuming included. */
class made_session {
 public:
  made_session() = default;
  made_session(state_ptr state, std::string id, opened<void> made) noexcept : state_(std::move(state)), id_(std::move(id)), made_(std::move(made)) {}
  made_session(made_session&&) noexcept = default;
  made_session& operator=(made_session&& other) noexcept {
    std::swap(state_, other.state_);
    std::swap(id_, other.id_);
    std::swap(made_, other.made_);
    std::swap(reason_, other.reason_);
    return *this;
  }
  ~made_session();

  opened<void> const& made() const noexcept { return made_; }

  /** Why it is closed, if it is. */
  void set_reason(disposal_reason why) noexcept { reason_ = why; }

  /** Somebody else closes it now. */
  void release() noexcept { made_.session = nullptr; }

 private:
  state_ptr state_;
  std::string id_;
  opened<void> made_;
  disposal_reason reason_ = disposal_reason::lost_race;
};

/** @brief Calls the factory, as a task that is cancelled at the deadline, when the waiting caller is cancelled, and with `stops_with`. What it makes later is closed.
 *
 *  @param stops_with  The operation that it works for; may be null.
 *  @par Errors  The factory's own of category `mooring`; otherwise `load_failed`: other categories, exceptions, null, the deadline. `cancelled`, `closed`.
 */
awaitable<result<made_session>> call_factory(state_ptr state, session_request request, std::shared_ptr<operation_base> stops_with);

}  // namespace mooring::detail
