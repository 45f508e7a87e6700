#include <mooring/cache/detail/cache_engine.hpp>

#include "cache/parking_service.hpp"
#include "core/report.hpp"

#include <boost/asio/execution.hpp>
#include <boost/asio/query.hpp>

#include <exception>
#include <utility>

namespace mooring::detail {

cache_engine::cache_engine(executor ex, cache_options options, bool has_dispose, std::size_t entry_bytes, std::size_t entry_offset)
    : home_(ex),
      options_(std::move(options)),
      has_dispose_(has_dispose),
      notes_moments_(options_.check_interval > duration::zero() || options_.max_stale > duration::zero()),
      clock_(clock_of(home_)),
      flights_(ex, options_.log),
      disposals_(ex, options_.log),
      last_disposals_(ex, options_.log),
      parking_(&asio::use_service<parking_service>(asio::query(home_, asio::execution::context))),
      pool_(*this, entry_bytes, entry_offset) {}

cache_engine::~cache_engine() {
  while (unused_flights_) delete std::exchange(unused_flights_, unused_flights_->next);
  for (auto* memory : {&negatives_, &failures_})
    while (auto* const each = memory->order.oldest()) {
      memory->order.remove(*each);
      delete each;
    }
}

void cache_engine::report_current_exception(char const* where) const noexcept { report_thrown(options_.log, where, std::current_exception()); }

cache_engine::decision::~decision() {
  if (!has_work_) return;
  auto& engine = engine_;
  std::shared_ptr<cache_engine> alive = engine.weak_from_this().lock();
  if (engine.is_deserted_ && engine.alive_ == 0 && engine.running_ == 0) engine.self_.reset();
  auto const closes = engine.is_closed_ && !engine.is_close_done_ && engine.is_idle();
  std::vector<clock_service::alarm> alarms;
  if (closes) {
    engine.is_close_done_ = true;
    alarms.swap(engine.close_alarms_);
  }
  // A value that is closed because the deadline of `close` has passed must not be cancelled with those that hung before.
  auto& scope = engine.is_forced_ ? engine.last_disposals_ : engine.disposals_;
  lock_.unlock();

  for (auto const& task : cancelled_) task.cancel();
  woken_.post();
  while (loads_) {
    auto& load = *std::exchange(loads_, loads_->next);
    load.next = nullptr;
    engine.start_load(load);
  }
  for (auto* const each : revoked_) {
    if (engine.has_dispose_) engine.dispose(*each, each->reason, scope);
    each->release();
  }
  while (closing_) {
    auto& each = *take_first(closing_);
    if (engine.has_dispose_) engine.dispose(each, each.reason, scope);
    engine.free(each);
  }
  while (freed_) engine.free(*take_first(freed_));
  while (forgotten_) delete static_cast<remembered_key*>(std::exchange(forgotten_, forgotten_->next_in_bucket));
  for (auto const& alarm : alarms) engine.clock_.cancel(alarm);
  if (closes) engine.all_closed_.set();
}

std::size_t cache_engine::size() const {
  std::lock_guard lock(mutex_);
  return index_.size();
}

cache_statistics cache_engine::stats() const {
  std::lock_guard lock(mutex_);
  auto now = counts_;
  now.size = index_.size();
  now.flights = running_;
  now.waiters = waiting_;
  now.draining = draining_count_;
  now.disposing = disposing_;
  now.negatives = negatives_.table.size() + failures_.table.size();
  return now;
}

void cache_engine::disposal_ended(bool has_failed) noexcept {
  decision d(*this);
  if (has_failed) ++counts_.dispose_failures;
  --disposing_;
  d.check_end();
}

// Memory of keys without a value, and of failures.

remembered_key* cache_engine::recall(key_memory& memory, key_probe const& probe) const {
  return memory.table.find(probe.hash, [&](remembered_key const& other) { return probe.is_of_remembered(probe.key, other); });
}

void cache_engine::forget(decision& d, key_memory& memory, key_probe const& probe) noexcept {
  auto* const found = memory.table.size() == 0 ? nullptr : recall(memory, probe);
  if (!found) return;
  memory.table.remove(*found);
  memory.order.remove(*found);
  d.free(*found);
}

void cache_engine::bound(decision& d, key_memory& memory, std::size_t limit) noexcept {
  while (memory.table.size() > limit) {
    auto& oldest = *memory.order.oldest();
    memory.table.remove(oldest);
    memory.order.remove(oldest);
    d.free(oldest);
  }
}

void cache_engine::remember_absence(decision& d, cache_flight const& flight) {
  auto const probe = probe_of(flight);
  forget(d, failures_, probe);
  forget(d, negatives_, probe);
  if (options_.negative_ttl <= duration::zero() || options_.negative_entries == 0) return;
  auto& added = *make_remembered(flight);
  added.until = saturating_add(clock_.now(), options_.negative_ttl);
  negatives_.table.insert(added);
  negatives_.order.push_newest(added);
  bound(d, negatives_, options_.negative_entries);
}

void cache_engine::remember_failure(decision& d, cache_flight const& flight, error_code error) {
  if (options_.failure_backoff <= duration::zero() || options_.negative_entries == 0) return;
  auto const probe = probe_of(flight);
  auto* known = recall(failures_, probe);
  if (known) {
    known->pause = known->pause > options_.failure_backoff_limit / 2 ? options_.failure_backoff_limit : known->pause * 2;
    failures_.order.renew(*known);
  } else {
    known = make_remembered(flight);
    known->pause = options_.failure_backoff;
    failures_.table.insert(*known);
    failures_.order.push_newest(*known);
  }
  known->error = error;
  known->until = saturating_add(clock_.now(), known->pause);
  bound(d, failures_, options_.negative_entries);
}

}  // namespace mooring::detail
