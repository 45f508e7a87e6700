#include <mooring/core/entropy.hpp>
#include <mooring/core/identifier.hpp>

#include "simulation/simulation.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <set>
#include <string>

namespace mooring::test {
namespace {

BOOST_AUTO_TEST_SUITE(entropy)

// SC01 in part: visible characters, evenly spread, no duplicate among the many; the ten million are for the long run.
BOOST_AUTO_TEST_CASE(names_are_visible_evenly_spread_and_never_equal) {
  asio::io_context io;
  auto& source = entropy_of(io);
  std::set<std::string> names;
  std::array<int, 256> seen{};
  for (int i = 0; i < 20'000; ++i) {
    auto const name = random_name(source);
    BOOST_TEST_REQUIRE(name.has_value());
    BOOST_TEST_REQUIRE(name->size() == 32U);
    BOOST_TEST_REQUIRE(is_valid_id(*name));
    for (char const c : *name) ++seen[static_cast<unsigned char>(c)];
    names.insert(*name);
  }
  BOOST_TEST(names.size() == 20'000U);
  int digits = 0;
  for (int const count : seen) {
    if (count == 0) continue;
    ++digits;
    BOOST_TEST(count > 19'000);  // 20 000 expected of each; 19 000 is seven standard deviations away
    BOOST_TEST(count < 21'000);
  }
  BOOST_TEST(digits == 32);
}

// SC01 in part: if the source fails, nothing is made.
BOOST_AUTO_TEST_CASE(no_name_comes_from_a_source_that_fails) {
  simulation world(1);
  BOOST_TEST(random_name(entropy_of(world)).has_value());
  world.fail_entropy(true);
  auto const refused = random_name(entropy_of(world));
  BOOST_TEST_REQUIRE(refused.has_error());
  BOOST_TEST((refused.error() == errc::unavailable));
}

// ST14 rests on this rule.
BOOST_AUTO_TEST_CASE(ids_are_one_to_256_visible_ascii_bytes) {
  BOOST_TEST(is_valid_id("a"));
  BOOST_TEST(is_valid_id(std::string(256, '~')));
  BOOST_TEST(is_valid_id("!"));
  BOOST_TEST(!is_valid_id(""));
  BOOST_TEST(!is_valid_id(std::string(257, 'a')));
  for (int byte = 0; byte < 256; ++byte) {
    std::string const text{'a', static_cast<char>(byte), 'b'};
    BOOST_TEST(is_valid_id(text) == (byte >= 0x21 && byte <= 0x7E));
  }
  BOOST_TEST((check_id("a b").error() == errc::invalid_id));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace mooring::test
