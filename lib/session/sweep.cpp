#include "session/engine.hpp"
#include "session/in_parallel.hpp"
#include "session/records.hpp"

#include <boost/asio/this_coro.hpp>

#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

namespace mooring::detail {
namespace {

// Who asks for a sweep so soon after the last began has that one's outcome: whoever is at a limit could otherwise have the whole cache read at each call.
constexpr duration sweep_pause = std::chrono::seconds(1);

// One sweep, shared by the coroutines that work on it.
struct sweep_list {
  explicit sweep_list(std::vector<std::string> found) : keys(std::move(found)) {}
  std::vector<std::string> const keys;

  void add(cached_session_ptr const& swept) {
    std::lock_guard lock(mutex_);
    swept_.push_back(swept);
  }
  swept_sessions swept() const {
    std::lock_guard lock(mutex_);
    return std::make_shared<std::vector<std::weak_ptr<cached_session>> const>(swept_);
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::weak_ptr<cached_session>> swept_;
};

awaitable<void> sweep_session(engine_ptr self, std::string id, std::shared_ptr<sweep_list> list) {
  auto const state = self->state;
  cached_session_ptr cached;
  if (auto const known = self->cache->peek(id)) cached = known.value();
  if (!cached) co_return;
  auto const built_from_before = cached->built_from();
  auto const read = co_await peek_record(state, id, state->options.deadlines.read);
  if (!read) co_return;  // not known: it stays, and its next get or sweep tells
  if (*read && (cached->agrees_with((*read)->revision, (*read)->value) || cached->decoration_to((*read)->value))) co_return;
  if (*read && cached->built_from() != built_from_before) co_return;  // what was read may be older than the session
  if (!*read) state->bury(id);  // also where it has left the cache meanwhile
  if (self->cache->erase_if(id, cached, disposal_reason::expired)) list->add(cached);
}

awaitable<void> sweep_for_all(engine_ptr self, shared_promise<swept_sessions> ended) {
  auto swept = co_await sweep_once(std::move(self));
  ended.complete(std::move(swept));
}

// A tenth more or less, so that replicas that started together do not sweep together.
duration jittered(duration interval, entropy_service& source) {
  std::uint64_t drawn = 0;
  if (!source.fill(std::as_writable_bytes(std::span(&drawn, 1)))) return interval;
  auto const tenth = interval / 10;
  if (tenth <= duration::zero()) return interval;
  return interval - tenth + duration(static_cast<std::int64_t>(drawn % static_cast<std::uint64_t>(2 * tenth.count())));
}

}  // namespace

awaitable<swept_sessions> sweep_once(engine_ptr self) {
  auto const state = self->state;
  auto const list = std::make_shared<sweep_list>(self->cache->keys());
  auto step = [self, list](std::size_t i) { return sweep_session(self, list->keys[i], list); };
  co_await in_parallel(state, list->keys.size(), std::move(step));
  co_return list->swept();
}

awaitable<swept_sessions> sweep_shared(engine_ptr self, duration patience) {
  std::optional<shared_promise<swept_sessions>> fresh;
  shared_future<swept_sessions> running;
  {
    std::lock_guard lock(self->sweep_mutex);
    auto const now = self->state->clock.now();
    if (self->sweep.is_ready() && now >= self->sweep_again_at) {
      fresh.emplace();
      self->sweep = fresh->get_future();
      self->sweep_again_at = saturating_add(now, sweep_pause);
    }
    running = self->sweep;
  }
  if (fresh) self->state->background.spawn(sweep_for_all(self, std::move(*fresh)));
  auto const joined = co_await running.wait(call_options{patience});
  if (joined) co_return *joined;
  co_return std::make_shared<std::vector<std::weak_ptr<cached_session>> const>();
}

awaitable<void> sweep_regularly(std::weak_ptr<engine> weak) {
  auto const ex = co_await asio::this_coro::executor;
  for (;;) {
    duration pause{};
    {
      auto const self = weak.lock();
      if (!self) co_return;
      auto const& state = *self->state;
      pause = jittered(state.options.sweep_interval.value_or(state.ttl / 2), entropy_of(ex));
    }
    auto const slept = co_await sleep_for(pause);
    if (!slept) co_return;
    auto self = weak.lock();
    if (!self) co_return;
    auto const swept = co_await sweep_once(std::move(self));
    static_cast<void>(swept);
    auto const cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none) co_return;
  }
}

}  // namespace mooring::detail
