#include <mooring/cache/detail/cache_engine.hpp>

#include <algorithm>
#include <utility>

// How a check begins, and what follows from its verdict.

namespace mooring::detail {

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
  bool const begins_load = answer && *answer && **answer == verdict::expired;
  if ((!answer || begins_load) && running_ >= options_.max_flights) {
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

// The gets that a check's end or a `set` answers with a cached value, and that were not counted as joins.
std::uint64_t cache_engine::count_hits(cache_flight& flight) noexcept {
  if (flight.kind != flight_kind::check) return 0;
  std::uint64_t hits = flight.is_direct && !std::exchange(flight.is_counted, true) ? 1 : 0;
  for (auto* waiter = flight.first; waiter; waiter = waiter->following) hits += waiter->began_check ? 1 : 0;
  counts_.hits += hits;
  return hits;
}

void cache_engine::count_verdict(result<verdict> const& found) noexcept {
  ++(!found ? counts_.checks_failed : *found == verdict::alive ? counts_.checks_alive : counts_.checks_expired);
}

cache_step cache_engine::finish_check(cache_flight& flight, result<verdict> const& found, std::shared_ptr<cache_engine>* keep) {
  std::unique_lock lock(mutex_);
  if (!found && flight.is_unwanted) ++counts_.checks_abandoned;
  else count_verdict(found);
  bool const is_alive = found && *found == verdict::alive;
  if (is_alive && !flight.is_settled && flight.is_direct && flight.waiting == 0 && flight.entry->flight() == &flight) return end_lone_check(flight);
  if (keep) *keep = shared_from_this();
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

}  // namespace mooring::detail
