#include "session/cached_session.hpp"

#include <mooring/session/detail/held_session.hpp>
#include <mooring/session/record.hpp>

#include <algorithm>
#include <utility>

namespace mooring::detail {

cached_session::cached_session(std::string own_id, principal who, mooring::revision built_from, metadata stored, std::shared_ptr<void> session,
                               std::optional<time_point> rebuild, open_sessions::place place, sighting seen)
    : id(std::move(own_id)),
      owner(std::move(who)),
      rebuild_at(rebuild.value_or(time_point::max())),
      seen_at_(seen.at),
      seen_under_(seen.epoch),
      place_(std::move(place)),
      built_from_(built_from),
      stored_(std::move(stored)),
      session_(std::move(session)) {}

void cached_session::sit_down(open_sessions& where, std::weak_ptr<cached_session> self) { where.seat(place_, std::move(self)); }

void cached_session::vacate() {
  open_sessions::place left;  // given back outside the lock
  std::lock_guard lock(mutex_);
  left = std::move(place_);
}

bool cached_session::has_place() const {
  std::lock_guard lock(mutex_);
  return place_.is_taken();
}

std::shared_ptr<void> cached_session::session() const {
  std::lock_guard lock(mutex_);
  return session_;
}

bool cached_session::is_built_from(mooring::revision const& stored) const {
  std::lock_guard lock(mutex_);
  return built_from_ == stored;
}

bool cached_session::agrees_with(mooring::revision const& stored, metadata const& value) {
  std::lock_guard lock(mutex_);
  if (stored == built_from_) return true;
  if (value == stored_) {
    built_from_ = stored;
    return true;
  }
  return false;
}

bool cached_session::has_backend(std::string const& backend) const {
  metadata stored;
  {
    std::lock_guard lock(mutex_);
    stored = stored_;
  }
  auto const parts = read_record(stored);
  return parts && std::find(parts->backends.begin(), parts->backends.end(), backend) != parts->backends.end();
}

mooring::revision cached_session::built_from() const {
  std::lock_guard lock(mutex_);
  return built_from_;
}

bool cached_session::is_current(mooring::revision const& stored, metadata const& value) const {
  std::lock_guard lock(mutex_);
  return stored == built_from_ || value == stored_;
}

void cached_session::expect(std::shared_ptr<metadata const> const& next, shared_future<bool> ended) {
  std::lock_guard lock(mutex_);
  expected_.push_back({next, std::move(ended)});
}

void cached_session::expect_no_more(std::shared_ptr<metadata const> const& next) noexcept {
  std::lock_guard lock(mutex_);
  expected_.erase(std::find_if(expected_.begin(), expected_.end(), [&](expected const& one) { return one.next == next; }));
}

std::optional<shared_future<bool>> cached_session::decoration_to(metadata const& value) const {
  std::lock_guard lock(mutex_);
  auto const found = std::find_if(expected_.begin(), expected_.end(), [&](expected const& one) { return *one.next == value; });
  return found == expected_.end() ? std::nullopt : std::optional(found->ended);
}

bool cached_session::decorate(std::shared_ptr<void> const& before, std::shared_ptr<void> after, mooring::revision written, metadata const& next) {
  std::lock_guard lock(mutex_);
  if (!session_ || session_ != before) return false;
  session_ = std::move(after);
  built_from_ = written;
  stored_ = next;
  return true;
}

bool cached_session::decorate(std::shared_ptr<void> const& before, std::shared_ptr<void> after) {
  std::lock_guard lock(mutex_);
  if (!session_ || session_ != before) return false;
  session_ = std::move(after);
  return true;
}

std::shared_ptr<void> cached_session::take_for_closing() {
  std::lock_guard lock(mutex_);
  return std::exchange(session_, nullptr);
}

held_session::held_session(lease<cached_session_ptr> held) : held_(std::move(held)) {
  if (!held_) return;
  session_ = held_.value()->session();
  // Closed between the look-up and here (a drain deadline): nothing is leased.
  if (!session_) held_.release();
  else held_.value()->add_lease();
}

error_code held_session::status() const noexcept { return held_.status(); }

void held_session::release() noexcept {
  if (!session_) return;
  session_.reset();
  held_.value()->drop_lease();
  held_.release();
}

cached_session& held_session::entry() const noexcept { return *held_.value(); }

cached_session_ptr const& held_session::entry_pointer() const noexcept { return held_.value(); }

}  // namespace mooring::detail
