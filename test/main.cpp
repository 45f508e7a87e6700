// The one place where Boost.Test's runner is compiled.
#define BOOST_TEST_MODULE mooring
#include <boost/test/included/unit_test.hpp>
