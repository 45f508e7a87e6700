#pragma once

#include <mooring/core/error.hpp>
#include <mooring/core/log.hpp>
#include <mooring/storage/detail/expiry_heap.hpp>
#include <mooring/storage/detail/expiry_rules.hpp>
#include <mooring/storage/storage.hpp>
#include <mooring/storage/value_traits.hpp>

#include <boost/unordered/unordered_node_map.hpp>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace mooring::detail {

struct id_hash {
  using is_transparent = void;
  using is_avalanching = std::true_type;
  std::size_t operator()(std::string_view id) const noexcept { return std::hash<std::string_view>()(id); }
};

/** Names to `log` what a value threw when it was closed. */
void report_failed_close(log_sink const& log, std::exception_ptr const& failure) noexcept;

/** @brief What a local storage decides, as plain functions of the table, the call and the moment. Each is one step under the mutex.
 *
 *  Ids, values and deadlines were checked by the caller. A moment older than the latest one counts as that.
 */
template <class T>
class local_table {
 public:
  local_table(expiry_rules rules, std::size_t max_entries, log_sink log)
      : rules_(rules), max_entries_(max_entries), log_(std::move(log)) {}

  write_outcome create(std::string id, T value, std::optional<duration> ttl, bool is_fixed, revision fresh, time_point now) {
    record added(stored<T>(fresh, std::move(value), {}), now, rules_.at_creation(now, ttl), is_fixed);
    node leaving;
    bool is_stored_again = false;
    {
      std::lock_guard lock(mutex_);
      if (is_closed_) return errc::closed;
      now = in_order(now);
      if (auto const place = records_.find(id); place != records_.end()) {
        if (!place->second.has_expired(now)) return errc::exists;
        leaving = take(place);
        is_stored_again = is_same_object(leaving.mapped().kept.value, added.kept.value);
      } else if (records_.size() >= max_entries_) {
        auto* const expired = heap_.find_expired(now);
        if (!expired) return errc::storage_full;
        leaving = take(*expired);
      }
      insert(std::move(id), std::move(added));
    }
    if (!is_stored_again) dispose(leaving);
    return write_outcome::written(fresh);
  }

  write_outcome store(std::string id, T value, revision fresh, time_point now) {
    record added(stored<T>(fresh, std::move(value), {}), now, rules_.at_creation(now, std::nullopt), false);
    node leaving;
    bool is_closing = true;
    {
      std::lock_guard lock(mutex_);
      if (is_closed_) return errc::closed;
      now = in_order(now);
      if (auto const place = records_.find(id); place != records_.end()) {
        bool const has_expired = place->second.has_expired(now);
        leaving = take(place);
        is_closing = has_expired && !is_same_object(leaving.mapped().kept.value, added.kept.value);
      } else if (records_.size() >= max_entries_) {
        auto* const expired = heap_.find_expired(now);
        if (!expired) return errc::storage_full;
        leaving = take(*expired);
      }
      insert(std::move(id), std::move(added));
    }
    if (is_closing) dispose(leaving);
    return write_outcome::written(fresh);
  }

  write_outcome update(std::string_view id, T value, std::optional<revision> expected, revision fresh, time_point now) {
    std::lock_guard lock(mutex_);
    if (is_closed_) return errc::closed;
    now = in_order(now);
    auto* const found = find(id, now);
    if (!found) return write_outcome::absent();
    if (expected && found->kept.revision != *expected) return errc::conflict;
    found->kept.revision = fresh;
    std::swap(found->kept.value, value);  // the old value dies with the parameter, after the lock
    found->is_fixed = false;
    slide(*found, now);
    return write_outcome::written(fresh);
  }

  result<bool> update_hints(std::string_view id, hint_map hints, time_point now) {
    std::lock_guard lock(mutex_);
    if (is_closed_) return errc::closed;
    now = in_order(now);
    auto* const found = find(id, now);
    if (!found) return false;
    found->kept.hints.swap(hints);
    slide(*found, now);
    return true;
  }

  enum class reading { sliding, still };

  result<std::optional<stored<T>>> read(std::string_view id, reading how, time_point now) {
    std::lock_guard lock(mutex_);
    if (is_closed_) return errc::closed;
    now = in_order(now);
    auto* const found = find(id, now);
    if (!found) return std::optional<stored<T>>();
    if (how == reading::sliding) slide(*found, now);
    return std::optional<stored<T>>(found->kept);
  }

  result<std::optional<revision>> touch(std::string_view id, time_point now) {
    std::lock_guard lock(mutex_);
    if (is_closed_) return errc::closed;
    now = in_order(now);
    auto* const found = find(id, now);
    if (!found) return std::optional<revision>();
    slide(*found, now);
    return std::optional<revision>(found->kept.revision);
  }

  result<bool> erase(std::string_view id, std::optional<revision> expected, time_point now) {
    node leaving;
    std::lock_guard lock(mutex_);
    if (is_closed_) return errc::closed;
    now = in_order(now);
    auto const place = records_.find(id);
    if (place == records_.end() || place->second.has_expired(now)) return false;
    if (expected && place->second.kept.revision != *expected) return errc::conflict;
    leaving = take(place);
    return true;
  }

  /** Drops one expired record and closes its value. */
  result<bool> drop_one_expired(time_point now) {
    node leaving;
    {
      std::lock_guard lock(mutex_);
      if (is_closed_) return errc::closed;
      now = in_order(now);
      auto* const expired = heap_.find_expired(now);
      if (!expired) return false;
      leaving = take(*expired);
    }
    dispose(leaving);
    return true;
  }

  /** Empties the table for good and closes every value. A later call finds none. */
  void close() {
    auto leaving = clear();
    for (auto& [id, dropped] : leaving) close_value(dropped.kept.value);
  }

  std::size_t size(time_point now) const {
    std::lock_guard lock(mutex_);
    return records_.size() - heap_.count_expired(std::max(latest_, now));
  }

  std::vector<std::string> ids() const {
    std::vector<std::string> found;
    std::lock_guard lock(mutex_);
    found.reserve(records_.size());
    for (auto const& [id, held] : records_) found.push_back(id);
    return found;
  }

  /** Empties the table for good, and gives what was in it. */
  auto clear() {
    map leaving;
    std::lock_guard lock(mutex_);
    is_closed_ = true;
    leaving.swap(records_);
    heap_.clear();
    return leaving;
  }

 private:
  struct record : expiring {
    record(stored<T> s, time_point now, time_point until, bool fixed) : kept(std::move(s)), created(now), is_fixed(fixed) { expires = until; }

    bool has_expired(time_point now) const noexcept { return expires <= now; }

    stored<T> kept;
    time_point created;
    std::string const* id = nullptr;  // the key of its own node
    bool is_fixed;                    // until an update, nothing slides the expiry
  };

  using map = boost::unordered_node_map<std::string, record, id_hash, std::equal_to<>>;
  using node = typename map::node_type;

  // All below: under the mutex, but for dispose and close_value, which never run under it.

  // Callers read the clock before they have the mutex. What one of them was told to be expired stays so for a later one with an older moment.
  time_point in_order(time_point now) noexcept { return latest_ = std::max(latest_, now); }

  record* find(std::string_view id, time_point now) {
    auto const place = records_.find(id);
    return place == records_.end() || place->second.has_expired(now) ? nullptr : &place->second;
  }

  void slide(record& held, time_point now) const noexcept {
    if (!held.is_fixed) held.expires = rules_.slid(held.expires, held.created, now);
  }

  void insert(std::string id, record added) {
    heap_.make_room();
    auto const place = records_.emplace(std::move(id), std::move(added)).first;
    place->second.id = &place->first;
    heap_.push(place->second);
  }

  node take(typename map::iterator place) {
    heap_.remove(place->second);
    return records_.extract(place);
  }

  node take(expiring& expired) { return take(records_.find(*static_cast<record&>(expired).id)); }

  // An object may be stored again in place of its own expired record: it leaves nothing then.
  static bool is_same_object(T const& one, T const& other) noexcept {
    if constexpr (requires { one.get() == other.get(); }) return one.get() == other.get();
    else return false;
  }

  void dispose(node& leaving) const noexcept {
    if (!leaving.empty()) close_value(leaving.mapped().kept.value);
  }

  void close_value(T& value) const noexcept {
    try {
      value_traits<T>::close(value);
    } catch (...) {
      report_failed_close(log_, std::current_exception());
    }
  }

  expiry_rules const rules_;
  std::size_t const max_entries_;
  log_sink const log_;
  mutable std::mutex mutex_;  // guards what follows; leaf: under it run only container operations and copies of T
  map records_;
  expiry_heap heap_;  // every record of records_, and no other
  time_point latest_{};  // the latest moment that anything was decided at
  bool is_closed_ = false;
};

}  // namespace mooring::detail
