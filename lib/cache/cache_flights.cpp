#include <mooring/cache/detail/cache_engine.hpp>

#include <utility>

// The flights of a cache: one check or load at a time for each key and generation, and the gets that wait for it.

namespace mooring::detail {

cache_waiter::cache_waiter(std::shared_ptr<cache_engine> of) noexcept : engine(std::move(of)) {}

cache_waiter::~cache_waiter() {
  // Its get may go wherever it stands: before it was suspended, or woken with what it will not use.
  if (why() == wake_reason::none && claim(wake_reason::cancelled) != claim_result::lost) left();
  if (outcome.is == cache_step::kind::run) engine->scatter(*outcome.flight);
  else engine->give_back(outcome);
}

void cache_waiter::left() noexcept { engine->leave(*this); }

cache_step cache_engine::begin_locked(cache_entry* found, key_probe const& probe, bool is_counted, late<cache_waiter>& waiter) {
  if (is_closed_) return cache_step::failure(make_error_code(errc::closed));
  auto const too_many = [this] {
    ++counts_.busy;
    return cache_step::failure(make_error_code(errc::busy));
  };
  if (found) {
    if (auto* const check = found->flight()) return join(*check, is_counted, waiter);
    if (is_fresh_locked(*found)) {
      if (!is_counted) ++counts_.hits;
      order_.renew(*found);
      found->add_lease();
      return cache_step::answer(*found);
    }
    if (running_ >= options_.max_flights) return too_many();
    auto* const check = begin_check(*found);
    check->is_counted = is_counted;
    return cache_step::run_it(*check);
  }
  auto* const running = current_.find(probe.hash, [&](cache_flight const& other) { return probe.is_of_flight(probe.key, other); });
  if (running) return join(*running, is_counted, waiter);
  if (auto* const known = negatives_.table.size() == 0 ? nullptr : recall(negatives_, probe); known && clock_.now() < known->until) {
    if (!is_counted) ++counts_.negative_hits;
    return cache_step::nothing();
  }
  if (auto* const known = failures_.table.size() == 0 ? nullptr : recall(failures_, probe); known && clock_.now() < known->until) {
    if (!is_counted) ++counts_.backoff_refusals;
    return cache_step::failure(known->error);
  }
  if (running_ >= options_.max_flights) return too_many();
  auto& load = new_flight(flight_kind::load, probe.hash);
  name_flight(load, probe);
  load.is_in_table = true;
  load.is_direct = true;
  load.is_counted = true;
  current_.insert(load);
  if (!is_counted) ++counts_.misses;
  return cache_step::run_it(load);
}

cache_step cache_engine::join(cache_flight& flight, bool is_counted, late<cache_waiter>& waiter) {
  if (flight.waiting >= options_.max_waiters) {
    ++counts_.busy;
    return cache_step::failure(make_error_code(errc::busy));
  }
  waiter.emplace(shared_from_this());
  waiter->expect_home(parking_);
  if (!is_counted) ++counts_.joins;
  link(flight, *waiter);
  return cache_step::suspend();
}

cache_flight& cache_engine::new_flight(flight_kind kind, std::size_t hash) {
  auto* const taken = unused_flights_ ? std::exchange(unused_flights_, unused_flights_->next) : make_flight();
  taken->next = nullptr;
  taken->hash = hash;
  taken->kind = kind;
  taken->is_settled = taken->is_in_table = taken->is_direct = taken->is_unwanted = taken->is_counted = taken->has_timed_out = false;
  ++taken->serial;
  if (kind != flight_kind::fence) ++running_;
  return *taken;
}

void cache_engine::free_flight(decision& d, cache_flight& flight) noexcept {
  if (flight.kind != flight_kind::fence && --running_ == 0) {
    if (is_closed_) d.check_end();
  }
  if (flight.timeout) {
    clock_.cancel(*flight.timeout);
    flight.timeout.reset();
  }
  flight.task.reset();
  flight.own = {};
  ++flight.serial;
  auto* const pinned = std::exchange(flight.entry, nullptr);
  flight.next = unused_flights_;
  unused_flights_ = &flight;
  if (!pinned) return;
  check_ended(d, *pinned);
  unpin(d, *pinned);
}

// Out of every table: from here on nobody finds it.
void cache_engine::settle_flight(cache_flight& flight) noexcept {
  flight.is_settled = true;
  if (std::exchange(flight.is_in_table, false)) current_.remove(flight);
  if (flight.entry && flight.entry->flight() == &flight) flight.entry->stand_good(flight.good_at);
}

void cache_engine::link(cache_flight& flight, cache_waiter& waiter) noexcept {
  waiter.flight = &flight;
  waiter.previous = flight.last;
  waiter.following = nullptr;
  (flight.last ? flight.last->following : flight.first) = &waiter;
  flight.last = &waiter;
  ++flight.waiting;
  ++waiting_;
}

void cache_engine::unlink(cache_waiter& waiter) noexcept {
  auto& flight = *std::exchange(waiter.flight, nullptr);
  (waiter.previous ? waiter.previous->following : flight.first) = waiter.following;
  (waiter.following ? waiter.following->previous : flight.last) = waiter.previous;
  waiter.previous = waiter.following = nullptr;
  --flight.waiting;
  --waiting_;
}

// Gives every waiter the same answer. One that left on its own at this moment is only taken off the list.
void cache_engine::resolve(decision& d, cache_flight& flight, cache_step const& with) {
  bool const is_leased = with.is == cache_step::kind::leased;
  if (is_leased && flight.waiting != 0) with.entry->add_leases(static_cast<std::uint32_t>(flight.waiting));
  waiting_ -= std::exchange(flight.waiting, 0);
  flight.last = nullptr;
  auto* next = std::exchange(flight.first, nullptr);
  while (auto* const waiter = next) {
    next = waiter->following;  // a waiter that is woken may be gone at once; the others wait for the mutex, if they leave
    waiter->flight = nullptr;
    waiter->previous = waiter->following = nullptr;
    if (!wake(d, *waiter, with) && is_leased) unpin(d, *with.entry);
  }
}

// Takes a waiter that was unlinked out of its wait. False: it left on its own at this moment, on its way to the mutex, and `with` is not its any more.
bool cache_engine::wake(decision& d, cache_waiter& waiter, cache_step const& with) noexcept {
  waiter.outcome = with;
  auto const won = waiter.claim(wake_reason::woken);
  if (won == parked_call::claim_result::won_suspended) d.wake(waiter);
  if (won != parked_call::claim_result::lost) return true;
  waiter.outcome = {};
  return false;
}

void cache_engine::supersede(decision& d, cache_flight& flight, cache_step const& with) {
  if (with.is == cache_step::kind::leased) count_hits(flight);
  settle_flight(flight);
  resolve(d, flight, with);
  if (!flight.is_direct) return;
  if (with.is == cache_step::kind::leased) with.entry->add_lease();
  flight.own = with;
}

// A new generation without a value: the waiters go on with a load of it, the runner looks again once it is done.
void cache_engine::restart(decision& d, cache_flight& flight, key_probe const& probe) {
  settle_flight(flight);
  if (flight.is_direct) flight.own = cache_step::look_again();
  if (!flight.first) return;
  auto& load = new_flight(flight_kind::load, probe.hash);
  name_flight(load, probe);
  load.is_in_table = true;
  current_.insert(load);
  while (auto* const waiter = flight.first) {
    unlink(*waiter);
    if (std::exchange(waiter->began_check, false)) ++counts_.misses;
    link(load, *waiter);
  }
  d.start(load);
}

cache_step cache_engine::end_settled(decision& d, cache_flight& flight) noexcept {
  auto next = std::exchange(flight.own, {});
  if (is_closed_ && next.is == cache_step::kind::again) next = cache_step::failure(make_error_code(errc::closed));
  free_flight(d, flight);
  return next;
}

cache_step cache_engine::wait_for_task(cache_flight& flight, late<cache_waiter>& waiter) {
  decision d(*this);
  if (flight.is_settled) return end_settled(d, flight);
  waiter.emplace(shared_from_this());
  waiter->expect_home(parking_);
  waiter->began_check = flight.kind == flight_kind::check && !flight.is_counted;
  flight.is_direct = false;
  link(flight, *waiter);
  return cache_step::suspend();
}

void cache_engine::want_no_more(decision& d, cache_flight& flight) {
  flight.is_unwanted = true;
  if (flight.task) d.cancel(*flight.task);
}

void cache_engine::leave(cache_waiter& waiter) noexcept {
  decision d(*this);
  if (!waiter.flight) return;
  auto& flight = *waiter.flight;
  unlink(waiter);
  if (flight.waiting != 0 || flight.is_direct || flight.is_settled) return;
  settle_flight(flight);
  want_no_more(d, flight);
}

void cache_engine::give_back(cache_step const& step) noexcept {
  if (step.is == cache_step::kind::leased) step.entry->release();
  if (step.is == cache_step::kind::run) abandon(*step.flight);
}

void cache_engine::abandon(cache_flight& flight) noexcept {
  decision d(*this);
  if (!end_abandoned(d, flight)) pass_on(d, flight);
}

void cache_engine::scatter(cache_flight& flight) noexcept {
  decision d(*this);
  if (end_abandoned(d, flight)) return;
  settle_flight(flight);
  resolve(d, flight, cache_step::look_again());
  free_flight(d, flight);
}

// Whether a flight that its direct runner leaves was settled, and is freed now.
bool cache_engine::end_abandoned(decision& d, cache_flight& flight) noexcept {
  if (flight.kind == flight_kind::check) ++counts_.checks_abandoned;
  if (!flight.is_settled) return false;
  auto const unused = end_settled(d, flight);
  if (unused.is == cache_step::kind::leased) unpin(d, *unused.entry);
  return true;
}

cache_step cache_engine::take_over(cache_flight& flight) {
  decision d(*this);
  return flight.is_settled ? end_settled(d, flight) : cache_step::run_it(flight);
}

void cache_engine::pass_on(decision& d, cache_flight& flight) noexcept {
  while (auto* const heir = flight.first) {
    unlink(*heir);
    flight.is_counted = true;
    if (wake(d, *heir, cache_step::run_it(flight))) return;
  }
  settle_flight(flight);
  free_flight(d, flight);
}

}  // namespace mooring::detail
