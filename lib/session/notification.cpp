#include "session/cancellation.hpp"
#include "session/engine.hpp"
#include "session/operation.hpp"
#include "session/records.hpp"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <utility>

namespace mooring::detail {
namespace {

// One round of reading, changing and writing.
enum class round { done, nothing_to_do, conflict };
struct round_outcome {
  round_outcome(round e = round::conflict, revision w = {}) noexcept : ended(e), written(w) {}
  round ended;
  revision written;
};

awaitable<result<round_outcome>> remove_once(engine_ptr self, std::string id, principal who, std::string backend, duration deadline, std::shared_ptr<operation_base> work) {
  auto const state = self->state;
  // A probe: a chatty backend must not keep an idle session alive.
  auto read = co_await peek_record(state, id, deadline);
  if (!read) co_return read.error();
  if (!*read) {
    self->bury_if_held(id);
    co_return round_outcome(round::nothing_to_do);
  }
  auto found = verify_record(*state, std::move(**read), who);
  if (!found && found.error() == errc::wrong_owner && state->options.hide_owner_mismatch) co_return round_outcome(round::nothing_to_do);
  if (!found) co_return found.error();
  auto& backends = found->parts.backends;
  if (found->parts.state == record_state::placeholder || std::erase(backends, backend) == 0) co_return round_outcome(round::nothing_to_do);
  if (!work->commit()) co_return make_error_code(errc::cancelled);

  auto const written = co_await update_record(state, id, write_record(found->parts), found->at, deadline);
  if (written.is_absent()) {
    self->bury_if_held(id);
    co_return round_outcome(round::nothing_to_do);
  }
  if (!written && written.error() == errc::conflict) co_return round_outcome(round::conflict);
  if (!written) co_return written.error();
  if (found->hints.erase(backend) > 0) {
    auto const kept = co_await write_hints(state, std::move(id), std::move(found->hints), deadline);
    if (!kept) state->log(severity::warning, "the hint of an expired backend could not be dropped: " + kept.error().message());
  }
  co_return round_outcome(round::done, **written);
}

// Drops the session that still has the backend, and what is being restored with it; not one that was rebuilt from the changed record already.
void drop_older(engine& self, std::string const& id, revision written) {
  bool is_rebuilt = false;
  if (auto const known = self.cache->peek(id)) is_rebuilt = known.value()->is_built_from(written);
  if (is_rebuilt) return;
  self.cache->erase(id, disposal_reason::expired);
}

awaitable<result<>> remove_backend(engine_ptr self, std::string id, principal who, std::string backend, duration deadline, std::shared_ptr<operation_base> work) {
  auto const state = self->state;
  for (std::size_t tries = 0;; ++tries) {
    auto const ended = co_await remove_once(self, id, who, backend, deadline, work);
    if (!ended) co_return ended.error();
    if (ended->ended == round::nothing_to_do) co_return result<>();
    if (ended->ended == round::done) {
      drop_older(*self, id, ended->written);
      co_return result<>();
    }
    if (tries == state->options.max_conflict_retries) co_return make_error_code(errc::conflict);
  }
}

awaitable<void> notifying(engine_ptr self, answer<void> caller, std::string id, principal who, std::string backend, call_options call,
                          [[maybe_unused]] outstanding::token counted) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  auto const deadline = step_deadline(call, self->state->options.deadlines.change);
  auto done = co_await remove_backend(self, std::move(id), std::move(who), std::move(backend), deadline, caller.shared());
  if (!done) self->state->refuse("notify_backend_expired", done.error());
  caller.deliver(done);
}

}  // namespace

awaitable<result<>> notify_backend_expired(engine_ptr self, std::string id, principal who, std::string backend, call_options call) {
  if (auto admitted = self->admit("notify_backend_expired", id, call); !admitted) co_return admitted.error();
  auto const cancellation = co_await asio::this_coro::cancellation_state;
  if (is_cancelled(cancellation)) co_return make_error_code(errc::cancelled);
  if (self->state->is_gone(id)) co_return result<>();
  auto const work = std::make_shared<operation<void>>();
  answer<void> caller(work);
  outstanding::token counted(self->state->working);
  self->state->work.spawn(notifying(self, std::move(caller), std::move(id), std::move(who), std::move(backend), call, std::move(counted)));
  co_return co_await operation<void>::join(work);
}

}  // namespace mooring::detail
