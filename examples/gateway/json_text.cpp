#include "json_text.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <cstddef>
#include <set>
#include <utility>

namespace mooring::gateway {

namespace {

namespace json = boost::json;

// Walks over valid JSON and only looks for where values end. Invalid text makes it stop early, never read past the end.
class walker {
 public:
  explicit walker(std::string_view text) : text_(text) {}

  bool take(char c) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::string_view value() {
    skip_space();
    auto const begin = at_;
    if (at_ < text_.size()) {
      char const first = text_[at_];
      if (first == '"')
        skip_string();
      else if (first == '{' || first == '[')
        skip_nested();
      else
        while (at_ < text_.size() && !ends_scalar(text_[at_])) ++at_;
    }
    return text_.substr(begin, at_ - begin);
  }

 private:
  static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
  static bool ends_scalar(char c) { return is_space(c) || c == ',' || c == '}' || c == ']'; }

  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }

  void skip_string() {
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\\')
        ++at_;
      else if (text_[at_] == '"')
        break;
    }
    at_ = at_ < text_.size() ? at_ + 1 : text_.size();
  }

  void skip_nested() {
    std::size_t depth = 0;
    while (at_ < text_.size()) {
      char const c = text_[at_];
      if (c == '"') {
        skip_string();
        continue;
      }
      ++at_;
      if (c == '{' || c == '[') ++depth;
      if ((c == '}' || c == ']') && --depth == 0) return;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

bool is_key(std::string_view written, std::string_view key) {
  if (written.size() >= 2 && written.find('\\') == std::string_view::npos) return written.substr(1, written.size() - 2) == key;
  return string_value(written) == key;
}

}  // namespace

std::optional<std::string_view> member(std::string_view object, std::string_view key) {
  walker walk(object);
  std::optional<std::string_view> found;
  if (!walk.take('{')) return found;
  do {
    auto const name = walk.value();
    if (name.empty() || name.front() != '"' || !walk.take(':')) return found;
    auto const value = walk.value();
    if (is_key(name, key)) found = value;
  } while (walk.take(','));
  return found;
}

bool has_twins(std::string_view object) {
  walker walk(object);
  std::set<std::string> names;
  if (!walk.take('{')) return false;
  do {
    auto name = string_value(walk.value());
    if (!name || !walk.take(':')) return false;
    walk.value();
    if (!names.insert(std::move(*name)).second) return true;
  } while (walk.take(','));
  return false;
}

std::optional<std::string> string_value(std::string_view text) {
  if (text.empty() || text.front() != '"') return std::nullopt;
  boost::system::error_code ec;
  auto const value = json::parse(text, ec);
  if (ec || !value.is_string()) return std::nullopt;
  return std::string(value.get_string());
}

std::string replaced(std::string_view whole, std::string_view part, std::string_view replacement) {
  auto const begin = static_cast<std::size_t>(part.data() - whole.data());
  std::string text;
  text.reserve(whole.size() - part.size() + replacement.size());
  text.append(whole.substr(0, begin)).append(replacement).append(whole.substr(begin + part.size()));
  return text;
}

}  // namespace mooring::gateway
