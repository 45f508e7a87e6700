#include <mooring/cache/detail/cache_engine.hpp>

#include <utility>

// How a load ends: with its outcome, by its timeout, or lost with its task.

namespace mooring::detail {

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
    if (error != errc::busy) remember_failure(d, flight, error);  // that is about the moment, not about the key
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

bool cache_engine::is_wanted(cache_flight const& flight) const noexcept {
  std::lock_guard lock(mutex_);
  return !flight.is_settled;
}

void cache_engine::lose(cache_flight& flight) noexcept {
  decision d(*this);
  if (!flight.has_timed_out) ++(flight.kind == flight_kind::check ? counts_.checks_abandoned : counts_.loads_cancelled);
  if (!flight.is_settled) {
    if (flight.kind == flight_kind::check) {
      // It ran on its get's context, which has ended: that says nothing about the cache. A waiter takes over, as when a direct runner leaves.
      flight.task.reset();
      ++flight.serial;
      flight.is_direct = true;
      return pass_on(d, flight);
    }
    settle_flight(flight);
    resolve(d, flight, cache_step::failure(make_error_code(errc::closed)));
  }
  free_flight(d, flight);
}

}  // namespace mooring::detail
