// The record codec: any bytes are a record or `corrupt_record`, and what was read is written and read again without a change.

#include "fuzz/fuzzing.hpp"

#include <mooring/session/binding.hpp>
#include <mooring/session/metadata.hpp>
#include <mooring/session/record.hpp>

namespace {

using namespace mooring;

void try_record(metadata const& stored) {
  auto const read = read_record(stored);
  if (!read) return test::demand(read.error() == errc::corrupt_record, "a record is refused with another error (SM23)");
  if (read->state == record_state::placeholder) return;
  auto const again = read_record(write_record(*read));
  test::demand(again.has_value(), "a record that was read cannot be written");
  test::demand(again->owner == read->owner && again->backends == read->backends && again->opening == read->opening && again->data == read->data,
               "a record changes when it is written and read");
}

void try_list(std::string_view text) {
  if (auto const read = decode_list(text)) test::demand(encode_list(*read) == text, "one list has two texts");
  std::vector<std::string> const items{std::string(text.substr(0, text.size() / 3)), "", std::string(text.substr(text.size() / 3))};
  auto const again = decode_list(encode_list(items));
  test::demand(again.has_value() && *again == items, "a list of any bytes does not survive (SM12)");
}

void try_binding(std::string_view text) {
  static auto const binder = *owner_binder::make({binding_key("k1", secret(std::string(32, 'k')))});
  auto const verified = binder.verify(text, principal::anonymous());
  auto const foreign = binder.verify(text, *principal::of("issuer", "subject"));
  test::demand(!foreign.has_value(), "a made-up binding names a bound owner (ID07)");
  auto const is_known = [](error_code error) { return error == errc::wrong_owner || error == errc::corrupt_record || error == errc::unsupported_version; };
  test::demand(is_known(foreign.error()) && (verified || is_known(verified.error())), "a binding is refused with another error");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const text = test::text_of(data, size);
  if (auto const read = decode_json(text)) {
    test::demand(check_text_map(*read, {}).has_value(), "what was read is over the limits (ST16)");
    auto const written = encode_json(*read);
    auto const again = decode_json(written);
    test::demand(again.has_value() && *again == *read, "metadata change when they are written and read (ST17)");
    try_record(*read);
  } else {
    test::demand(read.error() == errc::corrupt_record, "bytes are refused with another error (SC08)");
  }
  try_list(text);
  try_binding(text);

  metadata raw;
  raw[std::string(record_key::state)] = "live";
  raw[std::string(record_key::owner)] = std::string(text.substr(0, size / 2));
  raw[std::string(record_key::backends)] = std::string(text.substr(size / 2));
  raw[std::string(record_key::opening)] = std::string(text);
  try_record(raw);
  return 0;
}
