#pragma once

#include <mooring/core/error.hpp>
#include <mooring/session/principal.hpp>

#include "http/message.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace mooring::gateway {

/** @brief Who stands behind which bearer token. Immutable, so any thread may ask. */
class tokens {
 public:
  /** Everybody is anonymous. */
  tokens() = default;

  /** @brief Reads a JSON object: token -> `{"issuer": ..., "subject": ...}`.
   *  @param why  Where given, set to a sentence that repeats no token.
   *  @par Errors  `errc::invalid_argument`: not such an object.
   */
  static result<tokens> parse(std::string_view text, std::string* why = nullptr);

  /** @brief As `parse`, from a file. */
  static result<tokens> load(std::string const& path, std::string* why = nullptr);

  /** @brief Who sent a request; nothing when credentials are missing or unknown: answer 401. */
  std::optional<principal> identify(http::fields const& header) const;

 private:
  bool is_required_ = false;
  std::unordered_map<std::string, principal> principals_;
};

}  // namespace mooring::gateway
