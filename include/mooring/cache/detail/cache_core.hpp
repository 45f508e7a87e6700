#pragma once

#include <mooring/cache/cache_callbacks.hpp>
#include <mooring/cache/cache_key.hpp>
#include <mooring/cache/detail/cache_engine.hpp>
#include <mooring/cache/detail/late.hpp>
#include <mooring/cache/lease.hpp>
#include <mooring/core/awaitable.hpp>
#include <mooring/core/call_options.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace mooring::detail {

/** @brief A step that nobody has followed yet; dropped with its frame it is given back. */
class held_step {
 public:
  explicit held_step(cache_engine& engine) noexcept : engine_(engine) {}
  held_step(held_step const&) = delete;
  held_step& operator=(held_step const&) = delete;
  ~held_step() {
    if (step_.is == cache_step::kind::leased || step_.is == cache_step::kind::run) engine_.give_back(step_);
  }

  void hold(cache_step const& next) noexcept { step_ = next; }
  cache_step::kind is() const noexcept { return step_.is; }
  error_code error() const noexcept { return step_.error; }
  cache_flight& flight() const noexcept { return *step_.flight; }
  cache_entry* take_entry() noexcept {
    step_.is = cache_step::kind::none;
    return step_.entry;
  }

 private:
  cache_engine& engine_;  // touched only while its flight runs
  cache_step step_;
};

/** @brief A flight that a task runs; dropped without an outcome it is lost. */
template <class Core>
class flight_run {
 public:
  flight_run(std::shared_ptr<Core> core, cache_flight& flight) noexcept : core_(std::move(core)), flight_(&flight) {}
  flight_run(flight_run&& other) noexcept : core_(std::move(other.core_)), flight_(std::exchange(other.flight_, nullptr)) {}
  flight_run& operator=(flight_run&&) = delete;
  ~flight_run() {
    if (flight_) core_->lose(*flight_);
  }

  Core& core() const noexcept { return *core_; }
  cache_flight& flight() const noexcept { return *flight_; }
  cache_flight& finish() noexcept { return *std::exchange(flight_, nullptr); }

 private:
  std::shared_ptr<Core> core_;
  cache_flight* flight_;
};

/** @brief The typed part of a cache: looks up, calls back, makes and destroys. All decisions are the engine's. */
template <class Key, class Value, class Hash, class Equal>
class cache_core final : public cache_engine {
 public:
  using entry_type = keyed_entry<Key, Value>;
  using flight_type = keyed_flight<Key>;
  using key_view = cache_key_view<Key, Hash>;
  using view_type = std::remove_cvref_t<key_view>;  // what a key_view is or refers to
  using callbacks_type = cache_callbacks<Key, Value>;
  using load_outcome = result<std::optional<Value>>;
  using step = cache_step;
  using later_verdict = awaitable<result<verdict>>;

  cache_core(executor ex, callbacks_type callbacks, cache_options options)
      : cache_engine(std::move(ex), std::move(options), static_cast<bool>(callbacks.dispose), sizeof(entry_type), entry_offset()),
        callbacks_(std::move(callbacks)) {}

  /** The whole of `get`. `KeyHolder` is `Key`, or what views one. */
  template <class KeyHolder>
  static awaitable<result<lease<Value>>> get(cache_core* self, KeyHolder key, call_options call);

  /** As `get`, without suspending: an entry whose lease is counted; null when only a get can tell. */
  template <class Accepts>
  entry_type* try_get(key_view key, Accepts const& accepts);
  entry_type* peek(key_view key) const;

  /** Stores; null when the cache is closed, or when `allows(found entry or null)` says no: then `value` holds what was to be stored. */
  template <class Allows>
  entry_type* set(Key key, Value& value, bool is_wrapped, Allows const& allows);

  template <class Allows>
  bool erase(key_view key, disposal_reason reason, Allows const& allows);

  cache_flight& watch(key_view key);
  Key const& key_of_watch(cache_flight const& fence) const { return *static_cast<flight_type const&>(fence).key; }
  std::vector<Key> keys() const;

  // For the tasks.
  step end_load(cache_flight& flight, load_outcome outcome);
  load_answer<Value> ask_load(cache_flight const& flight) noexcept;
  check_answer ask_check(cache_entry const& checked) noexcept;

 private:
  friend class flight_run<cache_core>;

  struct remembered final : remembered_key {
    explicit remembered(Key k) : key(std::move(k)) {}
    Key key;
  };

  // A value on its way out. What holds it counts it as ended.
  struct disposal {
    disposal(std::shared_ptr<cache_core> c, Key k, Value v, disposal_reason r)
        : core(std::move(c)), key(std::move(k)), value(std::move(v)), reason(r) {}
    disposal(disposal const&) = delete;
    disposal& operator=(disposal const&) = delete;
    ~disposal() { core->disposal_ended(has_failed); }

    std::shared_ptr<cache_core> core;
    Key key;
    Value value;
    disposal_reason reason;
    bool has_failed = true;
    bool is_last_try = false;
  };

  // A disposal whose task has not begun. If the deadline of `close` cancels that task first, another begins it: a value is never forgotten for that.
  class disposal_start {
   public:
    explicit disposal_start(std::shared_ptr<disposal> what) noexcept : what_(std::move(what)) {}
    disposal_start(disposal_start&& other) noexcept : what_(std::move(other.what_)) {}
    disposal_start& operator=(disposal_start&&) = delete;
    ~disposal_start() {
      if (!what_ || std::exchange(what_->is_last_try, true)) return;
      auto& scope = what_->core->last_disposals_;
      scope.spawn(run_disposal(disposal_start(std::move(what_))));
    }

    std::shared_ptr<disposal> begin() noexcept { return std::move(what_); }

   private:
    std::shared_ptr<disposal> what_;
  };

  static std::size_t hash_of(key_view key) noexcept { return Hash()(key); }
  static bool is_equal(key_view one, Key const& other) noexcept { return Equal()(one, other); }

  template <class Held>
  static key_probe probe_for(Held const& key, std::size_t hash) noexcept {
    return {hash, &key,
            [](void const* k, cache_flight const& f) { return is_equal(*static_cast<Held const*>(k), *static_cast<flight_type const&>(f).key); },
            [](void const* k, remembered_key const& r) { return is_equal(*static_cast<Held const*>(k), static_cast<remembered const&>(r).key); }};
  }

  entry_type* find_locked(key_view key, std::size_t hash) const noexcept {
    return index_.find(hash, [&](entry_pool::handle each) {
      auto* const entry = static_cast<entry_type*>(&pool_.at(each));
      return is_equal(key, entry->key) ? entry : nullptr;
    });
  }

  step begin(key_view key, bool is_counted, late<cache_waiter>& waiter, std::optional<later_verdict>& later);
  step take_back_ask(entry_type& asked, result<verdict> const* answer, key_view key, std::size_t hash, bool is_counted);
  void spawn_load(cache_flight& flight, std::optional<awaitable<load_outcome>> later);
  void spawn_check(executor on, cache_flight& flight, awaitable<result<verdict>> later);

  static awaitable<void> run_load(flight_run<cache_core> run, std::optional<awaitable<load_outcome>> later);
  static awaitable<void> run_check(flight_run<cache_core> run, awaitable<result<verdict>> later);
  static awaitable<void> run_disposal(disposal_start start);

  cache_flight* make_flight() override { return new flight_type; }
  remembered_key* make_remembered(cache_flight const& of) override { return named(new remembered(key_of_watch(of)), of.hash); }
  static remembered_key* named(remembered* made, std::size_t hash) noexcept {
    made->hash = hash;
    return made;
  }
  void name_flight(cache_flight& flight, key_probe const& probe) override {
    auto& key = static_cast<flight_type&>(flight).key;
    auto const& from = *static_cast<view_type const*>(probe.key);
    if constexpr (std::is_same_v<view_type, Key>) key.emplace(from);
    else if (key) key->assign(from);  // keeps its memory
    else key.emplace(from);
  }
  void name_flight(cache_flight& flight, cache_entry const& entry) override {
    static_cast<flight_type&>(flight).key.emplace(static_cast<entry_type const&>(entry).key);
  }
  key_probe probe_of(cache_flight const& flight) const override { return probe_for(key_of_watch(flight), flight.hash); }
  void start_load(cache_flight& flight) override { spawn_load(flight, std::nullopt); }
  void dispose(cache_entry& entry, disposal_reason reason, task_scope& scope) override;
  std::size_t hash_of_entry(cache_entry const& entry) const noexcept override { return hash_of(static_cast<entry_type const&>(entry).key); }
  void* destroy(cache_entry& entry) noexcept override {
    auto* const gone = static_cast<entry_type*>(&entry);
    std::destroy_at(gone);
    return gone;
  }

  // Under the mutex.
  entry_type& make_entry(Key key, Value value) { return *::new (place_for_entry()) entry_type(std::move(key), std::move(value)); }

  // Where the untyped part stands in an entry.
  static std::size_t entry_offset() noexcept {
    static_assert(sizeof(entry_type) <= entry_pool::block_bytes / 8 && alignof(entry_type) <= 16, 
                  "a cache's keys and values are small; keep what is large behind a pointer");
    alignas(entry_type) static std::byte place[sizeof(entry_type)];
    auto* const whole = reinterpret_cast<entry_type*>(place);
    return static_cast<std::size_t>(reinterpret_cast<std::byte*>(static_cast<cache_entry*>(whole)) - place);
  }

  callbacks_type const callbacks_;
};

}  // namespace mooring::detail

#include <mooring/cache/detail/cache_calls_impl.hpp>
#include <mooring/cache/detail/cache_core_impl.hpp>
#include <mooring/cache/detail/cache_get_impl.hpp>
