// The codec of transport sessions: any bytes are a session or `corrupt_record`, and what was read is written, and read again, without a change.

#include "fuzz/fuzzing.hpp"

#include <mooring/session/json_text.hpp>
#include <mooring/session/sse_session.hpp>
#include <mooring/session/transport_codec.hpp>
#include <mooring/session/uuid.hpp>

#include <string>
#include <typeinfo>

namespace {

using namespace mooring;

void try_session(std::string_view text) {
  std::string why;
  auto const read = deserialize(text, &why);
  if (!read) {
    test::demand(read.error() == errc::corrupt_record, "bytes are refused with another error (SE07)");
    test::demand(why.starts_with("The record ") && why.ends_with('.'), "a record is refused without a message (SE07)");
    return;
  }
  auto const written = serialize(**read);
  auto const again = deserialize(written);
  test::demand(again.has_value(), "what was written cannot be read");
  test::demand((*again)->record() == (*read)->record(), "a session changes when it is written and read (SE01, SE04, SE05, SE06)");
  test::demand(serialize(**again) == written, "one session has two texts");
  auto const& first = **read;
  auto const& second = **again;
  test::demand(typeid(first) == typeid(second), "a session changes its class (SE01)");
  auto const sse = std::dynamic_pointer_cast<sse_session>(*read);
  test::demand((sse != nullptr) == ((*read)->type() == transport_type::sse), "a type has another class (SE06)");
  test::demand(!sse || (!sse->is_connected() && sse->queued() == 0), "a restored session is connected (SE08)");
}

void try_json(std::string_view text) {
  auto const read = json_text::parse(text);
  if (!read) return test::demand(read.error() == errc::invalid_argument, "text is refused with another error");
  test::demand(text.find(read->text()) != std::string_view::npos, "a JSON text is not the one that went in (SE05)");
  test::demand(json_text::parse(read->text()) == *read, "a JSON text changes when it is read again");
  // As data of a session it comes back as it is, whatever it is.
  transport_session session("a", "mcp", wall_time());
  session.set_data(*read, wall_time());
  auto const again = deserialize(serialize(session));
  test::demand(again.has_value() && (*again)->data() == *read, "data change when they are stored (SE05)");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const text = test::text_of(data, size);
  try_session(text);
  try_json(text);
  test::demand(is_uuid(text) == check_uuid(text).has_value(), "a UUID is one and is none (SE18)");
  return 0;
}
