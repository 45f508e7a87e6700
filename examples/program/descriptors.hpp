#pragma once

#include <cstddef>

namespace mooring::program {

/** @brief Raises this process's limit of open file descriptors to `wanted`, or as far as the system lets it; never lowers it.  @return The limit now. */
std::size_t raise_descriptor_limit(std::size_t wanted);

}  // namespace mooring::program
