#include <mooring/session/session_id.hpp>

#include <openssl/sha.h>

#include <array>
#include <cstdio>

namespace mooring {

std::string short_digest(std::string_view id) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<unsigned char const*>(id.data()), id.size(), digest.data());
  std::array<char, 13> text{};
  std::snprintf(text.data(), text.size(), "%02x%02x%02x%02x%02x%02x", digest[0], digest[1], digest[2], digest[3], digest[4], digest[5]);
  return std::string(text.data(), 12);
}

}  // namespace mooring
