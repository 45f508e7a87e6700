#include "transport/printing.hpp"

#include <mooring/session/uuid.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

using namespace mooring;

BOOST_AUTO_TEST_SUITE(uuid)

// SE18, DE14: RFC 9562's textual form and nothing else, each refusal with its message.
BOOST_AUTO_TEST_CASE(only_the_textual_form_of_rfc_9562_is_a_uuid) {
  for (char const* const good : {"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", "c232ab00-9414-11ec-b3c8-9f6bdeced846",
                                 "5df41881-3aed-3515-88a7-2f4a814cf09e", "919108f7-52d1-4320-9bac-f847db4148a8", "017F22E2-79B0-7CC3-98C4-DC0C0C07398F", "aBcDeF01-2345-6789-abcd-ef0123456789"}) {
    BOOST_TEST(is_uuid(good), good);
    BOOST_TEST(check_uuid(good).has_value());
  }
  std::string const empty = "The id is empty; it must be a UUID.";
  std::string const form = "The id is not a UUID: hexadecimal digits in groups of 8, 4, 4, 4 and 12, with hyphens between.";
  auto const length = [](std::size_t n) { return "The id has " + std::to_string(n) + " bytes; a UUID has 36."; };
  struct {
    std::string id;
    std::string message;
  } const rows[] = {
      {"", empty},
      {"a", length(1)},
      {"c232ab0094144ec1b3c89f6bdeced846", length(32)},
      {"c232ab00-9414-41ec-b3c8-9f6bdeced84", length(35)},
      {"c232ab00-9414-41ec-b3c8-9f6bdeced8460", length(37)},
      {"{c232ab00-9414-41ec-b3c8-9f6bdeced846}", length(38)},
      {"urn:uuid:c232ab00-9414-41ec-b3c8-9f6bdeced846", length(45)},
      {" c232ab00-9414-41ec-b3c8-9f6bdeced846", length(37)},
      {"c232ab00-9414-41ec-b3c8-9f6bdeced846\n", length(37)},
      {std::string(257, 'a'), length(257)},
      {std::string("c232ab00-9414-41ec-b3c8-9f6bdeced846\0", 37), length(37)},
      {"c232ab00-9414-41ec-b3c8-9f6bdeced84g", form},
      {"c232ab00-9414-41ec-b3c8-9f6bdeced84 ", form},
      {" 232ab00-9414-41ec-b3c8-9f6bdeced846", form},
      {"c232ab00_9414_41ec_b3c8_9f6bdeced846", form},
      {"c232ab009-414-41ec-b3c8-9f6bdeced846", form},
      {"c232ab00-941-441ec-b3c8-9f6bdeced846", form},
      {"c232ab00-9414-41e-cb3c8-9f6bdeced846", form},
      {"c232ab00-9414-41ec-b3c-89f6bdeced846", form},
      {"------------------------------------", form},
      {"c232ab00-9414-41ec-b3c809f6bdeced846", form},
      {"c232ab0:-9414-41ec-b3c8-9f6bdeced846", form},
      {"c232ab0/-9414-41ec-b3c8-9f6bdeced846", form},
      {"c232ab0@-9414-41ec-b3c8-9f6bdeced846", form},
      {"c232ab0`-9414-41ec-b3c8-9f6bdeced846", form},
      {"c232ab0G-9414-41ec-b3c8-9f6bdeced846", form},
      {std::string("c232ab0\0-9414-41ec-b3c8-9f6bdeced846", 36), form},
      {"\xef\xbc\x91" "2ab00-9414-41ec-b3c8-9f6bdeced846", form},
  };
  for (auto const& [id, message] : rows) {
    BOOST_TEST_INFO_SCOPE(id);
    std::string why;
    BOOST_TEST(!is_uuid(id));
    BOOST_TEST(check_uuid(id, &why).error() == errc::invalid_id);
    BOOST_TEST(why == message);
    BOOST_TEST(check_uuid(id).error() == errc::invalid_id);
  }
}

BOOST_AUTO_TEST_SUITE_END()
