#include "metrics.hpp"

#include <chrono>
#include <sstream>

namespace mooring::gateway {

namespace {

void head(std::ostream& out, char const* name, char const* type, char const* help) {
  out << "# HELP " << name << ' ' << help << "\n# TYPE " << name << ' ' << type << '\n';
}

template <class Value>
void single(std::ostream& out, char const* name, char const* type, char const* help, Value value) {
  head(out, name, type, help);
  out << name << ' ' << value << '\n';
}

std::string name_of_error(error_code const& error) {
  return error.category() == mooring_category() ? name_of(static_cast<errc>(error.value())) : "other";
}

}  // namespace

void metrics::count_response(std::string_view method, unsigned status) {
  bool const is_known = method == "POST" || method == "GET" || method == "DELETE";
  std::lock_guard lock(mutex_);
  ++responses_[{std::string(is_known ? method : "other"), status}];
}

void metrics::count_backend_request(std::string_view backend, char const* outcome) {
  std::lock_guard lock(mutex_);
  ++backend_requests_[{std::string(backend), outcome}];
}

void metrics::observe(manager_event const& event) {
  // Cancelled and refused operations say nothing of the storage.
  if (event.what == manager_event::kind::storage && (!event.error || http_status(event.error) == 503)) is_storage_failing_ = event.error.failed();
  std::lock_guard lock(mutex_);
  switch (event.what) {
    case manager_event::kind::closed: ++disposals_[name_of(event.reason)]; break;
    case manager_event::kind::refused: ++refusals_[name_of_error(event.error)]; break;
    case manager_event::kind::storage: {
      auto const micros = std::chrono::duration_cast<std::chrono::microseconds>(event.took).count();
      auto& seen = storage_[event.operation];
      std::size_t slot = 0;
      while (slot < bounds.size() && micros > bounds[slot]) ++slot;
      ++seen.buckets[slot];
      ++seen.count;
      seen.seconds += std::chrono::duration<double>(event.took).count();
      if (event.error) ++storage_errors_[{event.operation, name_of_error(event.error)}];
      break;
    }
    case manager_event::kind::created:
    case manager_event::kind::restored: break;  // the manager's own statistics count these
  }
}

std::string metrics::text(gauges const& now) const {
  std::ostringstream out;
  auto const& manager = now.manager;
  single(out, "mooring_sessions_open", "gauge", "Session objects not closed yet, cached or leased.", manager.open_sessions);
  single(out, "mooring_session_creations", "gauge", "Sessions being created.", manager.creations);
  single(out, "mooring_session_restores", "gauge", "Sessions being restored.", manager.restores);
  single(out, "mooring_session_tombstones", "gauge", "Terminated ids remembered.", manager.tombstones);
  single(out, "mooring_sessions_created_total", "counter", "Sessions created.", manager.created);
  single(out, "mooring_sessions_restored_total", "counter", "Sessions restored from their records.", manager.restored);
  single(out, "mooring_sessions_terminated_total", "counter", "Sessions terminated.", manager.terminated);
  single(out, "mooring_sessions_closed_total", "counter", "Session objects closed.", manager.closed);
  auto const& cache = manager.cache;
  single(out, "mooring_cache_entries", "gauge", "Sessions in the cache.", cache.size);
  single(out, "mooring_cache_flights", "gauge", "Loads and checks running.", cache.flights);
  single(out, "mooring_cache_waiters", "gauge", "Requests waiting for one of them.", cache.waiters);
  single(out, "mooring_cache_draining", "gauge", "Sessions that left the cache and are still in use.", cache.draining);
  single(out, "mooring_cache_hits_total", "counter", "Gets answered with a cached session.", cache.hits);
  single(out, "mooring_cache_stale_hits_total", "counter", "Hits although the check failed.", cache.stale_hits);
  single(out, "mooring_cache_misses_total", "counter", "Gets that began a load.", cache.misses);
  single(out, "mooring_cache_joins_total", "counter", "Gets that joined a running load or check.", cache.joins);
  single(out, "mooring_cache_backoff_refusals_total", "counter", "Gets answered with the error of a recent failed load.", cache.backoff_refusals);
  single(out, "mooring_cache_loads_failed_total", "counter", "Loads that failed.", cache.loads_failed);
  single(out, "mooring_cache_checks_expired_total", "counter", "Checks that found a session gone or changed.", cache.checks_expired);
  single(out, "mooring_cache_checks_failed_total", "counter", "Checks that the storage did not answer.", cache.checks_failed);
  single(out, "mooring_cache_busy_total", "counter", "Gets refused because too many were waiting.", cache.busy);
  single(out, "mooring_http_connections", "gauge", "Client connections.", now.connections);
  single(out, "mooring_http_streams_open", "gauge", "Standing event streams of clients.", now.open_streams);
  single(out, "mooring_backend_reinitializations_total", "counter", "Backend sessions opened anew after the backend had lost one.", reinitializations.load());
  single(out, "mooring_backend_replays_total", "counter", "Requests sent once more after a backend had lost its session.", replays.load());
  single(out, "mooring_messages_dropped_total", "counter", "Messages of backends dropped because a client left no stream open.", dropped_messages.load());

  head(out, "mooring_backend_up", "gauge", "Whether the last contact with a backend succeeded.");
  for (auto const& [name, is_up] : now.backends) out << "mooring_backend_up{backend=\"" << name << "\"} " << (is_up ? 1 : 0) << '\n';

  std::lock_guard lock(mutex_);
  head(out, "mooring_http_responses_total", "counter", "Answered requests.");
  for (auto const& [key, count] : responses_)
    out << "mooring_http_responses_total{method=\"" << key.first << "\",status=\"" << key.second << "\"} " << count << '\n';
  head(out, "mooring_backend_requests_total", "counter", "Requests sent to backends.");
  for (auto const& [key, count] : backend_requests_)
    out << "mooring_backend_requests_total{backend=\"" << key.first << "\",outcome=\"" << key.second << "\"} " << count << '\n';
  head(out, "mooring_session_disposals_total", "counter", "Sessions that left this process, by reason.");
  for (auto const& [reason, count] : disposals_) out << "mooring_session_disposals_total{reason=\"" << reason << "\"} " << count << '\n';
  head(out, "mooring_session_refusals_total", "counter", "Calls of the session manager that ended with an error.");
  for (auto const& [error, count] : refusals_) out << "mooring_session_refusals_total{error=\"" << error << "\"} " << count << '\n';
  head(out, "mooring_storage_errors_total", "counter", "Storage operations that failed.");
  for (auto const& [key, count] : storage_errors_)
    out << "mooring_storage_errors_total{operation=\"" << key.first << "\",error=\"" << key.second << "\"} " << count << '\n';
  head(out, "mooring_storage_seconds", "histogram", "Duration of storage operations.");
  for (auto const& [operation, seen] : storage_) {
    std::uint64_t below = 0;
    for (std::size_t i = 0; i != bounds.size(); ++i) {
      below += seen.buckets[i];
      out << "mooring_storage_seconds_bucket{operation=\"" << operation << "\",le=\"" << static_cast<double>(bounds[i]) / 1e6 << "\"} " << below << '\n';
    }
    out << "mooring_storage_seconds_bucket{operation=\"" << operation << "\",le=\"+Inf\"} " << seen.count << '\n';
    out << "mooring_storage_seconds_sum{operation=\"" << operation << "\"} " << seen.seconds << '\n';
    out << "mooring_storage_seconds_count{operation=\"" << operation << "\"} " << seen.count << '\n';
  }
  return out.str();
}

}  // namespace mooring::gateway
