#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mooring {

/** @brief Bytes that nobody prints: wiped when freed, no stream operator, no comparison, no place in a dump of a configuration. */
class secret {
 public:
  secret() = default;
  explicit secret(std::string_view bytes);
  secret(secret const& other);
  secret(secret&& other) noexcept;
  secret& operator=(secret other) noexcept;
  ~secret();

  std::size_t size() const noexcept { return bytes_.size(); }
  std::span<unsigned char const> bytes() const noexcept { return bytes_; }

 private:
  std::vector<unsigned char> bytes_;
};

}  // namespace mooring
