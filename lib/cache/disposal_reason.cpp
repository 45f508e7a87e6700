#include <mooring/cache/disposal_reason.hpp>

namespace mooring {

char const* name_of(disposal_reason reason) noexcept {
  switch (reason) {
    case disposal_reason::capacity: return "capacity";
    case disposal_reason::expired: return "expired";
    case disposal_reason::replaced: return "replaced";
    case disposal_reason::terminated: return "terminated";
    case disposal_reason::lost_race: return "lost_race";
    case disposal_reason::shutdown: return "shutdown";
  }
  return "unknown";
}

}  // namespace mooring
