#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mooring::http {

/** @brief Header fields in their order; names compare without regard to case, and a name may occur more than once. */
class fields {
 public:
  using entry = std::pair<std::string, std::string>;

  fields() = default;
  fields(std::initializer_list<entry> entries) : entries_(entries) {}

  void add(std::string name, std::string value) { entries_.emplace_back(std::move(name), std::move(value)); }

  /** @brief Replaces every field of this name by one. */
  void set(std::string name, std::string value);

  void erase(std::string_view name);

  /** @brief The first value of this name; nothing where there is none. The view lives until the next change. */
  std::optional<std::string_view> find(std::string_view name) const;

  /** @brief As `find`, the empty text for none. */
  std::string_view get(std::string_view name) const { return find(name).value_or(std::string_view()); }

  std::vector<std::string_view> all(std::string_view name) const;

  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  std::size_t size() const { return entries_.size(); }

 private:
  std::vector<entry> entries_;
};

/** @brief Whether two ASCII texts are equal apart from case. */
bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;

/** @brief The text without spaces and tabs at its ends. */
std::string_view trimmed(std::string_view text) noexcept;

struct request {
  request() = default;
  request(std::string m, std::string t) : method(std::move(m)), target(std::move(t)) {}
  request(std::string m, std::string t, fields f, std::string b)
      : method(std::move(m)), target(std::move(t)), header(std::move(f)), body(std::move(b)) {}

  /** The target without its query. */
  std::string_view path() const noexcept { return std::string_view(target).substr(0, target.find('?')); }

  std::string method;
  std::string target;  ///< Path and query, such as `/mcp?x=1`.
  fields header;
  std::string body;
};

struct response {
  response() = default;
  explicit response(unsigned s) : status(s) {}
  response(unsigned s, fields f, std::string b) : status(s), header(std::move(f)), body(std::move(b)) {}

  /** @brief A response with a `Content-Type`. */
  static response of(unsigned status, std::string content_type, std::string body);

  unsigned status = 200;
  fields header;  ///< Without `Content-Length`, `Transfer-Encoding`, `Connection` and `Date`, which the server writes.
  std::string body;
};

/** @brief The reason phrase of a status (RFC 9110, section 15), "Unknown" for others. */
std::string_view reason_of(unsigned status) noexcept;

}  // namespace mooring::http
