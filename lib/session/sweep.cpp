#include "session/engine.hpp"
#include "session/records.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

namespace mooring::detail {
namespace {

// Who asks for a sweep so soon after the last began has that one's outcome: whoever is at a limit could otherwise have the whole cache read at each call.
constexpr duration sweep_pause = std::chrono::seconds(1);

// The keys of one sweep, shared by the coroutines that work on them.
struct sweep_list {
  explicit sweep_list(std::vector<std::string> found) : keys(std::move(found)) {}
  std::vector<std::string> const keys;
  std::atomic<std::size_t> next{0};

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
  bool const was_cached = self->cache->erase_if(id, cached, disposal_reason::expired);
  if (was_cached) list->add(cached);
  if (was_cached && !*read) state->bury(id);
}

awaitable<void> sweep_some(engine_ptr self, std::shared_ptr<sweep_list> list) {
  for (;;) {
    auto const mine = list->next.fetch_add(1);
    if (mine >= list->keys.size()) co_return;
    co_await sweep_session(self, list->keys[mine], list);
  }
}

awaitable<void> sweeping(engine_ptr self, std::shared_ptr<sweep_list> list, [[maybe_unused]] shared_promise<bool> ended) {
  co_await sweep_some(std::move(self), std::move(list));
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
  std::vector<shared_future<bool>> running;
  auto const workers = std::min(state->options.sweep_concurrency, list->keys.size());
  for (std::size_t i = 0; i < workers; ++i) {
    shared_promise<bool> promise;
    running.push_back(promise.get_future());
    state->background.spawn(sweeping(self, list, std::move(promise)));
  }
  // Dropped promises are how they end.
  for (auto const& one : running) {
    auto const ended = co_await one.wait();
    if (!ended && ended.error() == errc::cancelled) break;
  }
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
