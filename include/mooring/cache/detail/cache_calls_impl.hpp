#pragma once

#include <mooring/cache/detail/cache_core.hpp>

// How cache_core calls its user back, and the tasks it does so in.

namespace mooring::detail {

template <class K, class V, class H, class E>
load_answer<V> cache_core<K, V, H, E>::ask_load(cache_flight const& flight) noexcept {
  try {
    return callbacks_.load(key_of_watch(flight));
  } catch (...) {
    report_current_exception("load");
    return make_error_code(errc::load_failed);
  }
}

template <class K, class V, class H, class E>
check_answer cache_core<K, V, H, E>::ask_check(cache_entry const& checked) noexcept {
  auto const& entry = static_cast<entry_type const&>(checked);
  try {
    return callbacks_.check(entry.key, entry.value);
  } catch (...) {
    report_current_exception("check");
    return make_error_code(errc::unavailable);
  }
}

template <class K, class V, class H, class E>
cache_step cache_core<K, V, H, E>::end_load(cache_flight& flight, load_outcome outcome) {
  if (!outcome) return finish_load(flight, outcome.error());
  if (!*outcome) return finish_load(flight, error_code());
  K key = key_of_watch(flight);  // copied before the mutex is taken
  decision d(*this);
  return finish_load_locked(d, flight, &make_entry(std::move(key), std::move(**outcome)), error_code());
}

template <class K, class V, class H, class E>
void cache_core<K, V, H, E>::spawn_load(cache_flight& flight, std::optional<awaitable<load_outcome>> later) {
  auto const serial = flight.serial;
  flight_run<cache_core> run(std::static_pointer_cast<cache_core>(shared_from_this()), flight);
  task_scope::task task;
  if (flights_.spawn(run_load(std::move(run), std::move(later)), &task)) attach_task(flight, serial, std::move(task));
}

template <class K, class V, class H, class E>
void cache_core<K, V, H, E>::spawn_check(executor on, cache_flight& flight, awaitable<result<verdict>> later) {
  auto const serial = flight.serial;
  flight_run<cache_core> run(std::static_pointer_cast<cache_core>(shared_from_this()), flight);
  task_scope::task task;
  if (flights_.spawn_on(std::move(on), run_check(std::move(run), std::move(later)), &task)) attach_task(flight, serial, std::move(task));
}

template <class K, class V, class H, class E>
awaitable<void> cache_core<K, V, H, E>::run_load(flight_run<cache_core> run, std::optional<awaitable<load_outcome>> later) {
  load_outcome outcome = make_error_code(errc::load_failed);
  bool is_known = false;
  if (!run.core().is_wanted(run.flight())) co_return;  // a new generation or the last waiter's leaving came before it began
  if (!later) {
    auto answer = run.core().ask_load(run.flight());
    if (auto* const known = answer.known()) {
      outcome = std::move(*known);
      is_known = true;
    } else {
      later.emplace(std::move(answer).later());
    }
  }
  if (!is_known) {
    try {
      outcome = co_await std::move(*later);
    } catch (...) {
      run.core().report_current_exception("load");
    }
  }
  run.core().end_load(run.flight(), std::move(outcome));
  run.finish();  // only now: a value for which there is no memory leaves it lost
}

template <class K, class V, class H, class E>
awaitable<void> cache_core<K, V, H, E>::run_check(flight_run<cache_core> run, awaitable<result<verdict>> later) {
  result<verdict> found = make_error_code(errc::unavailable);
  try {
    found = co_await std::move(later);
  } catch (...) {
    run.core().report_current_exception("check");
  }
  run.core().finish_check(run.finish(), found);
}

template <class K, class V, class H, class E>
void cache_core<K, V, H, E>::dispose(cache_entry& entry, disposal_reason reason, task_scope& scope) {
  auto& leaving = static_cast<entry_type&>(entry);
  auto self = std::static_pointer_cast<cache_core>(shared_from_this());
  // Under leases the value stays readable, so it is copied.
  auto out = leaving.is_revoked() ? std::make_shared<disposal>(std::move(self), leaving.key, leaving.value, reason)
                                  : std::make_shared<disposal>(std::move(self), std::move(leaving.key), std::move(leaving.value), reason);
  scope.spawn(run_disposal(disposal_start(std::move(out))));
}

template <class K, class V, class H, class E>
awaitable<void> cache_core<K, V, H, E>::run_disposal(disposal_start start) {
  auto const leaving = start.begin();
  try {
    co_await leaving->core->callbacks_.dispose(std::move(leaving->key), std::move(leaving->value), leaving->reason);
    leaving->has_failed = false;
  } catch (...) {
    leaving->core->report_current_exception("dispose");
  }
}

}  // namespace mooring::detail
