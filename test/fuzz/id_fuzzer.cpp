// Ids, revisions and principals: any bytes are taken or refused as their rules say.

#include "fuzz/fuzzing.hpp"

#include <mooring/core/identifier.hpp>
#include <mooring/session/principal.hpp>
#include <mooring/session/session_id.hpp>
#include <mooring/storage/revision.hpp>

#include <algorithm>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace mooring;
  auto const text = test::text_of(data, size);

  bool const is_visible = std::all_of(data, data + size, [](std::uint8_t byte) { return byte > 0x20 && byte < 0x7F; });
  test::demand(is_valid_id(text) == (size >= 1 && size <= 256 && is_visible), "an id is judged by another rule (ST14)");
  test::demand(check_id(text).has_value() == is_valid_id(text), "check_id disagrees with is_valid_id");
  auto const digest = short_digest(text);
  test::demand(digest.size() == 12 && digest.find_first_not_of("0123456789abcdef") == std::string::npos, "a digest is not 12 hexadecimal digits");

  if (auto const read = revision::parse(text)) test::demand(read->text() == text, "a revision is not written as it was read");

  auto const half = text.substr(0, size / 2);
  auto const rest = text.substr(size / 2);
  auto const who = principal::of(std::string(half), std::string(rest));
  bool const is_usable = !half.empty() && !rest.empty() && text.find('\0') == std::string_view::npos;
  test::demand(who.has_value() == is_usable, "issuer and subject are judged by another rule (ID06)");
  if (who) test::demand(!who->is_anonymous() && who->issuer() == half && who->subject() == rest && who->is_same_as(*who), "a principal is not whom it names");
  return 0;
}
