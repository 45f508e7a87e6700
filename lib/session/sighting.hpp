#pragma once

#include <mooring/core/clock.hpp>

#include <cstdint>

namespace mooring::detail {

/** A moment at which a record was not known to be gone, and the storage's epoch at it: taken before the call that then found or wrote the record. */
struct sighting {
  time_point at;
  std::uint64_t epoch = 0;
};

}  // namespace mooring::detail
