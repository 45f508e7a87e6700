#pragma once

#include <mooring/cache/detail/cache_core.hpp>

// How cache_core stores and erases.

namespace mooring::detail {

template <class K, class V, class H, class E>
template <class Allows>
auto cache_core<K, V, H, E>::set(K key, V& value, bool is_wrapped, Allows const& allows) -> entry_type* {
  key_view view = key;
  auto const hash = hash_of(view);
  decision d(*this);
  auto* const found = find_locked(view, hash);
  if (is_closed_ || !allows(found)) return nullptr;
  if (found && found->value == value) {
    confirm_locked(d, *found, probe_for<view_type>(view, hash));
    return found;
  }
  auto& made = make_entry(std::move(key), std::move(value));
  key_view named = made.key;
  set_locked(d, found, probe_for<view_type>(named, hash), made, is_wrapped);
  return &made;
}

template <class K, class V, class H, class E>
template <class Allows>
bool cache_core<K, V, H, E>::erase(key_view key, disposal_reason reason, Allows const& allows) {
  auto const hash = hash_of(key);
  decision d(*this);
  auto* const found = find_locked(key, hash);
  if (!allows(found)) return false;
  erase_locked(d, found, probe_for<view_type>(key, hash), reason);
  return found != nullptr;
}

template <class K, class V, class H, class E>
cache_flight& cache_core<K, V, H, E>::watch(key_view key) {
  auto const hash = hash_of(key);
  decision d(*this);
  return watch_locked(probe_for<view_type>(key, hash));
}

template <class K, class V, class H, class E>
std::vector<K> cache_core<K, V, H, E>::keys() const {
  std::vector<K> found;
  std::lock_guard lock(mutex_);
  found.reserve(index_.size());
  for (auto const* each = order_.newest(); each; each = order_.older_than(*each)) found.push_back(static_cast<entry_type const*>(each)->key);
  return found;
}

}  // namespace mooring::detail
