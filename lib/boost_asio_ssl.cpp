// The one place where the TLS part of Boost.Asio is compiled.
#include <boost/asio/ssl/impl/src.hpp>
