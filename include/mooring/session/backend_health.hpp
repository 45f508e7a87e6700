#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mooring {

enum class backend_health { unknown, healthy, degraded, unhealthy, unauthenticated };

/** What is known of a backend; empty: no entry. Called on any thread, under no lock; must not block. */
using health_lookup = std::function<std::optional<backend_health>(std::string_view backend)>;

/** @brief Which of the desired backends a new session tries, in their order: all but those known as unhealthy or unauthenticated.
 *
 *  @param monitor     Where it has an entry, that counts. Null: all are tried.
 *  @param configured  Counts where the monitor has no entry. May be null.
 *  @return Those to try; maybe none.
 *  @par Errors  None.
 */
std::vector<std::string> backends_to_try(std::vector<std::string> const& desired, health_lookup const& monitor, health_lookup const& configured);

}  // namespace mooring
