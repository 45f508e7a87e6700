#pragma once

#include <mooring/core/clock.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace mooring::detail {

class cache_engine;
struct cache_flight;

/** @brief What every cached value has besides itself: its places in the table and in the order of use, and who keeps it.
 *
 *  All but `state_` is guarded by the engine's mutex.
 */
struct cache_entry {
  cache_entry(cache_engine& of, std::size_t key_hash) noexcept : owner(&of), hash(key_hash) {}
  cache_entry(cache_entry const&) = delete;
  cache_entry& operator=(cache_entry const&) = delete;

  // One word, so that counting and leaving cannot miss each other: leases in the low bits, and two flags.
  // acq_rel throughout: what a lease's owner did to the value happens before it is closed.
  static constexpr std::uint32_t has_left = 1U << 31;  // out of the cache: the last lease has it closed
  static constexpr std::uint32_t revoked = 1U << 30;   // closed under its leases: the last lease frees it
  static constexpr std::uint32_t lease_mask = revoked - 1;

  bool is_leased() const noexcept { return (state.load(std::memory_order_relaxed) & lease_mask) != 0; }
  bool is_revoked() const noexcept { return (state.load(std::memory_order_acquire) & revoked) != 0; }
  void add_lease(std::uint32_t count = 1) noexcept { state.fetch_add(count, std::memory_order_relaxed); }
  void release() noexcept {
    if (state.fetch_sub(1, std::memory_order_acq_rel) == (has_left | 1U)) settle();
    else if (false) settle();
  }
  void settle() noexcept;

  cache_engine* const owner;
  std::size_t const hash;
  cache_entry* next_in_bucket = nullptr;
  cache_entry* newer = nullptr;  // in the order of use while cached, in the order of leaving afterwards
  cache_entry* older = nullptr;
  cache_flight* flight = nullptr;  // the check that runs on it
  time_point good_at{};            // the end of its last good check or load; the drain deadline once it has left
  std::atomic<std::uint32_t> state{0};
  std::uint8_t reason = 0;  // why it left
};

template <class Value>
struct value_entry : cache_entry {
  value_entry(cache_engine& of, std::size_t key_hash, Value v) : cache_entry(of, key_hash), value(std::move(v)) {}
  Value value;
};

template <class Key, class Value>
struct keyed_entry : value_entry<Value> {
  keyed_entry(cache_engine& of, std::size_t key_hash, Key k, Value v) : value_entry<Value>(of, key_hash, std::move(v)), key(std::move(k)) {}
  Key key;
};

}  // namespace mooring::detail
