#include "session/tombstones.hpp"

namespace mooring::detail {

void tombstones::drop_oldest() {
  auto const place = until_.find(order_.front().id);
  if (place != until_.end() && place->second == order_.front().until) until_.erase(place);
  order_.pop_front();
}

void tombstones::add(std::string const& id, time_point now) {
  auto const until = saturating_add(now, ttl_);
  std::lock_guard lock(mutex_);
  while (!order_.empty() && order_.front().until <= now) drop_oldest();
  if (max_entries_ == 0) return;
  until_.insert_or_assign(id, until);
  order_.push_back({until, id});
  // An id that is buried again and again takes several places in the order, never more than the bound allows.
  while (order_.size() > max_entries_) drop_oldest();
}

bool tombstones::contains(std::string_view id, time_point now) const {
  std::lock_guard lock(mutex_);
  auto const place = until_.find(id);
  return place != until_.end() && now < place->second;
}

std::size_t tombstones::size(time_point now) const {
  std::lock_guard lock(mutex_);
  std::size_t live = 0;
  for (auto const& [id, until] : until_) live += now < until;
  return live;
}

}  // namespace mooring::detail
