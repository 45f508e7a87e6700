#include <mooring/storage/text_map.hpp>

#include "storage/bad_utf8.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>
#include <vector>

using namespace mooring;

BOOST_AUTO_TEST_SUITE(text_map_)

BOOST_AUTO_TEST_CASE(well_formed_utf8_is_told_from_the_rest) {
  // The ends of each range of RFC 3629's table, alone and behind eight plain bytes.
  std::vector<std::string> const good{"", "a", std::string("\0", 1), "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xe0\xbf\xbf", "\xe1\x80\x80", "\xec\xbf\xbf",
                                      "\xed\x80\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf1\x80\x80\x80", "\xf3\xbf\xbf\xbf", "\xf4\x8f\xbf\xbf"};
  for (auto const& text : good) {
    BOOST_TEST(is_valid_utf8(text));
    BOOST_TEST(is_valid_utf8("12345678" + text));
    BOOST_TEST(is_valid_utf8(text + "12345678"));
  }
  for (auto const& text : test::bad_utf8()) {
    BOOST_TEST(!is_valid_utf8(text));
    BOOST_TEST(!is_valid_utf8("12345678" + text));
    BOOST_TEST(!is_valid_utf8(text + "12345678"));
  }
}

// DE15, ST16
BOOST_AUTO_TEST_CASE(the_default_limits_are_inclusive) {
  text_limits const limits;
  text_map map;
  for (int i = 0; i < 64; ++i) map[std::to_string(i)] = "";
  BOOST_TEST(check_text_map(map, limits).has_value());
  map["one more"] = "";
  BOOST_TEST((check_text_map(map, limits).error() == errc::too_large));

  BOOST_TEST(check_text_map({{std::string(256, 'k'), std::string(64 * 1024, 'v')}}, limits).has_value());
  BOOST_TEST((check_text_map({{std::string(257, 'k'), ""}}, limits).error() == errc::too_large));
  BOOST_TEST((check_text_map({{"k", std::string(64 * 1024 + 1, 'v')}}, limits).error() == errc::too_large));

  map.clear();
  for (char c = 'a'; c < 'e'; ++c) map[std::string(1, c)] = std::string(64 * 1024 - 1, 'v');
  BOOST_TEST(check_text_map(map, limits).has_value());
  map["a"] += 'v';
  BOOST_TEST((check_text_map(map, limits).error() == errc::too_large));
}

BOOST_AUTO_TEST_CASE(a_refusal_names_the_rule_and_not_the_text) {
  std::string why;
  BOOST_TEST(!check_text_map({{"secret-key", std::string(64 * 1024 + 1, 'v')}}, {}, &why));
  BOOST_TEST(why == "A value has 65537 bytes; at most 65536 are allowed.");
  BOOST_TEST(!check_text_map({{std::string(300, 'k'), ""}}, {}, &why));
  BOOST_TEST(why == "A key has 300 bytes; at most 256 are allowed.");
  BOOST_TEST(!check_text_map({{"secret-key", "\xff"}}, {}, &why));
  BOOST_TEST(why.find("secret") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
