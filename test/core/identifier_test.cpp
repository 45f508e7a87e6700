#include "core/bad_ids.hpp"

#include <boost/test/unit_test.hpp>

using namespace mooring;

BOOST_AUTO_TEST_SUITE(identifier)

// ST14, DE14
BOOST_AUTO_TEST_CASE(each_of_at_least_300_bad_ids_is_refused) {
  auto const rows = test::bad_ids();
  BOOST_TEST(rows.size() >= 300U);
  for (auto const& row : rows) {
    auto const checked = check_id(row);
    BOOST_TEST((checked.has_error() && checked.error() == errc::invalid_id), row.substr(0, 40));
    BOOST_TEST(!is_valid_id(row));
  }
}

// ST14, DE14, SC05
BOOST_AUTO_TEST_CASE(every_visible_byte_may_stand_anywhere_in_an_id) {
  for (char byte = 0x21; byte < 0x7F; ++byte)
    for (std::size_t const size : {1U, 2U, 32U, 256U}) BOOST_TEST(is_valid_id(std::string(size, byte)));
  for (auto const& id : test::odd_ids()) BOOST_TEST(is_valid_id(id), id);
}

BOOST_AUTO_TEST_SUITE_END()
