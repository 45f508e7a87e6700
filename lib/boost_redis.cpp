// The one place where Boost.Redis's implementation is compiled.
#include <boost/redis/src.hpp>
