#include "session/tombstones.hpp"

namespace mooring::detail {

void tombstones::drop_oldest() {
  auto const place = until_.find(order_.front().id);
  if (place != until_.end() && place->second.serial == order_.front().serial) until_.erase(place);
  order_.pop_front();
}

void tombstones::add(std::string const& id, time_point now) {
  auto const until = saturating_add(now, ttl_);
  std::lock_guard lock(mutex_);
  while (!order_.empty() && order_.front().until <= now) drop_oldest();
  if (max_entries_ == 0) return;
  auto const [place, is_new] = until_.try_emplace(id);
  auto& known = place->second;
  if (!is_new && known.until == until) return;  // buried twice at one time: one place in the order
  known = {until, ++last_serial_};
  order_.push_back({until, known.serial, id});
  // An id that is buried again and again takes several places in the order, never more than the bound allows.
  while (order_.size() > max_entries_) drop_oldest();
}

bool tombstones::contains(std::string_view id, time_point now) const {
  std::lock_guard lock(mutex_);
  auto const place = until_.find(id);
  return place != until_.end() && now < place->second.until;
}

std::size_t tombstones::size(time_point now) const {
  std::lock_guard lock(mutex_);
  std::size_t live = 0;
  for (auto const& [id, known] : until_) live += now < known.until;
  return live;
}

}  // namespace mooring::detail
