#pragma once

#include "storage/redis_errors.hpp"
#include "storage/redis_link.hpp"

#include <mooring/storage/storage.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace mooring::detail {

/** What an operation learnt of one request. */
struct redis_outcome {
  redis_outcome(errc e, bool sent) : error(make_error_code(e)), was_sent(sent) {}
  explicit redis_outcome(redis_answer answer)
      : error(answer.error), was_sent(answer.was_sent), connection(answer.connection), reply(std::move(answer.reply)) {
    // A server that says no has not done it.
    if (error || !is_refusal()) return;
    error = make_error_code(error_of_reply(reply.text));
    was_sent = false;
  }

  error_code error;
  bool was_sent;  // with an error: the server may have carried it out
  std::uint64_t connection = 0;
  redis_reply reply;

  bool is_done() const { return !error && reply.what == redis_reply::kind::text && reply.text == "OK"; }
  bool is_refusal() const { return reply.what == redis_reply::kind::error; }
  bool is(std::string_view word) const { return !error && reply.what == redis_reply::kind::list && !reply.items.empty() && reply.items.front().text == word; }
  bool has_record() const { return is("ok") && reply.items.size() == 2 && reply.items.back().what == redis_reply::kind::text; }
};

/** @brief What the words of our scripts mean that are the same for all of them, and what an answer means that none of ours gives. */
inline error_code error_of_word(redis_outcome const& what) {
  if (what.is("conflict")) return make_error_code(errc::conflict);
  if (what.is("exists")) return make_error_code(errc::exists);
  if (what.is("corrupt")) return make_error_code(errc::corrupt_record);
  if (what.is("large")) return make_error_code(errc::too_large);
  if (what.is("version")) return make_error_code(errc::unsupported_version);
  return make_error_code(errc::protocol_error);
}

/** @brief Why there is no outcome to tell. After an answer that none of ours gives, or none at all, nobody knows whether a write was carried out. */
inline error_code failure_of(redis_outcome const& what, bool is_write) {
  auto const why = what.error ? what.error : error_of_word(what);
  bool const is_unknown = what.error ? what.was_sent : why == errc::protocol_error;
  return is_write && is_unknown ? make_error_code(errc::ambiguous) : why;
}

inline write_outcome failed_write(redis_outcome const& what, revision attempted) {
  auto const why = failure_of(what, true);
  return why == errc::ambiguous ? write_outcome(errc::ambiguous, attempted) : write_outcome(why);
}

/** @brief Of a script that writes. */
inline write_outcome write_outcome_of(redis_outcome const& what, revision attempted) {
  if (what.is("ok")) return write_outcome::written(attempted);
  if (what.is("absent")) return write_outcome::absent();
  return failed_write(what, attempted);
}

/** @brief Of SET. */
inline write_outcome set_outcome_of(redis_outcome const& what, revision attempted) {
  return what.is_done() ? write_outcome::written(attempted) : failed_write(what, attempted);
}

/** @brief Of a script that changes something which has no revision. */
inline result<bool> change_outcome_of(redis_outcome const& what, bool is_write) {
  if (what.is("ok")) return true;
  if (what.is("absent")) return false;
  return failure_of(what, is_write);
}

/** @brief Of DEL. */
inline result<bool> erase_outcome_of(redis_outcome const& what) {
  if (!what.error && what.reply.what == redis_reply::kind::number) return what.reply.number != 0;
  return failure_of(what, true);
}

}  // namespace mooring::detail
