// The one place where Boost.Asio's implementation is compiled.
#include <boost/version.hpp>

// A target Boost::headers of the user's own project is taken as it is.
#if BOOST_VERSION < 109200
#error mooring needs Boost 1.92 or newer, and the target Boost::headers of this project has an older one.
#endif

#include <boost/asio/impl/src.hpp>
