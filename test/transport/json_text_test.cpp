#include "transport/printing.hpp"

#include <mooring/session/json_text.hpp>

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

using namespace mooring;

namespace {

std::string repeated(std::string const& part, std::size_t times) {
  std::string made;
  for (std::size_t i = 0; i < times; ++i) made += part;
  return made;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(json_text_)

// SE05
BOOST_AUTO_TEST_CASE(a_value_keeps_every_byte_but_the_space_around_it) {
  std::vector<std::string> const values{
      "null", "true", "false", "0", "-0", "1.0", "1.50", "1E5", "1e+05", "0.1e-7", "123456789012345678901234567890", "1e999999", "-0.000000000000000000000000000001", "\"\"",
      "\"a\\u0041\\n\\/\"", "\"\\ud83e\\udd80\"", "\"\xf0\x9f\xa6\x80\"", "[]", "[ ]", "{}", "{ }", "[1, 2,3 ]", R"({"b":1,"a":{"b":[{"b":2}]}})", R"({"":"", " ":{}})",
      "{\n  \"a\" : [ 1 ,\t2 ]\r\n}", repeated("[", 64) + repeated("]", 64)};
  for (auto const& value : values) {
    for (auto const& written : {value, " \t\r\n" + value + "\n "}) {
      std::string why;
      auto const read = json_text::parse(written, &why);
      BOOST_TEST_REQUIRE(read.has_value(), written.substr(0, 60) << ": " << why);
      BOOST_TEST(read->text() == value);
    }
  }
  BOOST_TEST(json_text().text() == "null");
}

BOOST_AUTO_TEST_CASE(what_was_moved_from_is_a_value_still) {
  auto const long_text = '"' + std::string(100, 'x') + '"';
  for (std::string const& value : {std::string("{}"), long_text}) {
    auto first = json_text::parse(value).value();
    auto second = std::move(first);
    BOOST_TEST(second.text() == value);
    BOOST_TEST(json_text::parse(first.text()).has_value());
    json_text third;
    third = std::move(second);
    BOOST_TEST(third.text() == value);
    BOOST_TEST(json_text::parse(second.text()).has_value());
    first = third;
    BOOST_TEST((first == third));
  }
}

// SE07: what is malformed has one error, and a sentence that says which fault it is.
BOOST_AUTO_TEST_CASE(what_is_no_json_is_refused_with_its_reason) {
  struct row {
    std::string text;
    char const* fault;
  };
  char const* const empty = "is empty";
  char const* const utf8 = "is not well-formed UTF-8";
  char const* const cut = "ends before its value does";
  char const* const more = "goes on after its value";
  char const* const twice = "has a key twice in one object";
  char const* const deep = "is nested too deeply";
  char const* const malformed = "is malformed JSON";
  std::vector<row> const rows{
      {"", empty}, {" ", empty}, {"\r\n\t", empty},
      {"\xff", utf8}, {"\"\xc3\"", utf8}, {"\"\xed\xa0\x80\"", utf8}, {"{\"\xc0\xaf\":1}", utf8}, {"\"\xf4\x90\x80\x80\"", utf8}, {"1 \x80", utf8},
      {"{", cut}, {"[", cut}, {"\"", cut}, {"\"a", cut}, {"\"\\", cut}, {"\"\\u00", cut}, {"{\"a\"", cut}, {"{\"a\":", cut}, {"{\"a\":1", cut}, {"{\"a\":1,", cut}, {"[1,", cut}, {"tru", cut}, {"-", cut}, {"1e", cut},
      {"1.", malformed}, {"1e+", malformed},
      {"1 2", more}, {"{}{}", more}, {"[],", more}, {"null null", more}, {"\"a\"b", more}, {"{}}", more}, {"01", more}, {std::string("1\0", 2), more}, {"1//", more}, {"truee", more},
      {R"({"a":1,"a":2})", twice}, {R"({"a":1,"b":2,"a":1})", twice}, {R"({"a":1,"\u0061":2})", twice}, {R"([{"x":{"a":1,"a":1}}])", twice}, {R"({"":1,"":2})", twice}, {R"({"a":{},"a":)", twice},
      {repeated("[", 65) + repeated("]", 65), deep}, {repeated("[", 100'000), deep}, {repeated("{\"a\":", 65), deep},
      {"nil", malformed}, {"True", malformed}, {"+1", malformed}, {".5", malformed}, {"1.e5", malformed}, {"-a", malformed}, {"NaN", malformed}, {"Infinity", malformed}, {"'a'", malformed},
      {"{a:1}", malformed}, {"{1:2}", malformed}, {"{\"a\" 1}", malformed}, {"{\"a\":1,}", malformed}, {"{,}", malformed}, {"[1,]", malformed}, {"[,]", malformed}, {"[1 2]", malformed}, {"[1}", malformed},
      {"{\"a\":1]", malformed}, {"]", malformed}, {"}", malformed}, {":", malformed}, {",", malformed}, {"/*c*/1", malformed}, {"\"\\x\"", malformed}, {"\"\\u12g4\"", malformed}, {"\"\\ud800\"", malformed},
      {"\"\\udc00\"", malformed}, {"\"\\ud800\\u0041\"", malformed}, {"\"new\nline\"", malformed}, {std::string("\"\0\"", 3), malformed}, {"\"\x1f\"", malformed}, {"\xef\xbb\xbf{}", malformed}, {"0x10", more}};
  for (auto const& [text, fault] : rows) {
    BOOST_TEST_INFO_SCOPE(text.substr(0, 60));
    std::string why;
    auto const read = json_text::parse(text, &why);
    BOOST_TEST(read.error() == errc::invalid_argument);
    BOOST_TEST(why == std::string("The JSON text ") + fault + ".");
    BOOST_TEST(json_text::parse(text).error() == errc::invalid_argument);
  }
}

BOOST_AUTO_TEST_SUITE_END()
