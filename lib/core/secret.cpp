#include <mooring/core/secret.hpp>

#include <openssl/crypto.h>

#include <utility>

namespace mooring {

secret::secret(bytes_of_tag, std::string_view bytes) : bytes_(bytes.begin(), bytes.end()) {}

secret::secret(secret const& other) = default;

secret::secret(secret&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

secret& secret::operator=(secret other) noexcept {
  bytes_.swap(other.bytes_);  // the old bytes are wiped with `other`
  return *this;
}

secret::~secret() {
  if (!bytes_.empty()) OPENSSL_cleanse(bytes_.data(), bytes_.size());
}

}  // namespace mooring
