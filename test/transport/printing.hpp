#pragma once

#include <mooring/core/error.hpp>
#include <mooring/session/json_text.hpp>
#include <mooring/session/transport_session.hpp>

#include <boost/test/unit_test.hpp>

#include <ostream>

namespace mooring {

inline std::ostream& boost_test_print_type(std::ostream& out, errc value) { return out << name_of(value); }
inline std::ostream& boost_test_print_type(std::ostream& out, json_text const& value) { return out << value.text(); }

}  // namespace mooring
