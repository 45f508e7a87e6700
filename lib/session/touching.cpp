#include "session/cancellation.hpp"
#include "session/engine.hpp"
#include "session/records.hpp"

namespace mooring::detail {
namespace {

// A failure is left to the next round: twice half a time to live is a whole one.
awaitable<void> touch_leased(engine_ptr self) {
  auto const state = self->state;
  for (auto const& session : state->sessions->seated()) {
    if (!session->is_leased()) continue;
    auto const touched = co_await touch_record(state, session->id, state->options.deadlines.write_back);
    auto const cancellation = co_await asio::this_coro::cancellation_state;
    if (is_cancelled(cancellation)) co_return;
    // Gone: terminated elsewhere, or at the end of its absolute lifetime. Its leases may finish.
    if (touched && !*touched) {
      state->bury(session->id);
      self->cache->erase_if(session->id, session, disposal_reason::expired);
    }
  }
}

}  // namespace

awaitable<void> touch_regularly(std::weak_ptr<engine> weak) {
  for (;;) {
    duration pause{};
    {
      auto const self = weak.lock();
      if (!self) co_return;
      pause = self->state->options.ttl / 2;
    }
    auto const slept = co_await sleep_for(pause);
    if (!slept) co_return;
    auto self = weak.lock();
    if (!self) co_return;
    co_await touch_leased(std::move(self));
    auto const cancellation = co_await asio::this_coro::cancellation_state;
    if (is_cancelled(cancellation)) co_return;
  }
}

}  // namespace mooring::detail
