#include "program/version.hpp"

namespace mooring::program {

char const* const version = MOORING_VERSION;

}  // namespace mooring::program
