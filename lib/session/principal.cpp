#include <mooring/session/principal.hpp>

#include <openssl/crypto.h>

namespace mooring {
namespace {

bool is_usable(std::string_view name) { return !name.empty() && name.find('\0') == std::string_view::npos; }

bool is_equal(std::string_view a, std::string_view b) noexcept { return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0; }

}  // namespace

result<principal> principal::of(std::string issuer, std::string subject) {
  if (!is_usable(issuer) || !is_usable(subject)) return make_error_code(errc::invalid_argument);
  return principal(std::make_shared<names const>(names{std::move(issuer), std::move(subject)}));
}

std::string_view principal::issuer() const noexcept { return names_ ? std::string_view(names_->issuer) : std::string_view(); }

std::string_view principal::subject() const noexcept { return names_ ? std::string_view(names_->subject) : std::string_view(); }

bool principal::is_same_as(principal const& other) const noexcept {
  if (!names_ || !other.names_) return names_ == other.names_;
  // Both comparisons always run.
  bool const same_issuer = is_equal(names_->issuer, other.names_->issuer);
  bool const same_subject = is_equal(names_->subject, other.names_->subject);
  return same_issuer & same_subject;
}

}  // namespace mooring
