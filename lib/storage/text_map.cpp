#include <mooring/storage/text_map.hpp>

#include <cstdint>
#include <cstring>

namespace mooring {
namespace {

// The length of the well-formed sequence at the start of `text`, which begins with a byte above 0x7F; zero when there is none.
std::size_t sequence_length(std::string_view text) noexcept {
  auto const byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  auto const first = byte(0);
  std::size_t length = 0;
  unsigned low = 0x80;  // bounds of the second byte: they shut out overlong forms, surrogates and what is beyond U+10FFFF
  unsigned high = 0xBF;
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
  }
  if (length == 0 || text.size() < length) return 0;
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i)
    if (byte(i) < 0x80 || byte(i) > 0xBF) return 0;
  return length;
}

bool has_only_ascii(char const* eight) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, eight, sizeof word);
  return (word & 0x8080808080808080ULL) == 0;
}

error_code refuse(errc error, std::string* why, std::string const& sentence) {
  if (why) *why = sentence;
  return make_error_code(error);
}

std::string over(std::string const& what, std::size_t found, std::size_t limit) {
  return what + " has " + std::to_string(found) + " bytes; at most " + std::to_string(limit) + " are allowed.";
}

}  // namespace

bool is_valid_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    if (text.size() >= 8 && has_only_ascii(text.data())) {
      text.remove_prefix(8);
    } else if (static_cast<unsigned char>(text.front()) < 0x80) {
      text.remove_prefix(1);
    } else {
      auto const length = sequence_length(text);
      if (length == 0) return false;
      text.remove_prefix(length);
    }
  }
  return true;
}

result<> check_text_map(text_map const& map, text_limits const& limits, std::string* why) {
  if (map.size() > limits.max_entries)
    return refuse(errc::too_large, why, "The map has " + std::to_string(map.size()) + " entries; at most " + std::to_string(limits.max_entries) + " are allowed.");
  std::size_t total = 0;
  for (auto const& [key, value] : map) {
    if (key.size() > limits.max_key_bytes) return refuse(errc::too_large, why, over("A key", key.size(), limits.max_key_bytes));
    if (value.size() > limits.max_value_bytes) return refuse(errc::too_large, why, over("A value", value.size(), limits.max_value_bytes));
    total += key.size() + value.size();
    if (total > limits.max_total_bytes) return refuse(errc::too_large, why, over("The map", total, limits.max_total_bytes));
  }
  for (auto const& [key, value] : map)
    if (!is_valid_utf8(key) || !is_valid_utf8(value)) return refuse(errc::invalid_argument, why, "A key or value is not well-formed UTF-8.");
  return {};
}

}  // namespace mooring
