#include "session/cancellation.hpp"
#include "session/engine.hpp"
#include "session/in_parallel.hpp"
#include "session/records.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace mooring::detail {
namespace {

// Three rounds in a time to live, so that one may be late; what a round could not touch is tried again long before the next.
constexpr int rounds_per_ttl = 3;
constexpr int retries_per_ttl = 12;
constexpr duration shortest_pause = std::chrono::milliseconds(1);

struct touching_round {
  explicit touching_round(std::vector<cached_session_ptr> found) : sessions(std::move(found)) {}
  std::vector<cached_session_ptr> const sessions;
  std::atomic<std::size_t> untouched{0};  // of those that had to be
};

awaitable<void> touch_if_leased(engine_ptr self, cached_session_ptr session, std::shared_ptr<touching_round> round) {
  auto const state = self->state;
  if (!session->is_leased() || state->is_gone(session->id)) co_return;
  // One that hangs must not let those behind it expire.
  auto const deadline = std::min(state->options.deadlines.write_back, std::max<duration>(state->ttl / retries_per_ttl, shortest_pause));
  ++round->untouched;
  auto const touched = co_await touch_record(state, session->id, deadline);
  if (!touched) co_return;
  --round->untouched;
  // Gone: terminated elsewhere, or at the end of its absolute lifetime. Its leases may finish.
  if (!*touched) self->bury(session->id, disposal_reason::expired);
}

// Whether every leased record was touched.
awaitable<bool> touch_leased(engine_ptr self) {
  auto const state = self->state;
  auto const round = std::make_shared<touching_round>(state->sessions->seated());
  auto step = [self, round](std::size_t i) { return touch_if_leased(self, round->sessions[i], round); };
  co_await in_parallel(state, round->sessions.size(), std::move(step));
  co_return round->untouched == 0;
}

}  // namespace

awaitable<void> touch_regularly(std::weak_ptr<engine> weak) {
  duration pause{};
  {
    auto const self = weak.lock();
    if (!self) co_return;
    pause = self->state->ttl / rounds_per_ttl;
  }
  for (;;) {
    auto const slept = co_await sleep_for(pause);
    if (!slept) co_return;
    auto self = weak.lock();
    if (!self) co_return;
    auto const state = self->state;
    auto const begun = state->clock.now();
    bool const is_whole = co_await touch_leased(std::move(self));
    auto const cancellation = co_await asio::this_coro::cancellation_state;
    if (is_cancelled(cancellation)) co_return;
    auto const span = state->ttl / (is_whole ? rounds_per_ttl : retries_per_ttl);
    pause = std::max<duration>(begun + span - state->clock.now(), shortest_pause);
  }
}

}  // namespace mooring::detail
