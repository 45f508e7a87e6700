#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace mooring {

/** @brief Bytes that nobody prints: wiped when freed, no stream operator, no comparison, no place in a dump of a configuration. */
class secret {
 public:
  secret() = default;
  /** Not explicit: becoming a secret gives nothing away. The text it was made from is its owner's to wipe. */
  template <std::convertible_to<std::string_view> Text>
  secret(Text const& bytes) : secret(bytes_of, std::string_view(bytes)) {}
  secret(secret const& other);
  secret(secret&& other) noexcept;
  secret& operator=(secret other) noexcept;
  ~secret();

  bool empty() const noexcept { return bytes_.empty(); }
  std::size_t size() const noexcept { return bytes_.size(); }
  std::span<unsigned char const> bytes() const noexcept { return bytes_; }
  /** A view of the bytes, for whom they are meant for. */
  std::string_view text() const noexcept { return {reinterpret_cast<char const*>(bytes_.data()), bytes_.size()}; }

 private:
  enum bytes_of_tag { bytes_of };
  secret(bytes_of_tag, std::string_view bytes);

  std::vector<unsigned char> bytes_;
};

}  // namespace mooring
