#pragma once

#include <mooring/cache/detail/cheap_count.hpp>
#include <mooring/cache/disposal_reason.hpp>
#include <mooring/core/clock.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace mooring::detail {

class cache_engine;
struct cache_flight;

/** @brief What every cached value has besides itself: its place in the order of use, and who keeps it. Small, because there may be a million.
 *
 *  All but the two atomics is guarded by the engine's mutex. Lives in an `entry_pool`, and by that knows its engine.
 */
struct cache_entry {
  cache_entry() = default;
  cache_entry(cache_entry const&) = delete;
  cache_entry& operator=(cache_entry const&) = delete;

  // One word, so that counting and leaving cannot miss each other: two flags, the checks being asked for an answer at once, and the leases.
  static constexpr std::uint32_t has_left = 1U << 31;  // out of the cache: the last lease has it closed
  static constexpr std::uint32_t revoked = 1U << 30;   // closed under its leases
  static constexpr std::uint32_t one_ask = 1U << 25;
  static constexpr std::uint32_t ask_mask = revoked - one_ask;
  static constexpr std::uint32_t lease_mask = one_ask - 1;

  bool is_leased() const noexcept { return (state.load(std::memory_order_relaxed) & lease_mask) != 0; }
  bool is_revoked() const noexcept { return (state.load(std::memory_order_acquire) & revoked) != 0; }
  bool is_gone() const noexcept { return (state.load(std::memory_order_acquire) & has_left) != 0; }
  bool is_asked() const noexcept { return (state.load(std::memory_order_acquire) & ask_mask) != 0; }
  bool may_be_asked() const noexcept { return (state.load(std::memory_order_relaxed) & ask_mask) != ask_mask; }
  void add_lease() noexcept { add_leases(1); }
  void add_leases(std::uint32_t more) noexcept { count_up(state, more, std::memory_order_relaxed); }

  // acq_rel: what was done under a lease happens before the value is closed.
  void release() noexcept {
    auto const before = count_down(state, 1U, std::memory_order_acq_rel);
    if ((before & has_left) != 0 && (before & lease_mask) == 1) settle();
  }

  // An ask is a lease that the value's close waits for, too. Under the mutex.
  void begin_ask() noexcept { count_up(state, one_ask + 1, std::memory_order_relaxed); }
  // Its lease stays. True: the entry is still cached. Otherwise the engine is to be told.
  bool end_ask() noexcept { return (count_down(state, one_ask, std::memory_order_acq_rel) & has_left) == 0; }

  // How it stands with the entry, in one word, so that an ask may note its moment without the mutex, and never overwrites anything else. While it is cached:
  // the end of its last good check or load, or the check that runs on it, which then knows the moment. Afterwards: its drain deadline. In the end, when
  // nobody leases it: the next one of a list of entries to close or free. By address, since that list is walked without the mutex, which handles need.
  bool is_idle() const noexcept { return (standing.load(std::memory_order_relaxed) & tag_mask) == idle; }
  cache_flight* flight() const noexcept {
    auto const seen = standing.load(std::memory_order_relaxed);
    return (seen & tag_mask) == checked ? reinterpret_cast<cache_flight*>(seen - checked) : nullptr;
  }
  time_point moment() const noexcept { return moment_in(standing.load(std::memory_order_relaxed)); }
  void stand_good(time_point since) noexcept { standing.store(word_of(since, idle), std::memory_order_relaxed); }
  void stand_drained(time_point until) noexcept { standing.store(word_of(until, drained), std::memory_order_relaxed); }
  time_point stand_checked(cache_flight& by) noexcept {
    return moment_in(standing.exchange(reinterpret_cast<std::intptr_t>(&by) + checked, std::memory_order_relaxed));
  }
  void stand_before(cache_entry* next) noexcept { standing.store(reinterpret_cast<std::intptr_t>(next) + listed, std::memory_order_relaxed); }
  cache_entry* next_listed() const noexcept { return reinterpret_cast<cache_entry*>(standing.load(std::memory_order_relaxed) - listed); }

  // A check has answered `alive` at once. A moment that is noted already costs no store: a hot entry is asked more often than the clock ticks.
  void note_good(time_point now) noexcept {
    auto const mine = word_of(now, idle);
    auto seen = standing.load(std::memory_order_relaxed);
    while ((seen & tag_mask) == idle && seen < mine && !standing.compare_exchange_weak(seen, mine, std::memory_order_relaxed)) {
    }
  }

  std::atomic<std::int64_t> standing{0};
  std::atomic<std::uint32_t> state{0};
  std::uint32_t newer = 0;         // handles, in the order of use while cached, in the order of leaving while it drains
  std::uint32_t older = 0;
  std::uint16_t checks = 0;        // flights that check it
  disposal_reason reason = disposal_reason::shutdown;  // why it left
  bool closes_after_check : 1 = false;  // revoked, but a check runs still: its end has it closed
  bool is_disowned : 1 = false;         // left without a disposal: wrapped by its successor, or left behind by a destroyed cache

 private:
  enum tag : std::int64_t { idle, checked, drained, listed, tag_mask = listed };

  // Four steps to a nanosecond: room for the tag, and for 73 years on either side of the clock's zero.
  static std::int64_t word_of(time_point when, tag what) noexcept {
    constexpr std::int64_t furthest = (std::int64_t{1} << 61) - 1;
    return std::clamp(std::int64_t{when.time_since_epoch().count()}, -furthest, furthest) * 4 + what;
  }
  static time_point moment_in(std::int64_t word) noexcept { return time_point(duration((word & ~std::int64_t{tag_mask}) / 4)); }

  // The last lease of a value that left the cache has gone.
  void settle() noexcept;
};

template <class Value>
struct kept_value {
  Value value;
};

// The value first: then what a hit reads of an entry lies side by side.
template <class Value>
struct value_entry : kept_value<Value>, cache_entry {
  explicit value_entry(Value v) : kept_value<Value>{std::move(v)} {}
};

template <class Key, class Value>
struct keyed_entry final : value_entry<Value> {
  keyed_entry(Key k, Value v) : value_entry<Value>(std::move(v)), key(std::move(k)) {}
  Key key;
};

}  // namespace mooring::detail
