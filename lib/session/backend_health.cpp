#include <mooring/session/backend_health.hpp>

namespace mooring {

std::vector<std::string> backends_to_try(std::vector<std::string> const& desired, health_lookup const& monitor, health_lookup const& configured) {
  if (!monitor) return desired;
  std::vector<std::string> chosen;
  for (auto const& backend : desired) {
    auto known = monitor(backend);
    if (!known && configured) known = configured(backend);
    auto const health = known.value_or(backend_health::unknown);
    if (health != backend_health::unhealthy && health != backend_health::unauthenticated) chosen.push_back(backend);
  }
  return chosen;
}

}  // namespace mooring
