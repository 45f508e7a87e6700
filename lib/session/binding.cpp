#include <mooring/session/binding.hpp>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace mooring {
namespace {

// A text is "anonymous", or "hmac-sha256:<key id>:<32 digits of salt>:<64 digits of MAC>".
constexpr std::string_view anonymous_text = "anonymous";
constexpr std::string_view scheme = "hmac-sha256:";
constexpr std::string_view domain_tag = "mooring owner binding 1";
constexpr std::string_view no_key_id = "none";
constexpr std::size_t salt_bytes = 16;
constexpr std::size_t mac_bytes = 32;
constexpr std::size_t min_key_bytes = 32;
constexpr std::size_t max_key_id_bytes = 64;

using salt_type = std::array<unsigned char, salt_bytes>;
using mac_type = std::array<unsigned char, mac_bytes>;

bool is_key_id(std::string_view text) {
  auto const is_allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; };
  return !text.empty() && text.size() <= max_key_id_bytes && std::all_of(text.begin(), text.end(), is_allowed);
}

std::string hex(std::span<unsigned char const> bytes) {
  constexpr char const* digits = "0123456789abcdef";
  std::string text;
  for (auto const byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

template <std::size_t Size>
bool parse_hex(std::string_view text, std::array<unsigned char, Size>& out) {
  if (text.size() != 2 * Size) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char const c = text[i];
    int const value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (value < 0) return false;
    out[i / 2] = static_cast<unsigned char>(i % 2 == 0 ? value << 4 : out[i / 2] | value);
  }
  return true;
}

// The length first, so that no two pairs of names give the same bytes.
void append_framed(std::vector<unsigned char>& message, std::string_view text) {
  for (int shift = 56; shift >= 0; shift -= 8) message.push_back(static_cast<unsigned char>(static_cast<std::uint64_t>(text.size()) >> shift));
  message.insert(message.end(), text.begin(), text.end());
}

mac_type mac_of(std::span<unsigned char const> key, salt_type const& salt, principal const& owner) {
  std::vector<unsigned char> message;
  append_framed(message, domain_tag);
  message.insert(message.end(), salt.begin(), salt.end());
  append_framed(message, owner.issuer());
  append_framed(message, owner.subject());
  mac_type mac{};
  unsigned int written = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), message.data(), message.size(), mac.data(), &written);
  OPENSSL_cleanse(message.data(), message.size());
  return mac;
}

}  // namespace

result<owner_binder> owner_binder::make(std::vector<binding_key> keys, std::string* why) {
  auto const refuse = [&](std::string sentence) -> result<owner_binder> {
    if (why) *why = std::move(sentence);
    return make_error_code(errc::invalid_argument);
  };
  for (std::size_t i = 0; i < keys.size(); ++i) {
    auto const& id = keys[i].id;
    if (!is_key_id(id) || id == no_key_id)
      return refuse("binding_keys: a key's id must be 1 to 64 letters, digits, '-' or '_', and not \"none\"");
    if (keys[i].key.size() < min_key_bytes)
      return refuse("binding_keys: the key \"" + id + "\" has " + std::to_string(keys[i].key.size()) + " bytes; it must have at least 32");
    for (std::size_t j = 0; j < i; ++j)
      if (keys[j].id == id) return refuse("binding_keys: the id \"" + id + "\" is there twice");
  }
  return owner_binder(std::move(keys));
}

result<std::string> owner_binder::bind(principal const& owner, entropy_service& source) const {
  if (owner.is_anonymous()) return std::string(anonymous_text);
  salt_type salt{};
  if (auto filled = source.fill(std::as_writable_bytes(std::span(salt))); !filled) return filled.error();
  auto const key = keys_.empty() ? std::span<unsigned char const>(salt) : keys_.front().key.bytes();
  auto const id = keys_.empty() ? no_key_id : std::string_view(keys_.front().id);
  return std::string(scheme) + std::string(id) + ':' + hex(salt) + ':' + hex(mac_of(key, salt, owner));
}

result<> owner_binder::verify(std::string_view binding, principal const& caller) const {
  if (binding == anonymous_text) {
    if (caller.is_anonymous()) return {};
    return make_error_code(errc::wrong_owner);
  }
  if (!binding.starts_with(scheme)) return make_error_code(errc::corrupt_record);
  binding.remove_prefix(scheme.size());
  auto const id_end = binding.find(':');
  if (id_end == std::string_view::npos) return make_error_code(errc::corrupt_record);
  auto const id = binding.substr(0, id_end);
  auto const rest = binding.substr(id_end + 1);
  salt_type salt{};
  mac_type stored{};
  if (!is_key_id(id) || rest.size() != 2 * (salt_bytes + mac_bytes) + 1 || rest[2 * salt_bytes] != ':' || !parse_hex(rest.substr(0, 2 * salt_bytes), salt) ||
      !parse_hex(rest.substr(2 * salt_bytes + 1), stored))
    return make_error_code(errc::corrupt_record);

  std::span<unsigned char const> key;
  if (keys_.empty() && id == no_key_id) key = salt;
  for (auto const& known : keys_)
    if (known.id == id) key = known.key.bytes();
  if (key.empty()) return make_error_code(errc::unsupported_version);

  // An anonymous caller's MAC, of two empty names, is no bound principal's: `principal::of` refuses empty names.
  auto const expected = mac_of(key, salt, caller);
  bool const is_equal = CRYPTO_memcmp(expected.data(), stored.data(), mac_bytes) == 0;
  if (!is_equal || caller.is_anonymous()) return make_error_code(errc::wrong_owner);
  return {};
}

}  // namespace mooring
