#include "session/cancellation.hpp"
#include "session/engine.hpp"
#include "session/records.hpp"

#include <algorithm>

namespace mooring::detail {
namespace {

// A storage that serves reads and refuses writes (a replica that lost its peers, a full disk) refuses a sliding read too.
bool may_refuse_writes_only(error_code error) {
  return error == errc::unavailable || error == errc::server_error || error == errc::storage_full || error == errc::permission_denied || error == errc::wrong_master;
}

// A record that cannot be read is no transient failure: the load tells the caller.
bool is_final(error_code error) { return error == errc::corrupt_record; }

// A partial session is rebuilt once it is due; not before the storage has answered, since until then it is what there is to serve.
verdict when_alive(manager_state const& state, cached_session const& cached) {
  return state.clock.recent() >= cached.rebuild_at ? verdict::expired : verdict::alive;
}

// Empty: read again.
std::optional<result<verdict>> judge(cached_session& cached, result<std::optional<stored_record>> const& found, revision const& built_from_before, sighting seen) {
  if (!found) {
    if (is_final(found.error())) return verdict::expired;
    return found.error();
  }
  if (!*found) return verdict::expired;
  cached.confirm(seen);
  if (cached.agrees_with((*found)->revision, (*found)->value)) return verdict::alive;
  if (cached.built_from() == built_from_before) return verdict::expired;
  // Decorated meanwhile: this is what the decoration replaced, or what somebody has made of it since.
  if ((*found)->revision == built_from_before) return verdict::alive;
  return std::nullopt;
}

}  // namespace

awaitable<result<verdict>> check_by_reading(state_ptr state, cached_session_ptr cached, time_point until) {
  auto const cancellation = co_await asio::this_coro::cancellation_state;
  auto const left = [&state, until] { return std::min(state->options.deadlines.read, until - state->clock.now()); };
  for (;;) {
    if (is_cancelled(cancellation)) co_return make_error_code(errc::cancelled);
    auto const seen = state->sight();
    auto const deadline = left();
    if (deadline <= duration::zero()) co_return make_error_code(errc::deadline_exceeded);
    auto const built_from_before = cached->built_from();
    auto found = co_await load_record(state, cached->id, deadline);
    bool const is_in_time = state->clock.now() - seen.at < deadline;
    if (!found && is_in_time && may_refuse_writes_only(found.error()) && !is_cancelled(cancellation)) found = co_await peek_record(state, cached->id, left());
    if (found && !*found) state->bury(cached->id);
    // Written by a decoration that has not heard so yet. The session as it was is the past already, and will be decorated in a moment.
    auto const decorating = found && *found && !cached->agrees_with((*found)->revision, (*found)->value) ? cached->decoration_to((*found)->value) : std::nullopt;
    if (decorating) {
      if (is_cancelled(cancellation)) co_return make_error_code(errc::cancelled);
      auto const ended = co_await decorating->wait(call_options{std::max(left(), duration::zero())});
      if (!ended && ended.error() == errc::deadline_exceeded && state->clock.now() < until) co_return verdict::expired;
      if (!ended && ended.error() != errc::closed) co_return ended.error();
      continue;  // dropped without an outcome is how it ends
    }
    auto judged = judge(*cached, found, built_from_before, seen);
    if (!judged) continue;
    if (*judged && **judged == verdict::alive) co_return when_alive(*state, *cached);
    co_return std::move(*judged);
  }
}

check_answer check_session(state_ptr const& state, cached_session_ptr const& cached) {
  auto const epoch = state->store->epoch();
  auto const known = state->store->load_revision_at_once(cached->id);
  if (!known) return check_by_reading(state, cached, time_point::max());
  if (!*known) {
    if (is_final(known->error())) return verdict::expired;
    return known->error();
  }
  if (!**known) {
    state->bury(cached->id);
    return verdict::expired;
  }
  // Under epoch zero nothing depends on the moment.
  cached->confirm({epoch == 0 ? time_point() : state->clock.recent(), epoch});
  if (cached->is_built_from(***known)) return cached->rebuild_at == time_point::max() ? verdict::alive : when_alive(*state, *cached);
  return check_by_reading(state, cached, time_point::max());
}

}  // namespace mooring::detail
