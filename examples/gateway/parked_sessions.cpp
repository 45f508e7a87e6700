#include "parked_sessions.hpp"

#include "together.hpp"

#include <mooring/core/task_scope.hpp>

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <utility>

namespace mooring::gateway {

namespace {

constexpr std::size_t most_farewells_at_once = 64;  // at one backend

// Farewells to one backend, said by several tasks.
class farewells {
 public:
  explicit farewells(std::shared_ptr<backend> to) : to_(std::move(to)) {}

  void add(backend_session ended) { ended_.push_back(std::move(ended)); }
  std::size_t size() const { return ended_.size(); }

  static awaitable<void> say(std::shared_ptr<farewells> self, duration deadline) {
    for (auto i = self->next_++; i < self->ended_.size(); i = self->next_++) co_await say_farewell(self->to_, self->ended_[i], deadline);
  }

 private:
  std::shared_ptr<backend> const to_;
  std::vector<backend_session> ended_;  // unchanged while they are said
  std::atomic<std::size_t> next_ = 0;
};

}  // namespace

void parked_sessions::hand_over(std::string const& id, session const* restored) {
  std::lock_guard lock(mutex_);
  parked_.erase(id);
  live_.insert_or_assign(id, restored);
}

void parked_sessions::leave(std::string const& id, session const* closing) {
  std::lock_guard lock(mutex_);
  auto const found = live_.find(id);
  if (found != live_.end() && found->second == closing) live_.erase(found);
}

void parked_sessions::park(std::string id, hint_map hints) {
  std::lock_guard lock(mutex_);
  if (live_.contains(id)) return;
  parked_.insert_or_assign(std::move(id), std::move(hints));
}

std::size_t parked_sessions::size() const {
  std::lock_guard lock(mutex_);
  return parked_.size();
}

std::optional<hint_map> parked_sessions::take(std::string const& id) {
  std::lock_guard lock(mutex_);
  auto const found = parked_.extract(id);
  if (!found) return std::nullopt;
  return found.mapped();
}

std::optional<std::string> parked_sessions::next_after(std::string const& id) const {
  std::lock_guard lock(mutex_);
  auto const next = parked_.upper_bound(id);
  if (next == parked_.end()) return std::nullopt;
  return next->first;
}

awaitable<void> parked_sessions::end(std::vector<hint_map> sessions) {
  // Each backend has tasks of its own, so that one that hangs keeps no farewell from the others.
  std::vector<awaitable<void>> work;
  for (auto const& where : around_->backends) {
    auto const list = std::make_shared<farewells>(where);
    for (auto const& hints : sessions) {
      auto const hint = hints.find(where->name());
      auto ended = hint != hints.end() ? backend_session::from_hint(hint->second) : std::nullopt;
      if (ended) list->add(std::move(*ended));
    }
    auto const tasks = std::min(list->size(), most_farewells_at_once);
    for (std::size_t i = 0; i != tasks; ++i) work.push_back(farewells::say(list, around_->deadlines.farewell));
  }
  auto const ex = co_await asio::this_coro::executor;
  auto const until = saturating_add(clock_of(ex).now(), 2 * around_->deadlines.farewell);
  auto const scope = std::make_shared<task_scope>(around_->home, around_->log);
  auto const all = co_await run_together(scope, std::move(work), until);
  static_cast<void>(all);  // what a backend was not told expires there
  co_await scope->close();
}

awaitable<void> parked_sessions::watch(std::shared_ptr<parked_sessions> self, duration interval) {
  for (;;) {
    auto const slept = co_await sleep_for(interval);
    if (!slept) co_return;
    std::vector<hint_map> over;
    std::string at;
    for (auto next = self->next_after(at); next; next = self->next_after(at)) {
      at = *next;
      auto const record = co_await self->records_->peek(at);
      if (!record || record->has_value()) continue;
      auto hints = self->take(at);
      if (hints) over.push_back(std::move(*hints));
    }
    co_await self->end(std::move(over));
  }
}

awaitable<void> parked_sessions::end_all() {
  std::vector<hint_map> all;
  {
    std::lock_guard lock(mutex_);
    for (auto& [id, hints] : parked_) all.push_back(std::move(hints));
    parked_.clear();
  }
  co_await end(std::move(all));
}

}  // namespace mooring::gateway
