#pragma once

#include <mooring/cache/detail/key_table.hpp>
#include <mooring/cache/disposal_reason.hpp>
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
 *  All but `state` is guarded by the engine's mutex.
 */
struct cache_entry : keyed_node {
  cache_entry(cache_engine& of, std::size_t key_hash) noexcept : owner(&of) { hash = key_hash; }
  cache_entry(cache_entry const&) = delete;
  cache_entry& operator=(cache_entry const&) = delete;

  // One word, so that counting and leaving cannot miss each other: leases in the low bits, and two flags.
  static constexpr std::uint32_t has_left = 1U << 31;  // out of the cache: the last lease has it closed
  static constexpr std::uint32_t revoked = 1U << 30;   // closed under its leases
  static constexpr std::uint32_t lease_mask = revoked - 1;

  bool is_leased() const noexcept { return (state.load(std::memory_order_relaxed) & lease_mask) != 0; }
  bool is_revoked() const noexcept { return (state.load(std::memory_order_acquire) & revoked) != 0; }
  void add_lease() noexcept { state.fetch_add(1, std::memory_order_relaxed); }

  // acq_rel: what was done under a lease happens before the value is closed.
  void release() noexcept {
    auto const before = state.fetch_sub(1, std::memory_order_acq_rel);
    if ((before & has_left) != 0 && (before & lease_mask) == 1) settle();
  }

  cache_engine* const owner;
  cache_entry* newer = nullptr;    // in the order of use while cached, in the order of leaving while it drains
  cache_entry* older = nullptr;
  cache_flight* flight = nullptr;  // the check that runs on it, while cached
  time_point moment{};             // while cached: the end of its last good check or load; afterwards: its drain deadline
  std::atomic<std::uint32_t> state{0};
  disposal_reason reason = disposal_reason::shutdown;  // why it left
  bool closes_after_check = false; // revoked, but a check runs still: its end has it closed
  std::uint16_t checks = 0;        // running on it
  bool is_disowned = false;        // left without a disposal: wrapped by its successor, or left behind by a destroyed cache

 private:
  // The last lease of a value that left the cache has gone.
  void settle() noexcept;
};

template <class Value>
struct value_entry : cache_entry {
  value_entry(cache_engine& of, std::size_t key_hash, Value v) : cache_entry(of, key_hash), value(std::move(v)) {}
  Value value;
};

template <class Key, class Value>
struct keyed_entry final : value_entry<Value> {
  keyed_entry(cache_engine& of, std::size_t key_hash, Key k, Value v) : value_entry<Value>(of, key_hash, std::move(v)), key(std::move(k)) {}
  Key key;
};

}  // namespace mooring::detail
