#include "storage/bad_records.hpp"

#include "storage/record_codec.hpp"

#include <boost/test/unit_test.hpp>

using namespace mooring;
using namespace mooring::test;

BOOST_AUTO_TEST_SUITE(bad_records_)

BOOST_AUTO_TEST_CASE(the_record_that_the_bad_ones_are_made_of_is_good) {
  auto const found = detail::parse_record("a", good_record());
  BOOST_REQUIRE(found.has_value());
  BOOST_TEST((found->record.body == detail::record_body(text_map{{"k", "v"}, {"l", ""}})));
  BOOST_TEST((found->record.hints == hint_map{{"h", "1"}}));
  BOOST_TEST(found->is_fixed);
}

// SC08, RE16, RE17
BOOST_AUTO_TEST_CASE(each_of_at_least_300_malformed_records_is_told_by_its_own_error) {
  auto const rows = bad_records();
  BOOST_TEST(rows.size() >= 300U);
  for (auto const& row : rows) {
    auto const found = detail::parse_record("a", row.text);
    BOOST_TEST_INFO_SCOPE(row.name << ": " << row.text.substr(0, 120));
    BOOST_TEST((found.has_error() && found.error() == row.expected));
  }
}

// The rule holds for members of members that nobody knows, too.
BOOST_AUTO_TEST_CASE(a_name_that_stands_twice_is_found_at_any_depth) {
  auto const in = [](std::string const& later) { return R"({"v":1,"id":"a","rev":"000102030405060708090a0b0c0d0e0f","metadata":{},"later":)" + later + "}"; };
  BOOST_TEST(detail::parse_record("a", in(R"([{"x":1},{"x":1}])")).has_value());
  BOOST_TEST((detail::parse_record("a", in(R"([{"y":{"x":1,"x":2}}])")).error() == errc::corrupt_record));
}

BOOST_AUTO_TEST_SUITE_END()
