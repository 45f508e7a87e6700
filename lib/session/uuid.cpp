#include <mooring/session/uuid.hpp>

namespace mooring {

result<> check_uuid(std::string_view text, std::string* why) {
  if (is_uuid(text)) return {};
  if (why) {
    if (text.empty()) *why = "The id is empty; it must be a UUID.";
    else if (text.size() != 36) *why = "The id has " + std::to_string(text.size()) + " bytes; a UUID has 36.";
    else *why = "The id is not a UUID: hexadecimal digits in groups of 8, 4, 4, 4 and 12, with hyphens between.";
  }
  return make_error_code(errc::invalid_id);
}

}  // namespace mooring
