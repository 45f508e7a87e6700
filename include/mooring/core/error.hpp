#pragma once

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/error_condition.hpp>
#include <boost/system/result.hpp>

#include <type_traits>

namespace mooring {

using boost::system::error_code;

/** @brief The outcome of an operation that can fail: a value or an `error_code`, never an exception.
 *
 *  Absence is not a failure: what may be absent is `result<std::optional<T>>`. `result` is not nodiscard, so name what you await.
 */
template <class T = void>
using result = boost::system::result<T>;

/** @brief Why an operation did not do what it was asked. Zero is success and has no name.
 *
 *  Each value has a message, the HTTP status it deserves (`http_status`) and what a retry is worth (`retry_of`).
 */
enum class errc {
  invalid_argument = 1,  ///< An argument or option breaks its documented rule; nothing was done.
  invalid_id,            ///< An id is empty, over 256 bytes, or holds a byte outside 0x21-0x7E; nothing was done.
  not_found,             ///< The session does not exist: never made, expired or terminated.
  corrupt_record,        ///< What is stored cannot be read as a record. It can still be erased.
  wrong_owner,           ///< The session belongs to another principal.
  exists,                ///< The id is taken; nothing was written.
  conflict,              ///< Another writer came first; nothing was written.
  too_large,             ///< A value is over its limit; nothing was written.
  not_ready,             ///< The session is still being created.
  busy,                  ///< A bound on concurrent work was reached.
  too_many_sessions,     ///< The session limit, in total or of one principal, was reached.
  storage_full,          ///< The storage takes no further entry.
  queue_full,            ///< The message queue of a session takes no further message.
  unavailable,           ///< The storage cannot be asked now; nothing was written.
  wrong_master,          ///< The server asked is no longer the master; nothing was written.
  deadline_exceeded,     ///< Time ran out, and certainly nothing was changed.
  server_error,          ///< The server refused for a reason that has no name here.
  ambiguous,             ///< A write was sent and its reply lost: carried out or not. Load to learn; never sent again.
  auth_failed,           ///< The server did not accept the credentials.
  permission_denied,     ///< The server's user may not do this.
  tls_failed,            ///< The TLS handshake or the check of the peer failed.
  config_error,          ///< The server and the configuration disagree.
  protocol_error,        ///< The server does not speak the expected protocol.
  unsupported_version,   ///< The record was written by a newer version, or under a key that is not configured here.
  closed,                ///< The object was closed.
  disconnected,          ///< The session's stream is disconnected.
  revoked,               ///< The leased value was closed, because its drain deadline passed.
  load_failed,           ///< The loader or factory failed or threw.
  cancelled,             ///< Cancelled by the caller, and certainly nothing was changed.
  unsupported,           ///< This implementation has no such operation.
};

/** @brief What is known after an error, for callers that do not care which one it was: `if (ec == outcome::not_known)`. */
enum class outcome {
  refused = 1,  ///< Nothing was done, and the same call will be refused again.
  absent,       ///< The session does not exist, for good.
  not_known,    ///< The storage did not say: neither found nor absent. Keep what you have.
  ambiguous,    ///< A write may or may not have been carried out.
};

/** What a retry of the same call is worth. */
enum class retry {
  no,             ///< The same call fails again.
  yes,            ///< Later, it may succeed.
  settle_first,   ///< Load first: the write may have been carried out.
  elsewhere,      ///< Another replica may be able to.
  after_backoff,  ///< The library refuses until its own backoff has passed.
};

/** @brief The category of `errc`. Name: "mooring". Equal on all threads; never destroyed. */
boost::system::error_category const& mooring_category() noexcept;

/** @brief The category of `outcome`. Name: "mooring.outcome". */
boost::system::error_category const& outcome_category() noexcept;

inline error_code make_error_code(errc value) noexcept { return error_code(static_cast<int>(value), mooring_category()); }

inline boost::system::error_condition make_error_condition(outcome value) noexcept {
  return boost::system::error_condition(static_cast<int>(value), outcome_category());
}

/** @brief The name of an error as it is written in code, such as `deadline_exceeded`. Unknown values: "unknown". */
char const* name_of(errc value) noexcept;

/** @brief The HTTP status (RFC 9110, section 15) that a gateway should answer with; 499 for a caller who left. */
unsigned http_status(errc value) noexcept;

/** @brief As above; an error of another category is 500. Success is 200. */
unsigned http_status(error_code const& error) noexcept;

/** @brief What a retry of the same call is worth. */
retry retry_of(errc value) noexcept;

/** @brief As above; errors of other categories are `retry::no`. */
retry retry_of(error_code const& error) noexcept;

}  // namespace mooring

template <>
struct boost::system::is_error_code_enum<mooring::errc> : std::true_type {};

template <>
struct boost::system::is_error_condition_enum<mooring::outcome> : std::true_type {};
