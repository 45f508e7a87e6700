#pragma once

namespace mooring::program {

/** The project's version, as CMake knows it. */
extern char const* const version;

}  // namespace mooring::program
