#include "session/cancellation.hpp"
#include "session/engine.hpp"
#include "session/records.hpp"

#include <algorithm>

namespace mooring::detail {
namespace {

// What is known of an id that is not cached, before anything is restored for it.
enum class presence { live, absent, in_creation };

// Waits for a creation on this replica. Success: look again.
awaitable<result<>> wait_for_creation(shared_future<bool> ended, duration remaining) {
  auto const waited = co_await ended.wait(call_options{remaining});
  // Dropped without an outcome is how a creation ends.
  if (!waited && waited.error() != errc::closed) co_return waited.error();
  co_return result<>();
}

awaitable<result<presence>> look_up(state_ptr state, std::string id, principal who, duration deadline) {
  auto read = co_await peek_record(state, std::move(id), deadline);
  if (!read) co_return read.error();
  if (!*read) co_return presence::absent;
  auto const found = verify_record(*state, std::move(**read), who);
  if (!found) co_return found.error();
  co_return found->parts.state == record_state::live ? presence::live : presence::in_creation;
}

result<held_session> refused_get(manager_state& state, error_code why) {
  if (why == errc::wrong_owner && state.options.hide_owner_mismatch) return held_session();
  return state.refuse("get", why);
}

// A read that ends with the whole get has not found the storage away.
error_code late_or(state_ptr const& state, time_point until, error_code why) {
  return why == errc::unavailable && state->clock.now() >= until ? make_error_code(errc::deadline_exceeded) : why;
}

// The caller is not the owner of what this replica has in hand. Where that is to be hidden, an unknown id's one read is made, and its answer given.
awaitable<result<held_session>> turn_away(state_ptr state, std::string id, duration deadline, time_point until) {
  if (state->options.hide_owner_mismatch) {
    auto const read = co_await peek_record(state, std::move(id), deadline);
    if (!read && read.error() != errc::corrupt_record) co_return refused_get(*state, late_or(state, until, read.error()));
    co_return held_session();
  }
  co_return state->refuse("get", make_error_code(errc::wrong_owner));
}

bool is_owned_by(lease<cached_session_ptr> const& held, principal const& who) noexcept { return held.value()->owner.is_same_as(who); }

// The cache counts from the end of a session's making; one whose making could not confirm its record is older than that (RA48).
bool is_too_old(manager_state const& state, lease<cached_session_ptr> const& held) {
  auto const& cached = *held.value();
  return cached.is_unconfirmed() && !cached.was_seen_within(std::max(state.options.max_stale, state.options.check_interval), state.clock.recent());
}

enum class in_cache { nothing, own, of_another };

// Leaves no lease behind: one held over the get would keep an expired session open until its successor is there.
in_cache find_cached(engine const& self, std::string_view id, principal const& who) {
  auto const known = self.cache->peek(id);
  if (!known) return in_cache::nothing;
  return is_owned_by(known, who) ? in_cache::own : in_cache::of_another;
}

}  // namespace

std::optional<result<held_session>> get_at_once(engine& self, std::string_view id, principal const& who, call_options call) {
  // What is cached has a valid id: `get` judges the others.
  if (auto admitted = self.admit("get", call); !admitted) return admitted.error();
  // The owner first: a check slides the expiry.
  auto const epoch = self.state->store->epoch();
  auto hit = self.cache->try_get_if(id, [&](cached_session_ptr const& cached) { return cached->owner.is_same_as(who); });
  if (!hit || is_too_old(*self.state, hit.leased) || !hit.leased.value()->was_seen_under(epoch)) return std::nullopt;
  held_session held(std::move(hit.leased));
  if (!held) return std::nullopt;
  return result<held_session>(std::move(held));
}

awaitable<result<held_session>> get(engine_ptr self, std::string id, principal who, call_options call) {
  auto const state = self->state;
  auto const begun = state->clock.now();
  auto const until = saturating_add(begun, call.deadline.value_or(state->options.deadlines.get));
  for (;;) {
    auto const cancellation = co_await asio::this_coro::cancellation_state;
    if (is_cancelled(cancellation)) co_return make_error_code(errc::cancelled);
    if (auto admitted = self->admit("get", id, {}); !admitted) co_return admitted.error();
    if (state->is_gone(id)) self->cache->erase(id, disposal_reason::expired);  // where the check that found it gone was nobody's flight
    if (state->is_gone(id, who)) co_return held_session();
    auto remaining = until - state->clock.now();
    if (remaining <= duration::zero()) co_return state->refuse("get", make_error_code(errc::deadline_exceeded));

    auto const read_deadline = std::min(remaining, state->options.deadlines.read);
    auto const held_here = find_cached(*self, id, who);
    if (held_here == in_cache::of_another) co_return co_await turn_away(state, id, read_deadline, until);
    if (held_here == in_cache::nothing) {
      auto const creation = state->creations->find(id);
      if (creation && !creation->owner.is_same_as(who)) co_return co_await turn_away(state, id, read_deadline, until);
      if (creation) {
        auto const waited = co_await wait_for_creation(creation->ended, remaining);
        if (!waited) co_return state->refuse("get", waited.error());
        continue;
      }
      auto const seen = co_await look_up(state, id, who, read_deadline);
      if (is_cancelled(cancellation)) co_return make_error_code(errc::cancelled);
      if (!seen) co_return refused_get(*state, late_or(state, until, seen.error()));
      if (*seen == presence::absent) co_return held_session();
      // A creation may have begun, or ended, while the record was read. One that wrote it and has not heard so yet has made the session already.
      auto const begun_since = state->creations->find(id);
      if (begun_since && begun_since->owner.is_same_as(who)) continue;
      if (*seen == presence::in_creation) {
        if (begun_since || self->cache->peek(id)) continue;
        co_return state->refuse("get", make_error_code(errc::not_ready));
      }
      remaining = until - state->clock.now();
    }

    auto const epoch = state->store->epoch();
    owner_rights::right const right(state->rights, id, who);
    auto got = co_await self->cache->get(id, call_options{remaining});
    // An error of the factory's own, whatever its value, is told as it is.
    if (!got) co_return state->refuse("get", got.error());
    if (!*got) co_return held_session();
    // The entry may be another than the one that was looked at.
    if (!is_owned_by(*got, who)) co_return refused_get(*state, make_error_code(errc::wrong_owner));
    // Its record is asked for in this get where another server of the storage may have taken over since the last check, which counted by its age or was what the
    // storage last said; and where it was last seen too long ago for the age that the cache knows. What was seen since this get began is not too old for it: a restore
    // that took longer than `max_stale` would be made again and again. (A check of its own for each get that meets this: it is rare, and soon over.)
    bool const is_old = is_too_old(*state, *got) && !got->value()->was_seen_within(duration::zero(), begun);
    if (is_old || !got->value()->was_seen_under(epoch)) {
      if (is_cancelled(cancellation)) co_return make_error_code(errc::cancelled);
      auto const doubted = got->value();
      auto const checked = co_await check_by_reading(state, doubted, until);
      if (is_cancelled(cancellation)) co_return make_error_code(errc::cancelled);
      if (!checked && !doubted->was_seen_within(state->options.max_stale, state->clock.now())) co_return state->refuse("get", late_or(state, until, checked.error()));
      if (checked && *checked == verdict::expired) {
        got->release();
        self->cache->erase_if(id, doubted, disposal_reason::expired);
        continue;
      }
    }
    if (state->is_gone(id, who)) co_return held_session();
    held_session held(std::move(*got));
    if (held) co_return std::move(held);
    // Closed between the cache's answer and here: restored, until the deadline.
  }
}

}  // namespace mooring::detail
