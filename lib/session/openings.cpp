#include "session/openings.hpp"

namespace mooring::detail {

std::optional<openings::mark> openings::begin(std::string const& id, principal const& owner, std::shared_ptr<operation_base> work) {
  mark made(shared_from_this(), id);
  std::lock_guard lock(mutex_);
  bool const is_new = running_.try_emplace(id, running{owner, made.ended_.get_future(), std::move(work)}).second;
  if (is_new) return made;
  made.home_ = nullptr;  // it has nothing to end
  return std::nullopt;
}

std::optional<openings::running> openings::find(std::string_view id) const {
  std::lock_guard lock(mutex_);
  auto const place = running_.find(id);
  if (place == running_.end()) return std::nullopt;
  return place->second;
}

std::vector<std::shared_ptr<operation_base>> openings::all() const {
  std::vector<std::shared_ptr<operation_base>> found;
  std::lock_guard lock(mutex_);
  for (auto const& [id, creation] : running_) found.push_back(creation.work);
  return found;
}

std::size_t openings::size() const {
  std::lock_guard lock(mutex_);
  return running_.size();
}

void openings::end(std::string const& id) noexcept {
  decltype(running_)::node_type ended;  // dies outside the lock: it may own the last hold on a lease
  std::lock_guard lock(mutex_);
  ended = running_.extract(id);
}

}  // namespace mooring::detail
