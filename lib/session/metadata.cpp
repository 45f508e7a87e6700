#include <mooring/session/metadata.hpp>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

namespace mooring {
namespace {

namespace json = boost::json;

// What a map within the limits can take as JSON: each byte escaped to six ("\u0000"), and quotes, colon and comma for each entry.
std::size_t longest_text(text_limits const& limits) {
  constexpr std::size_t plenty = std::size_t(1) << 40;  // a limit that means "none" must not wrap around
  return 6 * std::min<std::size_t>(limits.max_total_bytes, plenty) + 8 * std::min<std::size_t>(limits.max_entries, plenty) + 1024;
}

// Takes an object of strings and nothing else. A document model would forget that a key stood there twice.
struct text_map_handler {
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);

  metadata found;
  std::string key;
  std::string text;
  int depth = 0;

  static bool refuse(error_code& ec) {
    ec = make_error_code(errc::corrupt_record);
    return false;
  }

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code& ec) { return ++depth == 1 || refuse(ec); }
  bool on_object_end(std::size_t, error_code&) { return true; }
  bool on_array_begin(error_code& ec) { return refuse(ec); }
  bool on_array_end(std::size_t, error_code& ec) { return refuse(ec); }
  bool on_key_part(json::string_view part, std::size_t, error_code&) {
    key.append(part.data(), part.size());
    return true;
  }
  bool on_key(json::string_view part, std::size_t, error_code& ec) {
    key.append(part.data(), part.size());
    return !found.contains(key) || refuse(ec);
  }
  bool on_string_part(json::string_view part, std::size_t, error_code& ec) {
    text.append(part.data(), part.size());
    return depth == 1 || refuse(ec);
  }
  bool on_string(json::string_view part, std::size_t, error_code& ec) {
    if (depth != 1) return refuse(ec);
    text.append(part.data(), part.size());
    found.emplace(std::exchange(key, {}), std::exchange(text, {}));
    return true;
  }
  bool on_number_part(json::string_view, error_code& ec) { return refuse(ec); }
  bool on_int64(std::int64_t, json::string_view, error_code& ec) { return refuse(ec); }
  bool on_uint64(std::uint64_t, json::string_view, error_code& ec) { return refuse(ec); }
  bool on_double(double, json::string_view, error_code& ec) { return refuse(ec); }
  bool on_bool(bool, error_code& ec) { return refuse(ec); }
  bool on_null(error_code& ec) { return refuse(ec); }
  bool on_comment_part(json::string_view, error_code& ec) { return refuse(ec); }
  bool on_comment(json::string_view, error_code& ec) { return refuse(ec); }
};

void append_quoted(std::string& out, std::string const& text) { out += json::serialize(json::string_view(text)); }

}  // namespace

result<> check_data(metadata const& data, text_limits const& limits, std::string* why) {
  for (auto const& [key, value] : data) {
    if (!is_reserved_key(key)) continue;
    if (why) *why = "a key begins with \"mooring.\", which is reserved";
    return make_error_code(errc::invalid_argument);
  }
  return check_text_map(data, limits, why);
}

std::string encode_json(metadata const& value) {
  std::string out = "{";
  for (auto const& [key, text] : value) {
    if (out.size() > 1) out += ',';
    append_quoted(out, key);
    out += ':';
    append_quoted(out, text);
  }
  out += '}';
  return out;
}

result<metadata> decode_json(std::string_view text, text_limits const& limits) {
  if (text.size() > longest_text(limits)) return make_error_code(errc::corrupt_record);
  json::basic_parser<text_map_handler> parser{json::parse_options()};
  boost::system::error_code ec;
  auto const used = parser.write_some(false, text.data(), text.size(), ec);
  if (ec.failed() || used != text.size()) return make_error_code(errc::corrupt_record);
  auto& found = parser.handler().found;
  if (!check_text_map(found, limits)) return make_error_code(errc::corrupt_record);
  return std::move(found);
}

}  // namespace mooring
