#pragma once

#include <mooring/core/error.hpp>

#include <ostream>

namespace mooring {

// For the messages of failed checks.
inline std::ostream& operator<<(std::ostream& out, errc value) { return out << name_of(value); }

}  // namespace mooring
