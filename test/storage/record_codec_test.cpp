#include "storage/record_codec.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <variant>
#include <vector>

using namespace mooring;
using namespace mooring::detail;

namespace {

constexpr char const* rev = "000102030405060708090a0b0c0d0e0f";

std::string with(std::string const& members) { return "{\"v\":1,\"id\":\"a\",\"rev\":\"" + std::string(rev) + "\"," + members + "}"; }

}  // namespace

BOOST_AUTO_TEST_SUITE(record_codec_)

BOOST_AUTO_TEST_CASE(what_is_written_reads_back) {
  auto const revision_written = revision::parse(rev).value();
  text_map const texts{{"k", "v"}, {"", std::string("\0\r\n\"\\", 5)}, {"\xc3\xa4", "\xf0\x9f\xa6\x80"}};
  for (auto const& body : {record_body(texts), record_body(text_map{}), record_body(std::string("[1,2,\"x\"]")), record_body(std::string())}) {
    auto const found = parse_record("a", write_record("a", revision_written, body));
    BOOST_REQUIRE(found.has_value());
    BOOST_TEST((found->record.revision == revision_written));
    BOOST_TEST((found->record.body == body));
    BOOST_TEST(found->record.hints.empty());
    BOOST_TEST(!found->is_fixed);
  }
}

// RE16
BOOST_AUTO_TEST_CASE(members_of_a_later_version_do_not_disturb) {
  auto const found = parse_record("a", " " + with("\"metadata\": {\"k\": \"v\"}, \"hints\": {\"h\": \"1\"}, \"more\": [1, {\"x\": null}], \"until\": 5") + "\n");
  BOOST_REQUIRE(found.has_value());
  BOOST_TEST((found->record.body == record_body(text_map{{"k", "v"}})));
  BOOST_TEST((found->record.hints == hint_map{{"h", "1"}}));
  BOOST_TEST(found->is_fixed);
  BOOST_TEST((parse_record("a", "{\"v\":2}").error() == errc::unsupported_version));
}

// RE16, RE17
BOOST_AUTO_TEST_CASE(what_is_no_record_of_the_id_is_corrupt) {
  auto const good = with("\"metadata\":{}");
  BOOST_TEST(parse_record("a", good).has_value());
  BOOST_TEST((parse_record("b", good).error() == errc::corrupt_record));
  std::vector<std::string> bad{"", "x", "{", "[]", "null", "1", "\"\"", "{}", "{\"v\":1}", "{\"v\":\"1\"}", "{\"v\":0}", "{\"v\":-1}", "{\"v\":1.5}", "{\"v\":1,\"id\":1}",
                               "{\"v\":1,\"id\":\"a\"}", "{\"v\":1,\"id\":\"a\",\"rev\":\"x\",\"metadata\":{}}", "{\"v\":1,\"id\":\"a\",\"rev\":null,\"metadata\":{}}"};
  for (auto const& members : {"\"x\":1", "\"metadata\":[]", "\"metadata\":{\"k\":1}", "\"metadata\":{\"k\":{}}", "\"metadata\":null", "\"data\":1", "\"data\":{}",
                              "\"data\":\"\",\"metadata\":{}", "\"metadata\":{},\"hints\":[]", "\"metadata\":{},\"hints\":{\"h\":1}", "\"metadata\":{\"k\":\"\xff\"}"})
    bad.push_back(with(members));
  for (std::size_t cut = 0; cut < good.size(); ++cut) bad.push_back(good.substr(0, cut));
  bad.push_back(good + "x");
  bad.push_back(std::string(100'000, '['));
  for (auto const& text : bad) {
    BOOST_TEST_INFO_SCOPE(text.substr(0, 100));
    BOOST_TEST((parse_record("a", text).error() == errc::corrupt_record));
  }
}

BOOST_AUTO_TEST_SUITE_END()
