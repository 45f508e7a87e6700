#include "session/engine.hpp"
#include "session/factory_call.hpp"
#include "session/records.hpp"

namespace mooring::detail {
namespace {

// One of the restores that may run at once; gives itself back.
class restore_place {
 public:
  explicit restore_place(state_ptr state) : state_(std::move(state)), is_taken_(state_->restores.fetch_add(1) < state_->options.max_restores) {}
  ~restore_place() { state_->restores.fetch_sub(1); }
  restore_place(restore_place const&) = delete;
  restore_place& operator=(restore_place const&) = delete;

  bool is_taken() const noexcept { return is_taken_; }

 private:
  state_ptr const state_;
  bool const is_taken_;
};

session_request restore_request(manager_state const& state, std::string id, principal owner, owned_record const& found) {
  session_request request;
  request.id = std::move(id);
  request.owner = std::move(owner);
  request.backends = found.parts.backends;
  request.data = found.parts.data;
  request.opening = found.parts.opening;
  request.hints = found.hints;
  request.is_restore = true;
  request.deadline = state.options.deadlines.factory;
  return request;
}

// The last step of a restore: slides the expiry, shows that the record is still there, and writes the hints back if they changed.
// False: the record has gone.
awaitable<result<bool>> confirm(state_ptr state, std::string id, hint_map before, hint_map after) {
  auto const deadline = state->options.deadlines.write_back;
  if (before == after) co_return co_await touch_record(std::move(state), std::move(id), deadline);
  co_return co_await write_hints(std::move(state), std::move(id), std::move(after), deadline);
}

}  // namespace

awaitable<result<std::optional<cached_session_ptr>>> restore_session(state_ptr state, std::string id) {
  using answer_type = std::optional<cached_session_ptr>;
  if (state->is_gone(id)) co_return answer_type();
  auto const owner = state->rights.find(id);
  if (!owner) co_return make_error_code(errc::cancelled);
  if (state->is_gone(id, *owner)) co_return answer_type();
  restore_place const here(state);
  if (!here.is_taken()) co_return state->refuse("restore", make_error_code(errc::busy));
  auto const seen = state->sight();

  auto read = co_await peek_record(state, id, state->options.deadlines.read);
  if (!read) co_return read.error();
  if (!*read) co_return answer_type();
  auto found = verify_record(*state, std::move(**read), *owner);
  if (!found && found.error() == errc::wrong_owner && state->options.hide_owner_mismatch) co_return answer_type();
  if (!found) co_return found.error();
  if (found->parts.state == record_state::placeholder) co_return make_error_code(errc::not_ready);

  auto place = state->sessions->take_unlimited(*owner);
  auto request = restore_request(*state, id, *owner, *found);
  auto made = co_await call_factory(state, std::move(request), nullptr);
  if (!made) co_return made.error();
  auto hints = made->made().hints;
  auto const confirmed = co_await confirm(state, id, std::move(found->hints), std::move(hints));
  if (confirmed && !*confirmed) {
    made->set_reason(disposal_reason::terminated);
    state->bury(id);
    co_return answer_type();
  }
  if (!confirmed && (confirmed.error() == errc::closed || confirmed.error() == errc::cancelled)) co_return confirmed.error();
  if (!confirmed) state->log(severity::warning, "a restored session's record could not be slid: " + confirmed.error().message());

  std::optional<time_point> rebuild_at;
  if (made->made().is_partial) rebuild_at = saturating_add(state->clock.now(), state->options.partial_retry);
  auto cached = std::make_shared<cached_session>(id, *owner, found->at, std::move(found->stored), made->made().session, rebuild_at, std::move(place), seen);
  cached->sit_down(*state->sessions, cached);
  if (!confirmed) cached->set_unconfirmed();
  made->release();
  state->restored.fetch_add(1, std::memory_order_relaxed);
  manager_event event;
  event.what = manager_event::kind::restored;
  event.took = state->clock.now() - seen.at;
  state->tell(event);
  co_return answer_type(std::move(cached));
}

}  // namespace mooring::detail
