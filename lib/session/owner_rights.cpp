#include "session/owner_rights.hpp"

namespace mooring::detail {

void owner_rights::grant(std::string const& id, principal const& owner) {
  std::lock_guard lock(mutex_);
  auto& known = holders_[id];
  known.owner = owner;
  ++known.count;
}

void owner_rights::withdraw(std::string const& id) noexcept {
  std::lock_guard lock(mutex_);
  auto const place = holders_.find(id);
  if (--place->second.count == 0) holders_.erase(place);
}

std::optional<principal> owner_rights::find(std::string_view id) const {
  std::lock_guard lock(mutex_);
  auto const place = holders_.find(id);
  if (place == holders_.end()) return std::nullopt;
  return place->second.owner;
}

}  // namespace mooring::detail
