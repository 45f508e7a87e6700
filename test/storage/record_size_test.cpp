#include "storage/record_size.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>

using namespace mooring;
using namespace mooring::detail;

namespace {

constexpr std::size_t least = 4 * 1024 * 1024;

text_limits total(std::size_t bytes) {
  text_limits made;
  made.max_total_bytes = bytes;
  return made;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(record_size_)

BOOST_AUTO_TEST_CASE(a_record_has_room_for_all_that_its_limits_allow) {
  for (std::size_t const bytes : {0, 1, 1024, 256 * 1024}) BOOST_TEST(most_record_bytes(total(bytes)) == least);
  BOOST_TEST(most_record_bytes(total(256 * 1024 + 1)) == least + 16);
  BOOST_TEST(most_record_bytes(total(1'000'000'000)) == 16'000'000'000U);
  BOOST_TEST(most_reply_bytes(total(0)) == least + 64 * 1024);
}

// Limits that are meant to be none.
BOOST_AUTO_TEST_CASE(a_limit_beyond_all_bounds_leaves_no_less_room_than_a_smaller_one) {
  auto const below = std::size_t{1} << 39;
  for (auto const bytes : {std::size_t{1} << 59, std::size_t{1} << 60, SIZE_MAX - 1, SIZE_MAX}) {
    BOOST_TEST_INFO_SCOPE(bytes);
    BOOST_TEST(most_record_bytes(total(bytes)) >= most_record_bytes(total(below)));
    BOOST_TEST(most_record_bytes(total(below)) == 16 * below);
    BOOST_TEST(most_reply_bytes(total(bytes)) > most_record_bytes(total(bytes)));
  }
}

BOOST_AUTO_TEST_SUITE_END()
