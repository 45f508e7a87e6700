#pragma once

#include <mooring/cache/detail/cache_entry.hpp>
#include <mooring/cache/detail/key_table.hpp>
#include <mooring/cache/detail/parked_call.hpp>
#include <mooring/core/clock.hpp>
#include <mooring/core/error.hpp>
#include <mooring/core/task_scope.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace mooring::detail {

class cache_engine;
struct cache_flight;

/** @brief What a get does next. Whoever drops one of kind `leased` or `run` gives it back to the engine. */
struct cache_step {
  enum class kind : std::uint8_t {
    none,
    leased,  // answer with `entry`, whose lease is counted
    empty,   // answer that there is nothing
    failed,  // answer with `error`
    again,   // look up again: a new generation began
    run,     // run the check or load of `flight`
    wait,    // suspend until a flight is resolved
  };

  static cache_step answer(cache_entry& counted) noexcept { return {kind::leased, &counted, nullptr, {}}; }
  static cache_step nothing() noexcept { return {kind::empty, nullptr, nullptr, {}}; }
  static cache_step failure(error_code why) noexcept { return {kind::failed, nullptr, nullptr, why}; }
  static cache_step look_again() noexcept { return {kind::again, nullptr, nullptr, {}}; }
  static cache_step run_it(cache_flight& which) noexcept { return {kind::run, nullptr, &which, {}}; }
  static cache_step suspend() noexcept { return {kind::wait, nullptr, nullptr, {}}; }

  kind is = kind::none;
  cache_entry* entry = nullptr;
  cache_flight* flight = nullptr;
  error_code error{};
};

/** @brief A get that waits for a flight, in the get's frame. Its links are guarded by the engine's mutex. */
class cache_waiter final : public parked_call {
 public:
  explicit cache_waiter(std::shared_ptr<cache_engine> of) noexcept;
  ~cache_waiter();

  /** Takes what it was woken with. Requires: `why()` says `woken`. */
  cache_step take_outcome() noexcept { return std::exchange(outcome, {}); }

  std::shared_ptr<cache_engine> const engine;
  cache_flight* flight = nullptr;  // while linked
  cache_waiter* previous = nullptr;
  cache_waiter* following = nullptr;
  cache_step outcome;              // set by whoever wakes it, before the claim that says so
  bool began_check = false;        // it counts as a hit, not as a join

 private:
  void left() noexcept override;
};

enum class flight_kind : std::uint8_t {
  check,
  load,
  fence,  // runs nothing: watches for a new generation of its key
};

/** @brief One check or load of one generation of a key, and those who wait for it. Pooled: `serial` tells its uses apart.
 *
 *  Current until a new generation, `close`, its own end or the last waiter's leaving settles it: then it is out of every table, and its outcome nobody's.
 */
struct cache_flight : keyed_node {
  virtual ~cache_flight() = default;

  flight_kind kind = flight_kind::check;
  bool is_settled = false;
  bool is_in_table = false;   // a load, a fence, or the check of an entry that was evicted meanwhile
  bool is_direct = false;     // a get's own coroutine runs it, otherwise a task
  bool is_unwanted = false;   // its task is to be cancelled
  bool is_counted = false;    // its runner's get was counted as hit, miss or join
  bool has_timed_out = false; // and was counted as failed
  cache_entry* entry = nullptr;  // of a check: leased by the flight, so that it is not closed meanwhile
  time_point good_at{};       // of a check: when the entry's last good one ended
  cache_waiter* first = nullptr;
  cache_waiter* last = nullptr;
  std::size_t waiting = 0;
  cache_step own;             // what a direct runner goes on with, once settled
  std::optional<task_scope::task> task;
  std::optional<clock_service::alarm> timeout;
  std::uint64_t serial = 0;
  cache_flight* next = nullptr;  // in the pool, or in a chain of loads to start
};

template <class Key>
struct keyed_flight final : cache_flight {
  std::optional<Key> key;  // set for loads, fences and checks of evicted entries; left in place for reuse
};

/** @brief A key that has no value or whose load failed: remembered for a while, in order of age. */
struct remembered_key : keyed_node {
  virtual ~remembered_key() = default;

  remembered_key* newer = nullptr;
  remembered_key* older = nullptr;
  time_point until{};
  duration pause{};
  error_code error{};
};

/** @brief A key to look for, without its type. */
struct key_probe {
  std::size_t hash;
  void const* key;
  bool (*is_of_flight)(void const* key, cache_flight const& other);
  bool (*is_of_remembered)(void const* key, remembered_key const& other);
};

}  // namespace mooring::detail
