#include "session/open_sessions.hpp"

namespace mooring::detail {
namespace {

// Issuer and subject hold no NUL, so the pair can be told from its text.
std::string key_of(principal const& owner) { return std::string(owner.issuer()) + '\0' + std::string(owner.subject()); }

}  // namespace

open_sessions::place open_sessions::take_locked(std::string key) {
  place taken;
  taken.home_ = shared_from_this();
  taken.number_ = ++last_number_;
  sessions_.emplace(taken.number_, std::weak_ptr<cached_session>());
  ++of_principal_[key];
  taken.key_ = std::move(key);
  return taken;
}

std::optional<open_sessions::place> open_sessions::take(principal const& owner) {
  auto key = key_of(owner);
  std::lock_guard lock(mutex_);
  if (sessions_.size() >= max_sessions_) return std::nullopt;
  if (max_per_principal_) {
    auto const own = of_principal_.find(key);
    if ((own == of_principal_.end() ? 0 : own->second) >= *max_per_principal_) return std::nullopt;
  }
  return take_locked(std::move(key));
}

open_sessions::place open_sessions::take_unlimited(principal const& owner) {
  auto key = key_of(owner);
  std::lock_guard lock(mutex_);
  return take_locked(std::move(key));
}

void open_sessions::seat(place const& taken, std::weak_ptr<cached_session> session) {
  std::lock_guard lock(mutex_);
  sessions_[taken.number_] = std::move(session);
}

std::vector<std::shared_ptr<cached_session>> open_sessions::seated() const {
  std::vector<std::shared_ptr<cached_session>> found;
  std::lock_guard lock(mutex_);
  for (auto const& [number, weak] : sessions_)
    if (auto session = weak.lock()) found.push_back(std::move(session));
  return found;
}

std::size_t open_sessions::size() const {
  std::lock_guard lock(mutex_);
  return sessions_.size();
}

shared_future<bool> open_sessions::next_departure() {
  std::lock_guard lock(mutex_);
  if (!departure_) departure_.emplace();
  return departure_->get_future();
}

void open_sessions::give_back(std::uint64_t number, std::string const& key) noexcept {
  std::optional<shared_promise<bool>> departed;  // dropped outside the lock, which is how it ends
  std::lock_guard lock(mutex_);
  departed.swap(departure_);
  sessions_.erase(number);
  auto const own = of_principal_.find(key);
  if (own != of_principal_.end() && --own->second == 0) of_principal_.erase(own);
}

}  // namespace mooring::detail
