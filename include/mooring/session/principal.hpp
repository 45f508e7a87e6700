#pragma once

#include <mooring/core/error.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace mooring {

/** @brief Who calls, or who owns a session: nobody (anonymous), or a subject as one issuer names it.
 *
 *  Two principals are the same when issuer and subject are, byte for byte; a token is no part of it. Copying is cheap. No printed form.
 */
class principal {
 public:
  /** Nobody. Sessions that nobody owns serve callers without credentials only. */
  principal() noexcept = default;
  static principal anonymous() noexcept { return {}; }

  /** @brief A bound principal.
   *  @param issuer   Who named the subject, such as the URL of an identity provider: not empty, without NUL.
   *  @param subject  Whom: not empty, without NUL. Both are compared byte for byte.
   *  @return Never an anonymous one.
   *  @par Errors  `errc::invalid_argument`: issuer or subject is empty or holds a NUL. Such credentials never count as anonymous.
   */
  static result<principal> of(std::string issuer, std::string subject);

  bool is_anonymous() const noexcept { return !names_; }

  /** Empty when anonymous. */
  std::string_view issuer() const noexcept;
  std::string_view subject() const noexcept;

  /** @brief Whether both are the same, in a time that depends on the lengths only. */
  bool is_same_as(principal const& other) const noexcept;

 private:
  struct names {
    std::string issuer;
    std::string subject;
  };
  explicit principal(std::shared_ptr<names const> n) noexcept : names_(std::move(n)) {}

  std::shared_ptr<names const> names_;  // null: anonymous
};

}  // namespace mooring
