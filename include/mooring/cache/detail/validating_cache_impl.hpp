#pragma once

#include <mooring/cache/validating_cache.hpp>

#include <functional>

// The bodies of validating_cache.

namespace mooring {

template <class K, class V, class H, class E>
result<std::unique_ptr<validating_cache<K, V, H, E>>> validating_cache<K, V, H, E>::make(executor ex, callbacks_type callbacks, cache_options options,
                                                                                       std::string* why) {
  std::string broken = !callbacks.load ? "load is empty: a cache needs a load function"
                       : !callbacks.check ? "check is empty: a cache needs a check function"
                                          : explain(options);
  bool const is_refused = !broken.empty();
  if (why) *why = std::move(broken);
  if (is_refused) return make_error_code(errc::invalid_argument);
  auto made = std::make_shared<core>(std::move(ex), std::move(callbacks), std::move(options));
  return std::unique_ptr<validating_cache>(new validating_cache(std::move(made)));
}

template <class K, class V, class H, class E>
validating_cache<K, V, H, E>::~validating_cache() {
  core_->desert();
}

template <class K, class V, class H, class E>
auto validating_cache<K, V, H, E>::get(K key, call_options call) -> awaitable<result<lease_type>> {
  return core::get(core_.get(), std::move(key), call);
}

template <class K, class V, class H, class E>
auto validating_cache<K, V, H, E>::get_borrowed(key_view key, call_options call) -> awaitable<result<lease_type>> {
  if constexpr (std::is_reference_v<key_view>) return core::get(core_.get(), std::cref(key), call);
  else return core::get(core_.get(), key, call);
}

template <class K, class V, class H, class E>
try_get_outcome<V> validating_cache<K, V, H, E>::try_get(key_view key) {
  return try_get_if(key, [](V const&) { return true; });
}

template <class K, class V, class H, class E>
template <class Accepts>
try_get_outcome<V> validating_cache<K, V, H, E>::try_get_if(key_view key, Accepts const& accepts) {
  lease_type found(core_->try_get(key, accepts));
  auto const status = found ? try_get_status::hit : try_get_status::needs_get;
  return {status, std::move(found)};
}

template <class K, class V, class H, class E>
lease<V> validating_cache<K, V, H, E>::peek(key_view key) const {
  return lease_type(core_->peek(key));
}

template <class K, class V, class H, class E>
result<lease<V>> validating_cache<K, V, H, E>::set(K key, V value, old_value old) {
  lease_type stored(core_->set(std::move(key), value, old == old_value::wrapped, [](auto const*) { return true; }));
  if (!stored) return make_error_code(errc::closed);
  return stored;
}

template <class K, class V, class H, class E>
set_outcome<V> validating_cache<K, V, H, E>::set_if(K key, V const& expected, V next, old_value old) {
  auto const is_expected = [&](auto const* found) { return found && found->value == expected; };
  lease_type stored(core_->set(std::move(key), next, old == old_value::wrapped, is_expected));
  if (stored) return set_outcome<V>(std::move(stored));
  return set_outcome<V>(std::move(next));
}

template <class K, class V, class H, class E>
set_outcome<V> validating_cache<K, V, H, E>::set_if(generation const& unchanged, V next, old_value old) {
  if (unchanged.core_ != core_ || !unchanged.fence_) return set_outcome<V>(std::move(next));
  auto const is_current = [&](auto const*) { return !unchanged.fence_->is_settled; };
  lease_type stored(core_->set(core_->key_of_watch(*unchanged.fence_), next, old == old_value::wrapped, is_current));
  if (stored) return set_outcome<V>(std::move(stored));
  return set_outcome<V>(std::move(next));
}

template <class K, class V, class H, class E>
auto validating_cache<K, V, H, E>::begin(K key) -> generation {
  return generation(core_, core_->watch(key));
}

template <class K, class V, class H, class E>
bool validating_cache<K, V, H, E>::erase(key_view key, disposal_reason reason) {
  return core_->erase(key, reason, [](auto const*) { return true; });
}

template <class K, class V, class H, class E>
bool validating_cache<K, V, H, E>::erase_if(key_view key, V const& expected, disposal_reason reason) {
  return core_->erase(key, reason, [&](auto const* found) { return found && found->value == expected; });
}

template <class K, class V, class H, class E>
bool validating_cache<K, V, H, E>::end_flights(key_view key) {
  bool is_absent = false;
  core_->erase(key, disposal_reason::terminated, [&](auto const* found) { return is_absent = !found; });
  return is_absent;
}

template <class K, class V, class H, class E>
std::vector<K> validating_cache<K, V, H, E>::keys() const {
  return core_->keys();
}

template <class K, class V, class H, class E>
std::size_t validating_cache<K, V, H, E>::size() const {
  return core_->size();
}

template <class K, class V, class H, class E>
cache_statistics validating_cache<K, V, H, E>::stats() const {
  return core_->stats();
}

template <class K, class V, class H, class E>
awaitable<void> validating_cache<K, V, H, E>::close(call_options call) {
  return core_->close(call);
}

}  // namespace mooring
