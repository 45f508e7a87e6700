#pragma once

#include <mooring/cache/cache_callbacks.hpp>
#include <mooring/cache/cache_options.hpp>
#include <mooring/cache/cache_statistics.hpp>
#include <mooring/cache/detail/brief_mutex.hpp>
#include <mooring/cache/detail/cache_entry.hpp>
#include <mooring/cache/detail/cache_flight.hpp>
#include <mooring/cache/detail/entry_index.hpp>
#include <mooring/cache/detail/entry_pool.hpp>
#include <mooring/cache/detail/key_table.hpp>
#include <mooring/cache/detail/late.hpp>
#include <mooring/cache/detail/parked_call.hpp>
#include <mooring/cache/detail/shared_event.hpp>
#include <mooring/core/task_scope.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

namespace mooring::detail {

/** @brief The bookkeeping of every cache, without the types of key and value: who is cached, who is asked for, who waits, who leaves.
 *
 *  Members decide under the mutex and leave what has to be done in a `decision`, which does it after the mutex is released: nothing is called back,
 *  completed, spawned or freed under the lock. Lock order: that of a waiting get's ticket (`parked_call`) before this one, this one before those of the clock
 *  and a task scope.
 *
 *  Lives until the cache is gone and the last lease, waiter, task and running check has ended.
 */
class cache_engine : public std::enable_shared_from_this<cache_engine> {
 public:
  /** @param entry_bytes, entry_offset  See `entry_pool`. */
  cache_engine(executor ex, cache_options options, bool has_dispose, std::size_t entry_bytes, std::size_t entry_offset);
  cache_engine(cache_engine const&) = delete;
  cache_engine& operator=(cache_engine const&) = delete;
  virtual ~cache_engine();

  /** The lock, and what is to be done after it. */
  class decision;

  // How a get goes on. Each step is to be followed, or given back.

  /** A check has ended. With a task, the step means nothing. `keep`: set where the step alone keeps nothing of the engine alive. */
  cache_step finish_check(cache_flight& flight, result<verdict> const& found, std::shared_ptr<cache_engine>* keep = nullptr);
  /** A load has ended with nothing, or with an error. */
  cache_step finish_load(cache_flight& flight, error_code error);
  /** A direct run becomes a task's, and its get a waiter; unless it was settled meanwhile. */
  cache_step wait_for_task(cache_flight& flight, late<cache_waiter>& waiter);
  /** The flight's task exists: cancelled if nobody wants it any more, and timed if it loads. */
  void attach_task(cache_flight& flight, std::uint64_t serial, task_scope::task task);
  /** A direct runner leaves: a waiter takes over. */
  void abandon(cache_flight& flight) noexcept;
  /** The waiter that was to take over is there: whether there is something to run still. */
  cache_step take_over(cache_flight& flight);
  /** The waiter that was to take over has gone with its context: the others look again. (Named one after another they could all be of that context.) */
  void scatter(cache_flight& flight) noexcept;
  /** Whether anybody waits for what a task is about to begin. */
  bool is_wanted(cache_flight const& flight) const noexcept;
  /** A task died without an outcome. */
  void lose(cache_flight& flight) noexcept;
  void leave(cache_waiter& waiter) noexcept;
  void give_back(cache_step const& step) noexcept;

  // Entries.

  /** The last lease of an entry that left has gone. */
  void settle(cache_entry& entry) noexcept;
  std::size_t size() const;
  cache_statistics stats() const;
  void disposal_ended(bool has_failed) noexcept;
  void end_watch(cache_flight& fence) noexcept;
  bool is_current(cache_flight const& fence) const noexcept;

  // The end.

  awaitable<void> close(call_options call);
  /** The cache is destroyed: ends waiters, cancels tasks, and lets what is leased live on without a disposal. */
  void desert() noexcept;

 protected:
  // All that end in `_locked` need the decision's lock.

  /** A get begins: `found` is the key's cached entry, if any. `waiter` is made when it has to wait. */
  cache_step begin_locked(cache_entry* found, key_probe const& probe, bool is_counted, late<cache_waiter>& waiter);
  /** Whether the last check counts still. */
  bool is_fresh_locked(cache_entry const& entry) const noexcept {
    return options_.check_interval > duration::zero() && clock_.now() - entry.moment() <= options_.check_interval;
  }

  // A check that answers at once needs no flight: nobody could join it. So, where checks are known to do so, a get asks first, under a lease, and begins a
  // flight only if the check wants to be awaited or does not say `alive`. What the usual answer counts is counted beforehand, under the same lock.

  bool may_ask_locked(cache_entry const& found) const noexcept {
    return found.is_idle() && found.may_be_asked() && (options_.check_interval <= duration::zero() || !is_fresh_locked(found));
  }
  static bool is_alive(result<verdict> const* answer) noexcept { return answer && *answer && **answer == verdict::alive; }
  void begin_ask_locked(cache_entry& found, bool is_counted) noexcept {
    found.begin_ask();
    order_.renew(found);
    if (!is_counted) ++counts_.hits;
    ++counts_.checks_alive;
  }
  /** It is alive. True: the ask's lease answers the get. */
  bool is_answered(cache_entry& asked) noexcept {
    if (!asked.end_ask()) return false;
    if (notes_moments_) asked.note_good(clock_.recent());
    return true;
  }
  /** It is not, or wants to be awaited (`answer` is null), or the entry has left meanwhile; then `current` is what is cached for its key. The ask has ended. */
  cache_step take_back_ask_locked(decision& d, cache_entry& asked, result<verdict> const* answer, cache_entry* current, bool is_counted);
  /** As above, and nobody goes on with it. */
  void drop_ask(cache_entry& asked, result<verdict> const* answer) noexcept;

  /** Room for an entry, and for one more in the index: what fails for lack of memory fails here, before anything has changed. */
  void* place_for_entry();
  /** Caches `made` in the place of `found`, if any, under one more lease; its flights end with it. */
  void set_locked(decision& d, cache_entry* found, key_probe const& probe, cache_entry& made, bool is_wrapped);
  /** As if `found` had been set anew. */
  void confirm_locked(decision& d, cache_entry& found, key_probe const& probe);
  void erase_locked(decision& d, cache_entry* found, key_probe const& probe, disposal_reason reason);
  cache_flight& watch_locked(key_probe const& probe);

  /** A load has ended: with an entry, with nothing, or with an error. */
  cache_step finish_load_locked(decision& d, cache_flight& flight, cache_entry* made, error_code error);

  // What only the typed layer can do. These are called under the lock and touch keys only:

  virtual cache_flight* make_flight() = 0;
  virtual remembered_key* make_remembered(cache_flight const& of) = 0;
  virtual void name_flight(cache_flight& flight, key_probe const& probe) = 0;
  virtual void name_flight(cache_flight& flight, cache_entry const& entry) = 0;

  virtual key_probe probe_of(cache_flight const& flight) const = 0;
  virtual std::size_t hash_of_entry(cache_entry const& entry) const noexcept = 0;

  // And these after it:

  virtual void start_load(cache_flight& flight) = 0;
  /** Calls `dispose` in a task of the scope. Of a revoked entry it copies, of another it takes. */
  virtual void dispose(cache_entry& entry, disposal_reason reason, task_scope& scope) = 0;
  /** Destroys the entry; gives its place. */
  virtual void* destroy(cache_entry& entry) noexcept = 0;

  /** In a handler: what `where` threw, unless it was a cancelled wait. */
  void report_current_exception(char const* where) const noexcept;

  executor const home_;
  cache_options const options_;
  bool const has_dispose_;
  bool const notes_moments_;  // of good checks: where something depends on how old the last one is
  clock_service& clock_;
  task_scope flights_;
  task_scope disposals_;
  task_scope last_disposals_;  // of values that were open still at the deadline of `close`

  std::atomic<bool> answers_at_once_{true};  // whether the last check did: a guess at what the next one will do
  parking_service* const parking_;           // of `home_`

  mutable brief_mutex mutex_;  // guards everything below
  entry_pool pool_;
  entry_index index_;
  entry_order order_{pool_};
  bool is_closed_ = false;   // then nothing is cached
  cache_statistics counts_;  // the counters; the present figures are filled in by `stats`

 private:
  // A bounded memory of keys, apart from the order of use.
  struct key_memory {
    key_table<remembered_key> table;
    age_list<remembered_key> order;
  };

  cache_flight* begin_check(cache_entry& found);
  cache_step finish_check_locked(decision& d, cache_flight& flight, result<verdict> const& found);
  cache_step join(cache_flight& flight, bool is_counted, late<cache_waiter>& waiter);
  cache_flight& new_flight(flight_kind kind, std::size_t hash);
  void free_flight(decision& d, cache_flight& flight) noexcept;
  cache_step end_settled(decision& d, cache_flight& flight) noexcept;
  void settle_flight(cache_flight& flight) noexcept;
  void supersede(decision& d, cache_flight& flight, cache_step const& with);
  std::uint64_t count_hits(cache_flight& flight) noexcept;
  void restart(decision& d, cache_flight& flight, key_probe const& probe);
  bool end_abandoned(decision& d, cache_flight& flight) noexcept;
  void pass_on(decision& d, cache_flight& flight) noexcept;
  bool wake(decision& d, cache_waiter& waiter, cache_step const& with) noexcept;
  cache_step end_lone_check(cache_flight& flight) noexcept;
  void count_verdict(result<verdict> const& found) noexcept;
  void resolve(decision& d, cache_flight& flight, cache_step const& with);
  void link(cache_flight& flight, cache_waiter& waiter) noexcept;
  void unlink(cache_waiter& waiter) noexcept;
  void want_no_more(decision& d, cache_flight& flight);
  void time_out(cache_flight& flight, std::uint64_t serial);
  cache_step expire(decision& d, cache_flight& flight);

  void make_room(decision& d);
  void insert(cache_entry& entry);
  void free(cache_entry& entry) noexcept { pool_.give_back(destroy(entry)); }
  void take_out(decision& d, cache_entry& entry, disposal_reason reason, bool is_disowned);
  void unpin(decision& d, cache_entry& entry) noexcept;
  void last_lease_gone(decision& d, cache_entry& entry) noexcept;
  void revoke(decision& d, cache_entry& entry);
  void check_ended(decision& d, cache_entry& entry);
  void close_after_check(decision& d, cache_entry& entry);
  void stop_draining(cache_entry& entry) noexcept;
  void drain(std::uint64_t ticket);
  void arm_drain();
  void begin_generation(decision& d, key_probe const& probe) noexcept;

  remembered_key* recall(key_memory& memory, key_probe const& probe) const;
  void forget(decision& d, key_memory& memory, key_probe const& probe) noexcept;
  void remember_failure(decision& d, cache_flight const& flight, error_code error);
  void remember_absence(decision& d, cache_flight const& flight);
  void bound(decision& d, key_memory& memory, std::size_t limit) noexcept;

  void refuse_all(decision& d, disposal_reason reason, bool is_disowned);
  void force_close();
  void give_up_closing();
  bool is_idle() const noexcept;

  key_table<cache_flight> current_;  // loads, and checks of evicted entries
  key_table<cache_flight> fences_;
  entry_order draining_{pool_};
  key_memory negatives_;
  key_memory failures_;
  cache_flight* unused_flights_ = nullptr;
  std::size_t running_ = 0;    // flights that have not ended, settled ones included
  std::size_t waiting_ = 0;
  std::size_t draining_count_ = 0;
  std::size_t disposing_ = 0;
  std::size_t alive_ = 0;      // entries that may still call back: cached, or leased
  std::uint64_t drain_ticket_ = 0;
  std::optional<clock_service::alarm> drain_alarm_;
  bool is_forced_ = false;     // the deadline of `close` has passed
  bool is_deserted_ = false;
  bool is_close_done_ = false;
  std::vector<clock_service::alarm> close_alarms_;
  shared_event all_closed_;
  std::shared_ptr<cache_engine> self_;  // after the cache is gone, while an entry or a running check needs this
};

class cache_engine::decision {
 public:
  explicit decision(cache_engine& of) : engine_(of), lock_(of.mutex_) {}
  decision(cache_engine& of, std::unique_lock<brief_mutex> held) noexcept : engine_(of), lock_(std::move(held)) {}
  decision(decision const&) = delete;
  decision& operator=(decision const&) = delete;
  ~decision();

  void wake(cache_waiter& waiter) noexcept { woken_.add(waiter), has_work_ = true; }
  void close(cache_entry& entry) noexcept { chain(closing_, entry); }
  void close_revoked(cache_entry& leased) { revoked_.push_back(&leased), has_work_ = true; }
  void free(cache_entry& entry) noexcept { chain(freed_, entry); }
  void free(remembered_key& key) noexcept { key.next_in_bucket = forgotten_, forgotten_ = &key, has_work_ = true; }
  void start(cache_flight& load) noexcept { load.next = loads_, loads_ = &load, has_work_ = true; }
  void cancel(task_scope::task task) { cancelled_.push_back(std::move(task)), has_work_ = true; }
  void check_end() noexcept { has_work_ = true; }

 private:
  friend class cache_engine;

  cache_engine& engine_;
  std::unique_lock<brief_mutex> lock_;
  bool has_work_ = false;
  wake_list woken_;
  void chain(cache_entry*& first, cache_entry& added) noexcept {
    added.stand_before(first);
    first = &added;
    has_work_ = true;
  }
  static cache_entry* take_first(cache_entry*& first) noexcept { return std::exchange(first, first->next_listed()); }

  cache_entry* closing_ = nullptr;
  cache_entry* freed_ = nullptr;
  keyed_node* forgotten_ = nullptr;
  cache_flight* loads_ = nullptr;
  std::vector<cache_entry*> revoked_;
  std::vector<task_scope::task> cancelled_;
};

}  // namespace mooring::detail
