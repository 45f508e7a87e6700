#include <mooring/session/json_text.hpp>

#include "session/json_reader.hpp"

#include <mooring/storage/text_map.hpp>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/error.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <cstdint>
#include <set>
#include <utility>

namespace mooring {
namespace {

namespace json = boost::json;

bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// Looks for keys that stand twice in one object; the parser itself sees to the rest.
struct unique_keys {
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);

  std::vector<std::set<std::string>> open;  // the keys of each object that has not ended
  std::string key;
  bool has_twice = false;

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) {
    open.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t, error_code&) {
    open.pop_back();
    return true;
  }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(std::size_t, error_code&) { return true; }
  bool on_key_part(json::string_view part, std::size_t, error_code&) {
    key.append(part.data(), part.size());
    return true;
  }
  bool on_key(json::string_view part, std::size_t, error_code& ec) {
    key.append(part.data(), part.size());
    if (open.back().insert(std::exchange(key, {})).second) return true;
    has_twice = true;
    ec = make_error_code(errc::invalid_argument);
    return false;
  }
  bool on_string_part(json::string_view, std::size_t, error_code&) { return true; }
  bool on_string(json::string_view, std::size_t, error_code&) { return true; }
  bool on_number_part(json::string_view, error_code&) { return true; }
  bool on_int64(std::int64_t, json::string_view, error_code&) { return true; }
  bool on_uint64(std::uint64_t, json::string_view, error_code&) { return true; }
  bool on_double(double, json::string_view, error_code&) { return true; }
  bool on_bool(bool, error_code&) { return true; }
  bool on_null(error_code&) { return true; }
  bool on_comment_part(json::string_view, error_code&) { return true; }
  bool on_comment(json::string_view, error_code&) { return true; }
};

// Nothing when the text is one JSON value.
char const* fault_in(std::string_view text, std::size_t max_depth) {
  if (text.empty()) return "is empty";
  if (!is_valid_utf8(text)) return "is not well-formed UTF-8";
  json::parse_options options;
  options.max_depth = max_depth;
  options.numbers = json::number_precision::none;  // their spelling is kept, so that no number is too large or too precise
  json::basic_parser<unique_keys> parser{options};
  error_code ec;
  auto const used = parser.write_some(false, text.data(), text.size(), ec);
  if (parser.handler().has_twice) return "has a key twice in one object";
  if (ec == json::error::incomplete) return "ends before its value does";
  if (ec == json::error::too_deep) return "is nested too deeply";
  if (ec.failed()) return "is malformed JSON";
  return used == text.size() ? nullptr : "goes on after its value";
}

// Walks over a valid JSON value and only looks for where its parts end.
class walker {
 public:
  explicit walker(std::string_view text) : text_(text) {}

  bool take(char c) {
    while (is_space(text_[at_])) ++at_;
    if (text_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::string_view string() {
    while (text_[at_] != '"') ++at_;
    auto const begin = at_;
    skip_string();
    return text_.substr(begin, at_ - begin);
  }

  // Up to the comma or bracket that ends a member.
  std::string_view value() {
    auto const begin = at_;
    for (std::size_t depth = 0;;) {
      char const c = text_[at_];
      if (depth == 0 && (c == ',' || c == '}')) return trimmed(text_.substr(begin, at_ - begin));
      if (c == '"') {
        skip_string();
        continue;
      }
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      ++at_;
    }
  }

 private:
  void skip_string() {
    for (++at_; text_[at_] != '"'; ++at_)
      if (text_[at_] == '\\') ++at_;
    ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

std::string unquoted(std::string_view valid) { return std::string(json::parse(valid).get_string()); }

}  // namespace

result<json_text> json_text::parse(std::string_view text, std::string* why) {
  char const* fault = nullptr;
  if (auto valid = detail::json_reader::parse(text, max_depth, fault)) return std::move(*valid);
  if (why) *why = std::string("The JSON text ") + fault + ".";
  return make_error_code(errc::invalid_argument);
}

namespace detail {

std::optional<json_text> json_reader::parse(std::string_view text, std::size_t max_depth, char const*& fault) {
  auto const own = trimmed(text);
  fault = fault_in(own, max_depth);
  if (fault) return std::nullopt;
  return json_text(std::string(own));
}

std::optional<std::vector<json_member>> json_reader::members(json_text const& value) {
  walker walk(value.text());
  if (!walk.take('{')) return std::nullopt;
  std::vector<json_member> found;
  if (walk.take('}')) return found;
  do {
    auto key = unquoted(walk.string());
    walk.take(':');
    found.push_back({std::move(key), json_text(std::string(walk.value()))});
  } while (walk.take(','));
  return found;
}

std::optional<std::string> json_reader::string(json_text const& value) {
  if (value.text().front() != '"') return std::nullopt;
  return unquoted(value.text());
}

std::string quoted(std::string_view text) { return json::serialize(json::string_view(text)); }

}  // namespace detail
}  // namespace mooring
