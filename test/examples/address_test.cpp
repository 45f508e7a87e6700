#include "http/address.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>

using namespace mooring::http;

BOOST_AUTO_TEST_SUITE(address)

BOOST_AUTO_TEST_CASE(an_endpoint_is_a_host_and_a_port) {
  auto const shown = [](std::string_view text) {
    auto const read = parse_endpoint(text);
    return read ? read->host + ' ' + std::to_string(read->port) + ' ' + to_text(*read) : std::string("none");
  };
  BOOST_TEST(shown("127.0.0.1:80") == "127.0.0.1 80 127.0.0.1:80");
  BOOST_TEST(shown("localhost:0") == "localhost 0 localhost:0");
  BOOST_TEST(shown("[::1]:65535") == "::1 65535 [::1]:65535");
  for (auto const* bad : {"", "localhost", "localhost:", ":80", "a:65536", "a:-1", "a:8x", "::1:80", "[::1]", "[::1]80", "[::1:80", "a b:80", "u@a:80"})
    BOOST_TEST(shown(bad) == "none", bad);
}

BOOST_AUTO_TEST_CASE(a_url_is_read_in_the_parts_that_a_client_needs) {
  auto const shown = [](std::string_view text) {
    auto const read = parse_url(text);
    return read ? std::string(read->is_secure ? "https " : "http ") + to_text(read->place) + ' ' + read->target : std::string("none");
  };
  BOOST_TEST(shown("http://a") == "http a:80 /");
  BOOST_TEST(shown("HTTPS://a.example/mcp") == "https a.example:443 /mcp");
  BOOST_TEST(shown("http://127.0.0.1:8080/mcp?x=1#f") == "http 127.0.0.1:8080 /mcp?x=1");
  BOOST_TEST(shown("http://[::1]:9/") == "http [::1]:9 /");
  BOOST_TEST(shown("http://a?x") == "http a:80 /?x");
  BOOST_TEST(shown("http://a:/x") == "http a:80 /x");
  for (auto const* bad : {"", "a", "ftp://a/", "http://", "http:///x", "http://u:p@a/", "http://a:0/", "http://a:70000/", "http://a/ b", "http://a/\r\nx", "http:/a"})
    BOOST_TEST(shown(bad) == "none", bad);
}

BOOST_AUTO_TEST_CASE(loopback_hosts_are_told_from_names_that_only_look_like_them) {
  for (auto const* local : {"localhost", "LOCALHOST", "app.localhost", "127.0.0.1", "127.255.0.9", "::1", "[::1]"}) BOOST_TEST(is_loopback(local), local);
  for (auto const* foreign : {"", "128.0.0.1", "127.evil.example", "127.0.0.1.evil.example", "127.0.0", "127..0.1", "127.0.0.", "localhost.evil.example", "evillocalhost", "::2"})
    BOOST_TEST(!is_loopback(foreign), foreign);
}

BOOST_AUTO_TEST_SUITE_END()
