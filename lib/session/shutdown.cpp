#include "session/engine.hpp"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>

namespace mooring::detail {
namespace {

// At least this much of the deadline is left to who is told late; not zero, which would not wait at all.
constexpr duration shortest_wait = std::chrono::milliseconds(1);

// How long what was cancelled at the deadline, or lost its storage, may take to close what it has made.
constexpr duration closing_grace = std::chrono::seconds(1);

duration remaining(manager_state const& state, time_point until) { return std::max<duration>(until - state.clock.now(), shortest_wait); }

// A task of its own, so that a storage that hangs or throws holds up no shutdown.
awaitable<void> closing_storage(state_ptr state, [[maybe_unused]] shared_promise<bool> ended) { co_await state->store->close(); }

// C15: new work is refused already; cancel, let operations end, drain the cache, join, close the storage.
awaitable<void> shutting_down(engine_ptr self, time_point until) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  auto const state = self->state;
  co_await state->background.close();
  for (auto const& creation : state->creations->all()) creation->stop();
  auto const left = remaining(*state, until);
  co_await self->cache->close(call_options{left});
  auto const all_ended = state->working.idle();
  auto const idle = co_await all_ended.wait(call_options{remaining(*state, until)});
  if (!idle) state->log(severity::warning, "shutdown: the deadline passed before all sessions were closed");
  state->calls.cancel();
  state->work.cancel();
  if (state->options.closes_storage) {
    shared_promise<bool> promise;
    auto const storage_closed = promise.get_future();
    state->last.spawn(closing_storage(state, std::move(promise)));
    auto const closed = co_await storage_closed.wait(call_options{std::max(remaining(*state, until), closing_grace)});
    if (!closed && closed.error() == errc::deadline_exceeded) state->log(severity::warning, "shutdown: the storage does not close");
  }
  // Also what was admitted before the first step and began behind the last.
  auto const ended_late = state->working.idle();
  auto const late = co_await ended_late.wait(call_options{closing_grace});
  static_cast<void>(late);  // what ignores its cancellation is not waited for
  self->shutdown_ended.complete(true);
}

}  // namespace

awaitable<void> shutdown(engine_ptr self, call_options call) {
  auto const state = self->state;
  auto const until = saturating_add(state->clock.now(), call.deadline.value_or(state->options.deadlines.shutdown));
  auto const ended = self->shutdown_ended.get_future();
  state->is_closing.store(true, std::memory_order_release);
  if (!self->has_shutdown_begun.exchange(true)) state->last.spawn(shutting_down(self, until));
  auto const waited = co_await ended.wait();
  static_cast<void>(waited);  // a caller that was cancelled leaves; the shutdown goes on
}

void abandon(engine& self) noexcept {
  auto const& state = self.state;
  state->is_closing.store(true, std::memory_order_release);
  state->background.cancel();
  state->calls.cancel();
  state->work.cancel();
}

}  // namespace mooring::detail
