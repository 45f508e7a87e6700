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

awaitable<result<round>> remove_once(engine_ptr self, std::string id, principal who, std::string backend, duration deadline, std::shared_ptr<operation_base> work) {
  auto const state = self->state;
  // A probe: a chatty backend must not keep an idle session alive.
  auto read = co_await peek_record(state, id, deadline);
  if (!read) co_return read.error();
  if (!*read) {
    self->bury_if_held(id);
    co_return round::nothing_to_do;
  }
  auto found = verify_record(*state, std::move(**read), who);
  if (!found && found.error() == errc::wrong_owner && state->options.hide_owner_mismatch) co_return round::nothing_to_do;
  if (!found) co_return found.error();
  auto& backends = found->parts.backends;
  if (found->parts.state == record_state::placeholder || std::erase(backends, backend) == 0) co_return round::nothing_to_do;
  if (!work->commit()) co_return make_error_code(errc::cancelled);

  auto const written = co_await update_record(state, id, write_record(found->parts), found->at, deadline);
  if (written.is_absent()) {
    self->bury_if_held(id);
    co_return round::nothing_to_do;
  }
  if (!written && written.error() == errc::conflict) co_return round::conflict;
  if (!written) co_return written.error();
  if (found->hints.erase(backend) > 0) {
    auto const kept = co_await write_hints(state, id, std::move(found->hints), deadline);
    if (kept && !*kept) self->bury_if_held(id);
    if (!kept) state->log(severity::warning, "the hint of an expired backend could not be dropped: " + kept.error().message());
  }
  co_return round::done;
}

// Drops the session that still has the backend, or what may be restored with it just now; not one that was rebuilt without it already.
void drop_with(engine& self, std::string const& id, std::string const& backend) {
  for (;;) {
    auto const known = self.cache->peek(id);
    if (known && !known.value()->has_backend(backend)) return;
    if (known ? self.cache->erase_if(id, known.value(), disposal_reason::expired) : self.cache->end_flights(id)) return;
  }
}

awaitable<result<>> remove_backend(engine_ptr self, std::string id, principal who, std::string backend, duration deadline, std::shared_ptr<operation_base> work) {
  auto const state = self->state;
  for (std::size_t tries = 0;; ++tries) {
    auto const ended = co_await remove_once(self, id, who, backend, deadline, work);
    if (!ended) co_return ended.error();
    if (*ended == round::nothing_to_do) co_return result<>();
    if (*ended == round::done) {
      drop_with(*self, id, backend);
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
