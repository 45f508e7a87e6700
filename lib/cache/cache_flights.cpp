#include <mooring/cache/detail/cache_engine.hpp>

#include <algorithm>
#include <utility>

// The flights of a cache: one check or load at a time for each key and generation, and the gets that wait for it.

namespace mooring::detail {

cache_waiter::cache_waiter(std::shared_ptr<cache_engine> of) noexcept : engine(std::move(of)) {}

cache_waiter::~cache_waiter() {
  // Its get may go wherever it stands: before it was suspended, or woken with what it will not use.
  if (claim(wake_reason::cancelled) != claim_result::lost) left();
  engine->give_back(outcome);
}

void cache_waiter::left() noexcept { engine->leave(*this); }

cache_step cache_engine::begin_locked(cache_entry* found, key_probe const& probe, bool is_counted, std::optional<cache_waiter>& waiter) {
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

cache_step cache_engine::take_back_ask_locked(decision& d, cache_entry& asked, result<verdict> const* answer, cache_entry* current, bool is_counted) {
  if (!is_counted) --counts_.hits;
  --counts_.checks_alive;
  if (answer) count_verdict(*answer);
  close_after_check(d, asked);
  if (is_closed_) {
    unpin(d, asked);
    return cache_step::failure(make_error_code(errc::closed));
  }
  if (asked.is_gone() && current) {
    // Put there while the check ran: as good as new.
    if (!is_counted) ++counts_.hits;
    order_.renew(*current);
    current->add_lease();
    unpin(d, asked);
    return cache_step::answer(*current);
  }
  if (asked.is_gone() || !asked.is_idle()) {
    unpin(d, asked);
    return cache_step::look_again();
  }
  if (!answer && running_ >= options_.max_flights) {
    unpin(d, asked);
    ++counts_.busy;
    return cache_step::failure(make_error_code(errc::busy));
  }
  auto* const check = begin_check(asked);
  check->is_counted = is_counted;
  unpin(d, asked);
  return answer ? finish_check_locked(d, *check, *answer) : cache_step::run_it(*check);
}

void cache_engine::drop_ask(cache_entry& asked, result<verdict> const* answer) noexcept {
  decision d(*this);
  --counts_.hits;
  if (!answer || !*answer || **answer != verdict::alive) {
    --counts_.checks_alive;
    ++counts_.checks_abandoned;
  }
  close_after_check(d, asked);
  unpin(d, asked);
}

cache_flight* cache_engine::begin_check(cache_entry& found) {
  auto& check = new_flight(flight_kind::check, 0);  // its hash is needed where it has to stand in a table
  check.entry = &found;
  check.is_direct = true;
  ++found.checks;
  check.good_at = found.stand_checked(check);
  found.add_lease();
  return &check;
}

cache_step cache_engine::join(cache_flight& flight, bool is_counted, std::optional<cache_waiter>& waiter) {
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
  while (auto* const waiter = flight.first) {
    unlink(*waiter);
    if (with.is == cache_step::kind::leased) with.entry->add_lease();
    if (!wake(d, *waiter, with) && with.is == cache_step::kind::leased) unpin(d, *with.entry);
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

// The gets that a check's end or a `set` answers with a cached value, and that were not counted as joins.
std::uint64_t cache_engine::count_hits(cache_flight& flight) noexcept {
  if (flight.kind != flight_kind::check) return 0;
  std::uint64_t hits = flight.is_direct && !std::exchange(flight.is_counted, true) ? 1 : 0;
  for (auto* waiter = flight.first; waiter; waiter = waiter->following) hits += waiter->began_check ? 1 : 0;
  counts_.hits += hits;
  return hits;
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

void cache_engine::count_verdict(result<verdict> const& found) noexcept {
  ++(!found ? counts_.checks_failed : *found == verdict::alive ? counts_.checks_alive : counts_.checks_expired);
}

cache_step cache_engine::finish_check(cache_flight& flight, result<verdict> const& found) {
  std::unique_lock lock(mutex_);
  count_verdict(found);
  bool const is_alive = found && *found == verdict::alive;
  if (is_alive && !flight.is_settled && flight.is_direct && flight.waiting == 0 && flight.entry->flight() == &flight) return end_lone_check(flight);
  decision d(*this, std::move(lock));
  return finish_check_locked(d, flight, found);
}

// The usual end of a check: the value is alive, still cached, and nobody else waited. What `finish_check_locked` would do, without its detours.
cache_step cache_engine::end_lone_check(cache_flight& flight) noexcept {
  auto& entry = *std::exchange(flight.entry, nullptr);  // the flight's lease becomes its runner's
  order_.renew(entry);
  entry.stand_good(notes_moments_ ? std::max(flight.good_at, clock_.recent()) : flight.good_at);
  --entry.checks;
  if (!flight.is_counted) ++counts_.hits;
  --running_;
  ++flight.serial;
  flight.next = std::exchange(unused_flights_, &flight);
  return cache_step::answer(entry);
}

cache_step cache_engine::finish_check_locked(decision& d, cache_flight& flight, result<verdict> const& found) {
  if (flight.is_settled) return end_settled(d, flight);
  bool const is_alive = found && *found == verdict::alive;
  if (found && !is_alive) return expire(d, flight);

  auto& entry = *flight.entry;
  bool const is_stale = !is_alive;
  bool const is_cached = entry.flight() == &flight;
  if (is_stale && (options_.max_stale <= duration::zero() || clock_.now() - flight.good_at > options_.max_stale)) {
    settle_flight(flight);
    resolve(d, flight, cache_step::failure(found.error()));
    free_flight(d, flight);
    return cache_step::failure(found.error());
  }
  // Evicted, and its drain deadline has passed: a lease on it would be revoked from its beginning.
  if (entry.is_revoked()) return expire(d, flight);
  if (is_cached) order_.renew(entry);
  if (is_alive && notes_moments_) flight.good_at = std::max(flight.good_at, clock_.recent());
  auto const hits = count_hits(flight);
  if (is_stale) counts_.stale_hits += hits;
  settle_flight(flight);
  resolve(d, flight, cache_step::answer(entry));
  if (flight.is_direct) {
    check_ended(d, entry);
    flight.entry = nullptr;  // the flight's lease becomes its runner's
  }
  free_flight(d, flight);
  return cache_step::answer(entry);
}

// The flight becomes the load of the same key, with the same waiters and, if it has one, the same runner.
cache_step cache_engine::expire(decision& d, cache_flight& flight) {
  auto& entry = *flight.entry;
  flight.entry = nullptr;
  check_ended(d, entry);
  if (entry.flight() == &flight) {
    name_flight(flight, entry);
    flight.hash = hash_of_entry(entry);
    flight.is_in_table = true;
    current_.insert(flight);
    unpin(d, entry);
    take_out(d, entry, disposal_reason::expired, false);
  } else {
    unpin(d, entry);
  }
  flight.kind = flight_kind::load;
  if (flight.is_direct) {
    if (!std::exchange(flight.is_counted, true)) ++counts_.misses;
    return cache_step::run_it(flight);
  }
  for (auto* waiter = flight.first; waiter; waiter = waiter->following)
    if (std::exchange(waiter->began_check, false)) ++counts_.misses;
  flight.task.reset();
  ++flight.serial;  // its task is another now
  d.start(flight);
  return {};
}

cache_step cache_engine::finish_load(cache_flight& flight, error_code error) {
  decision d(*this);
  return finish_load_locked(d, flight, nullptr, error);
}

cache_step cache_engine::finish_load_locked(decision& d, cache_flight& flight, cache_entry* made, error_code error) {
  if (made) ++counts_.loads_found;
  else if (!error.failed()) ++counts_.loads_empty;
  else if (!flight.has_timed_out) ++(flight.is_unwanted ? counts_.loads_cancelled : counts_.loads_failed);

  if (flight.is_settled) {
    if (made) {
      made->reason = disposal_reason::lost_race;
      ++counts_.disposals[static_cast<std::size_t>(disposal_reason::lost_race)];
      if (has_dispose_) ++disposing_;
      d.close(*made);
    }
    return end_settled(d, flight);
  }
  auto answer = cache_step::nothing();
  if (made) {
    made->add_lease();  // while it is handed out, so that it cannot be its own victim
    make_room(d);
    insert(*made);
    auto const probe = probe_of(flight);
    forget(d, negatives_, probe);
    forget(d, failures_, probe);
    answer = cache_step::answer(*made);
  } else if (error.failed()) {
    remember_failure(d, flight, error);
    answer = cache_step::failure(error);
  } else {
    remember_absence(d, flight);
  }
  settle_flight(flight);
  resolve(d, flight, answer);
  bool const is_direct = flight.is_direct;
  free_flight(d, flight);
  if (made && !is_direct) unpin(d, *made);
  return answer;
}

cache_step cache_engine::wait_for_task(cache_flight& flight, std::optional<cache_waiter>& waiter) {
  decision d(*this);
  if (flight.is_settled) return end_settled(d, flight);
  waiter.emplace(shared_from_this());
  waiter->expect_home(parking_);
  waiter->began_check = flight.kind == flight_kind::check && !flight.is_counted;
  flight.is_direct = false;
  link(flight, *waiter);
  return cache_step::suspend();
}

void cache_engine::attach_task(cache_flight& flight, std::uint64_t serial, task_scope::task task) {
  decision d(*this);
  if (flight.serial != serial) return;  // it has ended already
  if (flight.is_unwanted) return d.cancel(std::move(task));
  flight.task = std::move(task);
  if (flight.kind != flight_kind::load || options_.load_timeout <= duration::zero()) return;
  auto const until = saturating_add(clock_.now(), options_.load_timeout);
  flight.timeout = clock_.schedule(until, home_, [weak = weak_from_this(), &flight, serial] {
    if (auto const self = weak.lock()) self->time_out(flight, serial);
  });
}

void cache_engine::time_out(cache_flight& flight, std::uint64_t serial) {
  decision d(*this);
  if (flight.serial != serial) return;
  if (!flight.is_settled) {
    auto const error = make_error_code(errc::deadline_exceeded);
    ++counts_.loads_failed;
    flight.has_timed_out = true;
    remember_failure(d, flight, error);
    settle_flight(flight);
    resolve(d, flight, cache_step::failure(error));
  }
  want_no_more(d, flight);
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
  if (flight.kind == flight_kind::check) ++counts_.checks_abandoned;
  if (flight.is_settled) {
    auto const unused = end_settled(d, flight);
    if (unused.is == cache_step::kind::leased) unpin(d, *unused.entry);
    return;
  }
  pass_on(d, flight);
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

bool cache_engine::is_wanted(cache_flight const& flight) const noexcept {
  std::lock_guard lock(mutex_);
  return !flight.is_settled;
}

void cache_engine::lose(cache_flight& flight) noexcept {
  decision d(*this);
  if (!flight.has_timed_out) ++(flight.kind == flight_kind::check ? counts_.checks_abandoned : counts_.loads_cancelled);
  if (!flight.is_settled) {
    settle_flight(flight);
    resolve(d, flight, cache_step::failure(make_error_code(errc::closed)));
  }
  free_flight(d, flight);
}

}  // namespace mooring::detail
