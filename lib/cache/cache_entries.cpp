#include <mooring/cache/detail/cache_engine.hpp>

// The entries of a cache: who is cached in which order, who leaves, and when a value that left is closed.

namespace mooring::detail {

void cache_entry::settle() noexcept { entry_pool::owner_of(*this).settle(*this); }

void cache_engine::settle(cache_entry& entry) noexcept {
  decision d(*this);
  last_lease_gone(d, entry);
}

void cache_engine::last_lease_gone(decision& d, cache_entry& entry) noexcept {
  if (entry.is_disowned || entry.is_revoked()) {
    --alive_;
    d.free(entry);
    return;
  }
  stop_draining(entry);
  --alive_;
  if (has_dispose_) ++disposing_;
  d.close(entry);
}

void cache_engine::stop_draining(cache_entry& entry) noexcept {
  draining_.remove(entry);
  if (--draining_count_ != 0 || !drain_alarm_) return;
  clock_.cancel(*drain_alarm_);
  drain_alarm_.reset();
}

void cache_engine::unpin(decision& d, cache_entry& entry) noexcept {
  auto const before = entry.state.fetch_sub(1, std::memory_order_acq_rel);
  if ((before & cache_entry::has_left) != 0 && (before & cache_entry::lease_mask) == 1) last_lease_gone(d, entry);
}

void* cache_engine::place_for_entry() {
  index_.make_room(options_.capacity_entries, [this](entry_pool::handle each) { return hash_of_entry(pool_.at(each)); });
  return pool_.take();
}

void cache_engine::insert(cache_entry& entry) {
  entry.stand_good(clock_.now());
  index_.insert(hash_of_entry(entry), pool_.of(entry));
  order_.push_newest(entry);
  ++alive_;
}

void cache_engine::make_room(decision& d) {
  while (index_.size() >= options_.capacity_entries) {
    auto* victim = order_.oldest();
    while (victim && victim->is_leased()) victim = order_.newer_than(*victim);
    if (!victim) victim = order_.oldest();
    // Its check goes on and is still the key's flight: eviction is no new generation, and a get must not run a second one beside it.
    if (auto* const check = victim->flight()) {
      name_flight(*check, *victim);
      check->hash = hash_of_entry(*victim);
      check->is_in_table = true;
      current_.insert(*check);
    }
    take_out(d, *victim, disposal_reason::capacity, false);
  }
}

void cache_engine::take_out(decision& d, cache_entry& entry, disposal_reason reason, bool is_disowned) {
  index_.remove(hash_of_entry(entry), pool_.of(entry));
  order_.remove(entry);
  entry.stand_drained(time_point::min());
  entry.reason = reason;
  entry.is_disowned = is_disowned;
  if (!is_disowned) ++counts_.disposals[static_cast<std::size_t>(reason)];
  auto const before = entry.state.fetch_or(cache_entry::has_left, std::memory_order_acq_rel);
  bool const is_leased = (before & cache_entry::lease_mask) != 0;
  if (!is_leased) {
    --alive_;
    if (is_disowned) return d.free(entry);
    if (has_dispose_) ++disposing_;
    return d.close(entry);
  }
  if (is_disowned) return;
  draining_.push_newest(entry);
  ++draining_count_;
  if (is_forced_ || options_.drain_deadline <= duration::zero()) return revoke(d, entry);
  entry.stand_drained(saturating_add(clock_.now(), options_.drain_deadline));
  if (!drain_alarm_) arm_drain();
}

// Of two that leave the oldest is due first, so one alarm serves all.
void cache_engine::arm_drain() {
  auto* first = draining_.oldest();
  auto const now = clock_.now();
  while (first && first->moment() <= now) first = draining_.newer_than(*first);  // those are about to be closed by their last lease
  if (!first) return;
  drain_alarm_ = clock_.schedule(first->moment(), home_, [weak = weak_from_this(), ticket = ++drain_ticket_] {
    if (auto const self = weak.lock()) self->drain(ticket);
  });
}

void cache_engine::drain(std::uint64_t ticket) {
  decision d(*this);
  if (ticket != drain_ticket_ || !drain_alarm_) return;
  drain_alarm_.reset();
  auto const now = clock_.now();
  for (auto* each = draining_.oldest(); each && each->moment() <= now;) {
    auto* const next = draining_.newer_than(*each);
    revoke(d, *each);
    each = next;
  }
  if (draining_count_ != 0) arm_drain();
}

// The leases are revoked at once. The value is closed at once too, unless a check runs on it that may still end in time.
void cache_engine::revoke(decision& d, cache_entry& entry) {
  if (entry.closes_after_check && !is_forced_) return;
  // Without a lease left, whoever gave back the last is on the way to `settle`: it closes the value, not this.
  auto seen = entry.state.load(std::memory_order_acquire);
  do {
    if ((seen & cache_entry::lease_mask) == 0) return;
  } while (!entry.state.compare_exchange_weak(seen, (seen | cache_entry::revoked) + 1, std::memory_order_acq_rel, std::memory_order_acquire));
  entry.closes_after_check = (entry.checks != 0 || (seen & cache_entry::ask_mask) != 0) && !is_forced_;
  if (entry.closes_after_check) {
    entry.state.fetch_sub(1, std::memory_order_relaxed);
    entry.stand_drained(time_point::min());
    return;
  }
  stop_draining(entry);
  if (has_dispose_) ++disposing_;
  d.close_revoked(entry);  // which gives back the one lease more
}

void cache_engine::check_ended(decision& d, cache_entry& entry) {
  --entry.checks;
  close_after_check(d, entry);
}

// The last of the checks and asks closes a value that was revoked under them.
void cache_engine::close_after_check(decision& d, cache_entry& entry) {
  if (!entry.closes_after_check || entry.checks != 0 || entry.is_asked()) return;
  entry.closes_after_check = false;
  stop_draining(entry);
  entry.add_lease();
  if (has_dispose_) ++disposing_;
  d.close_revoked(entry);
}

void cache_engine::begin_generation(decision& d, key_probe const& probe) noexcept {
  forget(d, negatives_, probe);
  forget(d, failures_, probe);
  while (fences_.size() != 0) {
    auto* const fence = fences_.find(probe.hash, [&](cache_flight const& other) { return probe.is_of_flight(probe.key, other); });
    if (!fence) return;
    fences_.remove(*fence);
    fence->is_in_table = false;
    fence->is_settled = true;
  }
}

void cache_engine::set_locked(decision& d, cache_entry* found, key_probe const& probe, cache_entry& made, bool is_wrapped) {
  auto* flight = found ? found->flight() : current_.find(probe.hash, [&](cache_flight const& other) { return probe.is_of_flight(probe.key, other); });
  if (found) take_out(d, *found, disposal_reason::replaced, is_wrapped);
  made.add_lease();
  make_room(d);
  insert(made);
  if (flight) supersede(d, *flight, cache_step::answer(made));
  begin_generation(d, probe);
}

void cache_engine::confirm_locked(decision& d, cache_entry& found, key_probe const& probe) {
  found.add_lease();
  order_.renew(found);
  if (auto* const check = found.flight()) supersede(d, *check, cache_step::answer(found));
  found.stand_good(clock_.now());
  begin_generation(d, probe);
}

void cache_engine::erase_locked(decision& d, cache_entry* found, key_probe const& probe, disposal_reason reason) {
  auto* flight = found ? found->flight() : current_.find(probe.hash, [&](cache_flight const& other) { return probe.is_of_flight(probe.key, other); });
  if (found) take_out(d, *found, reason, false);
  begin_generation(d, probe);
  if (flight) restart(d, *flight, probe);
}

cache_flight& cache_engine::watch_locked(key_probe const& probe) {
  auto& fence = new_flight(flight_kind::fence, probe.hash);
  name_flight(fence, probe);
  if (is_closed_) {
    fence.is_settled = true;
  } else {
    fence.is_in_table = true;
    fences_.insert(fence);
  }
  return fence;
}

void cache_engine::end_watch(cache_flight& fence) noexcept {
  decision d(*this);
  if (fence.is_in_table) fences_.remove(fence);
  free_flight(d, fence);
}

bool cache_engine::is_current(cache_flight const& fence) const noexcept {
  std::lock_guard lock(mutex_);
  return !fence.is_settled;
}

}  // namespace mooring::detail
