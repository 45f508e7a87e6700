#include "session/records.hpp"

#include <utility>

namespace mooring::detail {
namespace {

// Tells the observer how long a storage operation took.
class timing {
 public:
  timing(manager_state const& state, char const* operation) : state_(state), operation_(operation), begun_(state.clock.now()) {}

  template <class T>
  void end(result<T> const& outcome) const {
    if (!state_.options.observer) return;
    manager_event event;
    event.what = manager_event::kind::storage;
    event.operation = operation_;
    event.took = state_.clock.now() - begun_;
    if (!outcome) event.error = outcome.error();
    state_.tell(event);
  }

 private:
  manager_state const& state_;
  char const* const operation_;
  time_point const begun_;
};

// For a session it is the same whether the storage did not answer or did not answer in time.
error_code told(error_code error) { return error == errc::deadline_exceeded ? make_error_code(errc::unavailable) : error; }

}  // namespace

awaitable<result<std::optional<stored_record>>> peek_record(state_ptr state, std::string id, duration deadline) {
  timing const clocked(*state, "peek");
  auto found = co_await state->store->peek(std::move(id), call_options{deadline});
  clocked.end(found);
  if (!found) co_return told(found.error());
  co_return std::move(found);
}

awaitable<result<std::optional<stored_record>>> load_record(state_ptr state, std::string id, duration deadline) {
  timing const clocked(*state, "load");
  auto found = co_await state->store->load(std::move(id), call_options{deadline});
  clocked.end(found);
  if (!found) co_return told(found.error());
  co_return std::move(found);
}

awaitable<result<bool>> touch_record(state_ptr state, std::string id, duration deadline) {
  timing const clocked(*state, "touch");
  auto touched = co_await state->store->touch(std::move(id), call_options{deadline});
  clocked.end(touched);
  if (!touched) co_return told(touched.error());
  co_return touched;
}

awaitable<write_outcome> create_placeholder(state_ptr state, std::string id, duration deadline) {
  timing const clocked(*state, "create");
  create_options how;
  how.deadline = deadline;
  how.ttl = state->options.placeholder_ttl;
  how.is_fixed = true;
  auto value = placeholder_metadata();
  auto written = co_await state->store->create(std::move(id), std::move(value), how);
  clocked.end(written);
  co_return written;
}

awaitable<write_outcome> update_record(state_ptr state, std::string id, metadata next, revision expected, duration deadline) {
  timing const clocked(*state, "update");
  auto written = co_await state->store->update(id, std::move(next), expected, call_options{deadline});
  clocked.end(written);
  if (written.has_value() || written.error() != errc::ambiguous) co_return written;
  auto const found = co_await peek_record(state, id, deadline);
  if (!found) co_return written;
  if (!*found) co_return write_outcome::absent();
  if (!written.attempted().is_none() && (*found)->revision == written.attempted()) co_return write_outcome::written(written.attempted());
  co_return written;
}

awaitable<result<bool>> write_hints(state_ptr state, std::string id, hint_map hints, duration deadline) {
  timing const clocked(*state, "update_hints");
  auto written = co_await state->store->update_hints(std::move(id), std::move(hints), call_options{deadline});
  clocked.end(written);
  co_return written;
}

awaitable<result<bool>> erase_record(state_ptr state, std::string id, revision only, duration deadline) {
  timing const clocked(*state, "erase");
  result<bool> erased(make_error_code(errc::unavailable));
  if (only.is_none()) erased = co_await state->store->erase(std::move(id), call_options{deadline});
  else erased = co_await state->store->erase(std::move(id), only, call_options{deadline});
  clocked.end(erased);
  co_return erased;
}

awaitable<bool> is_replicated(state_ptr state, std::uint64_t since, duration deadline) {
  auto const confirmed = co_await state->store->confirm_replication(since, call_options{deadline});
  co_return confirmed && *confirmed;
}

awaitable<leftover> take_back(state_ptr state, std::string id, revision placeholder, revision attempted, duration deadline) {
  auto const behind = [](bool was_there) { return was_there ? leftover::erased : leftover::absent; };
  auto why = make_error_code(errc::conflict);
  if (!placeholder.is_none()) {
    auto const erased = co_await erase_record(state, id, placeholder, deadline);
    if (erased) co_return behind(*erased);
    why = erased.error();
  }
  if (!attempted.is_none()) {
    auto const erased = co_await erase_record(state, std::move(id), attempted, deadline);
    if (erased) co_return behind(*erased || why == errc::ambiguous);  // where nobody answered, it was this that erased the placeholder
    why = erased.error();
  }
  // A conflict is somebody else's record.
  if (why != errc::conflict) state->log(severity::warning, "a failed creation could not be taken back and stays until it expires: " + why.message());
  co_return leftover::possible;
}

result<owned_record> verify_record(manager_state const& state, stored_record found, principal const& who) {
  auto parts = read_record(found.value);
  if (!parts) return parts.error();
  if (parts->state == record_state::live) {
    if (auto verified = state.binder.verify(parts->owner, who); !verified) return verified.error();
  }
  return owned_record(found.revision, std::move(*parts), std::move(found.value), std::move(found.hints));
}

}  // namespace mooring::detail
