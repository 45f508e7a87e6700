#include <mooring/core/error.hpp>

#include <array>
#include <cstddef>
#include <string>

namespace mooring {
namespace {

struct description {
  char const* name;
  char const* message;
  unsigned status;
  retry advice;
};

// In the order of errc; the first stands for values that are none of ours.
constexpr std::array<description, 31> descriptions{{
    {"unknown", "unknown error", 500, retry::no},
    {"invalid_argument", "an argument or option is outside its documented range", 400, retry::no},
    {"invalid_id", "the id is empty, too long or holds a byte that is not visible ASCII", 400, retry::no},
    {"not_found", "no such session: never made, expired or terminated", 404, retry::no},
    {"corrupt_record", "the stored record cannot be read", 404, retry::no},
    {"wrong_owner", "the session belongs to another principal", 403, retry::no},
    {"exists", "the id is already taken", 409, retry::no},
    {"conflict", "another writer came first", 409, retry::yes},
    {"too_large", "the value is over its limit", 413, retry::no},
    {"not_ready", "the session is still being created", 503, retry::yes},
    {"busy", "too much work is in progress", 503, retry::yes},
    {"too_many_sessions", "the session limit is reached", 503, retry::yes},
    {"storage_full", "the storage takes no further entry", 503, retry::yes},
    {"queue_full", "the session's message queue is full", 503, retry::yes},
    {"unavailable", "the storage is unavailable", 503, retry::yes},
    {"wrong_master", "the server is no longer the master", 503, retry::yes},
    {"deadline_exceeded", "the deadline passed before anything was changed", 503, retry::yes},
    {"server_error", "the storage server refused", 503, retry::yes},
    {"ambiguous", "the write may or may not have been carried out", 503, retry::settle_first},
    {"auth_failed", "the storage server did not accept the credentials", 503, retry::no},
    {"permission_denied", "the storage user lacks a permission", 503, retry::no},
    {"tls_failed", "the TLS handshake or the check of the peer failed", 503, retry::no},
    {"config_error", "the storage server and the configuration disagree", 503, retry::no},
    {"protocol_error", "the storage server does not speak the expected protocol", 503, retry::no},
    {"unsupported_version", "the record needs a newer version or a key that is not configured", 503, retry::elsewhere},
    {"closed", "the object was closed", 503, retry::elsewhere},
    {"disconnected", "the session's stream is disconnected", 503, retry::elsewhere},
    {"revoked", "the leased value was closed at its drain deadline", 503, retry::elsewhere},
    {"load_failed", "the session could not be opened or restored", 502, retry::after_backoff},
    {"cancelled", "cancelled by the caller", 499, retry::no},
    {"unsupported", "this implementation has no such operation", 501, retry::no},
}};

description const& describe(int value) noexcept {
  auto const index = value > 0 && value < static_cast<int>(descriptions.size()) ? value : 0;
  return descriptions[static_cast<std::size_t>(index)];
}

class mooring_error_category final : public boost::system::error_category {
 public:
  char const* name() const noexcept override { return "mooring"; }
  std::string message(int value) const override { return describe(value).message; }
};

outcome outcome_of(errc value) noexcept {
  switch (value) {
    case errc::not_found:
    case errc::corrupt_record:
      return outcome::absent;
    case errc::ambiguous:
      return outcome::ambiguous;
    default:
      return http_status(value) == 503 || value == errc::load_failed || value == errc::cancelled ? outcome::not_known : outcome::refused;
  }
}

class mooring_outcome_category final : public boost::system::error_category {
 public:
  char const* name() const noexcept override { return "mooring.outcome"; }
  std::string message(int value) const override {
    switch (static_cast<outcome>(value)) {
      case outcome::refused: return "refused: nothing was done";
      case outcome::absent: return "the session does not exist";
      case outcome::not_known: return "not known: the storage did not say";
      case outcome::ambiguous: return "the write may or may not have been carried out";
    }
    return "unknown outcome";
  }
  bool equivalent(error_code const& code, int condition) const noexcept override {
    return code.category() == mooring_category() && static_cast<int>(outcome_of(static_cast<errc>(code.value()))) == condition;
  }
};

}  // namespace

boost::system::error_category const& mooring_category() noexcept {
  static mooring_error_category const instance;
  return instance;
}

boost::system::error_category const& outcome_category() noexcept {
  static mooring_outcome_category const instance;
  return instance;
}

char const* name_of(errc value) noexcept { return describe(static_cast<int>(value)).name; }

unsigned http_status(errc value) noexcept { return describe(static_cast<int>(value)).status; }

unsigned http_status(error_code const& error) noexcept {
  if (!error.failed()) return 200;
  return error.category() == mooring_category() ? describe(error.value()).status : 500;
}

retry retry_of(errc value) noexcept { return describe(static_cast<int>(value)).advice; }

retry retry_of(error_code const& error) noexcept {
  return error.category() == mooring_category() ? describe(error.value()).advice : retry::no;
}

}  // namespace mooring
