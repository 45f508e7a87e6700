// Addresses as they stand on a command line: any bytes are an address or none, and an address is written as it can be read again.

#include "fuzz/fuzzing.hpp"
#include "http/address.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace mooring;
  auto const text = test::text_of(data, size);
  if (auto const place = http::parse_endpoint(text)) {
    auto const again = http::parse_endpoint(http::to_text(*place));
    test::demand(again && again->host == place->host && again->port == place->port, "an endpoint is not read as it was written");
    static_cast<void>(http::is_loopback(place->host));
  }
  if (auto const found = http::parse_url(text)) {
    test::demand(!found->place.host.empty(), "a URL without a host was accepted");
    test::demand(found->target.starts_with('/'), "a URL's target is no path");
    test::demand(found->target.find_first_of(std::string_view(" \r\n\0", 4)) == std::string::npos, "a URL's target would split a request (SC06)");
  }
  static_cast<void>(http::is_loopback(text));
  return 0;
}
