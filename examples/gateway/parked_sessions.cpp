#include "parked_sessions.hpp"

#include <utility>

namespace mooring::gateway {

void parked_sessions::park(std::string id, hint_map hints) {
  std::lock_guard lock(mutex_);
  parked_.insert_or_assign(std::move(id), std::move(hints));
}

void parked_sessions::unpark(std::string const& id) {
  std::lock_guard lock(mutex_);
  parked_.erase(id);
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

awaitable<void> parked_sessions::end(hint_map hints) {
  for (auto const& where : around_->backends) {
    auto const hint = hints.find(where->name());
    auto ended = hint != hints.end() ? backend_session::from_hint(hint->second) : std::nullopt;
    if (ended) co_await say_farewell(where, std::move(*ended), around_->deadlines.farewell);
  }
}

awaitable<void> parked_sessions::watch(std::shared_ptr<parked_sessions> self, duration interval) {
  for (;;) {
    auto const slept = co_await sleep_for(interval);
    if (!slept) co_return;
    std::string at;
    for (auto next = self->next_after(at); next; next = self->next_after(at)) {
      at = *next;
      auto const record = co_await self->records_->peek(at);
      if (!record || record->has_value()) continue;
      auto hints = self->take(at);
      if (hints) co_await self->end(std::move(*hints));
    }
  }
}

awaitable<void> parked_sessions::end_all() {
  for (auto next = next_after(std::string()); next; next = next_after(std::string())) {
    auto hints = take(*next);
    if (hints) co_await end(std::move(*hints));
  }
}

}  // namespace mooring::gateway
