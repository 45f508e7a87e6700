#include <mooring/storage/detail/expiry_heap.hpp>

namespace mooring::detail {

void expiry_heap::put(std::size_t place, item moved) noexcept {
  items_[place] = moved;
  moved.node->place = static_cast<std::uint32_t>(place);
}

void expiry_heap::sift_up(std::size_t place, item moved) noexcept {
  while (place > 0) {
    auto const parent = (place - 1) / 2;
    if (items_[parent].noted <= moved.noted) break;
    put(place, items_[parent]);
    place = parent;
  }
  put(place, moved);
}

void expiry_heap::sift_down(std::size_t place, item moved) noexcept {
  for (;;) {
    auto child = 2 * place + 1;
    if (child >= items_.size()) break;
    if (child + 1 < items_.size() && items_[child + 1].noted < items_[child].noted) ++child;
    if (moved.noted <= items_[child].noted) break;
    put(place, items_[child]);
    place = child;
  }
  put(place, moved);
}

void expiry_heap::make_room() {
  if (items_.size() == items_.capacity()) items_.reserve(2 * items_.size() + 16);
}

void expiry_heap::push(expiring& node) {
  items_.push_back(item{node.expires, &node});
  sift_up(items_.size() - 1, items_.back());
}

void expiry_heap::remove(expiring& node) noexcept {
  std::size_t const place = node.place;
  auto const last = items_.back();
  items_.pop_back();
  if (place == items_.size()) return;
  if (last.noted < items_[place].noted) sift_up(place, last);
  else sift_down(place, last);
}

expiring* expiry_heap::find_expired(time_point now) noexcept {
  while (!items_.empty() && items_.front().noted <= now) {
    auto const first = items_.front();
    if (first.node->expires <= now) return first.node;
    sift_down(0, item{first.node->expires, first.node});
  }
  return nullptr;
}

std::size_t expiry_heap::count_expired(time_point now) const {
  // What is due for a look is the top of the heap: no node below one that is not due can be due.
  std::size_t found = 0;
  std::vector<std::size_t> open;
  if (!items_.empty()) open.push_back(0);
  while (!open.empty()) {
    auto const place = open.back();
    open.pop_back();
    if (items_[place].noted > now) continue;
    if (items_[place].node->expires <= now) ++found;
    for (auto child = 2 * place + 1; child <= 2 * place + 2 && child < items_.size(); ++child) open.push_back(child);
  }
  return found;
}

}  // namespace mooring::detail
