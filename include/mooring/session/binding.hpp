#pragma once

#include <mooring/core/entropy.hpp>
#include <mooring/core/error.hpp>
#include <mooring/core/secret.hpp>
#include <mooring/session/principal.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace mooring {

/** A key that owners are bound with. All replicas of a storage have the same keys. */
struct binding_key {
  binding_key(std::string key_id, mooring::secret bytes) : id(std::move(key_id)), key(std::move(bytes)) {}

  /** What a record names it by: 1 to 64 letters, digits, '-' or '_', unique, not "none". */
  std::string id;
  /** At least 32 bytes. */
  mooring::secret key;
};

/** @brief Writes and verifies the text that binds a record to its owner, without holding the owner's names.
 *
 *  A bound text is an HMAC-SHA-256 over a domain tag, a random salt of 16 bytes, and issuer and subject, each framed by its length; it names the key and
 *  the salt. Without keys the salt alone is the HMAC's key: that hides the names from a glance and proves nothing to who can write the storage.
 *
 *  @par Thread safety  Any thread: nothing changes after construction.
 *  @par Source  RFC 2104, FIPS 180-4.
 */
class owner_binder {
 public:
  /** @brief The first key signs, all verify. No key: salt alone.
   *  @param why  Where given, is set to a sentence when the keys are refused. It never holds a key.
   *  @return The binder.
   *  @par Errors  `errc::invalid_argument`: a key below 32 bytes, an ill-formed id, or one id twice.
   */
  static result<owner_binder> make(std::vector<binding_key> keys, std::string* why = nullptr);

  /** @brief The text for a new record of this owner.
   *  @return Another text each time, but for an anonymous owner.
   *  @par Errors  `errc::unavailable`: the random source failed.
   */
  result<std::string> bind(principal const& owner, entropy_service& source) const;

  /** @brief Whether `caller` is the owner named by `binding`.
   *
   *  Texts that cannot be judged are refused alike for every caller, the comparison takes the same time wherever texts differ.
   *  @return Success, or
   *   - `errc::wrong_owner`          another principal's, or one of both is anonymous.
   *   - `errc::corrupt_record`       empty, cut or malformed.
   *   - `errc::unsupported_version`  the text names a key that is not configured here.
   */
  result<> verify(std::string_view binding, principal const& caller) const;

  bool has_keys() const noexcept { return !keys_.empty(); }

 private:
  explicit owner_binder(std::vector<binding_key> keys) noexcept : keys_(std::move(keys)) {}

  std::vector<binding_key> keys_;
};

}  // namespace mooring
