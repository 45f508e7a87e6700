#include <mooring/session/record.hpp>

namespace mooring {
namespace {

constexpr std::string_view placeholder_text = "placeholder";
constexpr std::string_view live_text = "live";

constexpr bool is_plain(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

// Upper case only, so that equal lists have one text.
constexpr int digit_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_known_key(std::string_view key) noexcept {
  return key == record_key::state || key == record_key::owner || key == record_key::backends || key == record_key::opening;
}

std::string const* find(metadata const& stored, std::string_view key) {
  auto const place = stored.find(key);
  return place == stored.end() ? nullptr : &place->second;
}

}  // namespace

metadata placeholder_metadata() {
  metadata made;
  made.emplace(record_key::state, placeholder_text);
  return made;
}

metadata write_record(record const& parts) {
  metadata made(parts.data);
  made.insert(parts.unknown.begin(), parts.unknown.end());
  made.insert_or_assign(std::string(record_key::state), std::string(live_text));
  made.insert_or_assign(std::string(record_key::owner), parts.owner);
  made.insert_or_assign(std::string(record_key::backends), encode_list(parts.backends));
  made.insert_or_assign(std::string(record_key::opening), parts.opening);
  return made;
}

result<record_state> state_of(metadata const& stored) {
  auto const* const state = find(stored, record_key::state);
  if (state && *state == placeholder_text) return record_state::placeholder;
  if (state && *state == live_text) return record_state::live;
  return make_error_code(errc::corrupt_record);
}

result<record> read_record(metadata const& stored) {
  auto const state = state_of(stored);
  if (!state) return state.error();
  record parts;
  parts.state = *state;
  if (parts.state == record_state::placeholder) return parts;
  auto const* const owner = find(stored, record_key::owner);
  auto const* const backends = find(stored, record_key::backends);
  auto const* const opening = find(stored, record_key::opening);
  if (!owner || !backends || !opening) return make_error_code(errc::corrupt_record);
  auto list = decode_list(*backends);
  if (!list) return list.error();
  parts.owner = *owner;
  parts.backends = std::move(*list);
  parts.opening = *opening;
  for (auto const& [key, value] : stored) {
    if (is_known_key(key)) continue;
    auto& home = is_reserved_key(key) ? parts.unknown : parts.data;
    home.emplace_hint(home.end(), key, value);
  }
  return parts;
}

std::string encode_list(std::vector<std::string> const& items) {
  constexpr char const* digits = "0123456789ABCDEF";
  std::string text;
  for (auto const& item : items) {
    for (char const c : item) {
      if (is_plain(c)) {
        text += c;
      } else {
        auto const byte = static_cast<unsigned char>(c);
        text += '%';
        text += digits[byte >> 4];
        text += digits[byte & 15];
      }
    }
    text += ';';
  }
  return text;
}

result<std::vector<std::string>> decode_list(std::string_view text) {
  std::vector<std::string> items;
  std::string item;
  bool is_open = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char const c = text[i];
    is_open = c != ';';
    if (c == ';') {
      items.push_back(std::move(item));
      item.clear();
    } else if (c == '%') {
      int const high = i + 1 < text.size() ? digit_value(text[i + 1]) : -1;
      int const low = i + 2 < text.size() ? digit_value(text[i + 2]) : -1;
      auto const byte = static_cast<char>(high * 16 + low);
      if (high < 0 || low < 0 || is_plain(byte)) return make_error_code(errc::corrupt_record);
      item += byte;
      i += 2;
    } else if (is_plain(c)) {
      item += c;
    } else {
      return make_error_code(errc::corrupt_record);
    }
  }
  if (is_open) return make_error_code(errc::corrupt_record);
  return items;
}

}  // namespace mooring
