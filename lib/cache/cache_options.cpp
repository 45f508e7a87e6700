#include <mooring/cache/cache_options.hpp>

#include "core/span_text.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

namespace mooring {
namespace {

std::string broken(std::string_view what, std::string value, std::string_view rule) {
  return std::string(what).append(" is ").append(std::move(value)).append(": ").append(rule);
}

}  // namespace

std::string explain(cache_options const& options) {
  // A negative number that was converted shows as a huge one.
  constexpr std::size_t most = std::numeric_limits<std::uint32_t>::max();
  if (options.capacity_entries == 0 || (options.capacity_entries > most && options.capacity_entries != unbounded))
    return broken("capacity_entries", std::to_string(options.capacity_entries), "it has to be above 0 and below 2^32, or `unbounded`");

  std::array<std::pair<std::string_view, duration>, 7> const durations{{
      {"max_stale", options.max_stale},
      {"check_interval", options.check_interval},
      {"negative_ttl", options.negative_ttl},
      {"failure_backoff", options.failure_backoff},
      {"failure_backoff_limit", options.failure_backoff_limit},
      {"load_timeout", options.load_timeout},
      {"drain_deadline", options.drain_deadline},
  }};
  for (auto const& [name, span] : durations)
    if (span < duration::zero()) return broken(name, detail::span_text(span), "it must not be negative");
  if (options.failure_backoff > options.failure_backoff_limit)
    return broken("failure_backoff_limit", detail::span_text(options.failure_backoff_limit), "it must not be below failure_backoff");

  std::array<std::pair<std::string_view, std::size_t>, 2> const bounds{{
      {"max_flights", options.max_flights},
      {"max_waiters", options.max_waiters},
  }};
  for (auto const& [name, bound] : bounds)
    if (bound == 0 || bound > most) return broken(name, std::to_string(bound), "it has to be above 0 and below 2^32");
  if (options.negative_entries > most) return broken("negative_entries", std::to_string(options.negative_entries), "it has to be below 2^32");
  return {};
}

}  // namespace mooring
