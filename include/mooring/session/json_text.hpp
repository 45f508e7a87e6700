#pragma once

#include <mooring/core/error.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace mooring {

namespace detail {
struct json_reader;
}

/** @brief One JSON value as the text that it was written in: nesting, order of keys and spelling of numbers are kept. Never anything but a valid value. */
class json_text {
 public:
  /** How deep arrays and objects may be nested. */
  static constexpr std::size_t max_depth = 64;

  /** The value `null`. */
  json_text() : text_("null") {}
  json_text(json_text const&) = default;
  /** What was moved from is some value still. */
  json_text(json_text&& other) noexcept : json_text() { text_.swap(other.text_); }
  json_text& operator=(json_text other) noexcept {
    text_.swap(other.text_);
    return *this;
  }
  ~json_text() = default;

  /** @brief Takes a text that is one JSON value. Space around it is dropped, all else is kept byte for byte.
   *
   *  @param why  Where given, is set to a sentence when the text is refused; never repeats any of it.
   *  @par Errors  `errc::invalid_argument`: empty, not UTF-8, malformed, incomplete, nested too deeply, followed by more, or with a key twice in one object.
   *  @par Complexity  Linear in the text, but for the keys of one object: n log n.
   *  @par Source  RFC 8259; unique keys: RFC 7493, section 2.3.
   */
  static result<json_text> parse(std::string_view text, std::string* why = nullptr);

  std::string const& text() const noexcept { return text_; }

  /** Equal spelling. */
  friend bool operator==(json_text const&, json_text const&) = default;

 private:
  friend struct detail::json_reader;
  explicit json_text(std::string valid) : text_(std::move(valid)) {}

  std::string text_;
};

}  // namespace mooring
