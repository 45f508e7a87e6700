#include "session/cancellation.hpp"
#include "session/engine.hpp"
#include "session/records.hpp"

namespace mooring::detail {
namespace {

// What validate knows before it slides anything.
awaitable<result<validity>> probe(engine_ptr self, std::string id, principal who, duration deadline) {
  auto const state = self->state;
  bool const is_hiding = state->options.hide_owner_mismatch;
  bool const is_cached = [&] {
    auto const known = self->cache->peek(id);
    return known && known.value()->owner.is_same_as(who);
  }();
  if (is_cached) co_return validity::live;
  auto read = co_await peek_record(state, std::move(id), deadline);
  if (!read) co_return read.error();
  if (!*read) co_return validity::gone;
  auto const found = verify_record(*state, std::move(**read), who);
  if (!found && found.error() == errc::wrong_owner && is_hiding) co_return validity::gone;
  if (!found) co_return found.error();
  co_return found->parts.state == record_state::placeholder ? validity::not_ready : validity::live;
}

}  // namespace

awaitable<result<validity>> validate(engine_ptr self, std::string id, principal who, call_options call) {
  if (auto admitted = self->admit("validate", id, call); !admitted) co_return admitted.error();
  auto cancellation = co_await asio::this_coro::cancellation_state;
  if (is_cancelled(cancellation)) co_return make_error_code(errc::cancelled);
  auto const state = self->state;
  if (state->is_gone(id)) self->cache->erase(id, disposal_reason::expired);
  if (state->is_gone(id, who)) co_return validity::gone;
  auto const deadline = step_deadline(call, state->options.deadlines.read);
  auto const seen = co_await probe(self, id, std::move(who), deadline);
  if (!seen) co_return state->refuse("validate", seen.error());
  if (*seen != validity::live) co_return seen;
  cancellation = co_await asio::this_coro::cancellation_state;
  if (is_cancelled(cancellation)) co_return make_error_code(errc::cancelled);
  auto const touched = co_await touch_record(state, id, deadline);
  if (!touched) co_return state->refuse("validate", touched.error());
  if (*touched) co_return validity::live;
  self->bury_if_held(id);
  co_return validity::gone;
}

}  // namespace mooring::detail
