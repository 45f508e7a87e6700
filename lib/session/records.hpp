#pragma once

#include <mooring/session/record.hpp>
#include <mooring/storage/storage.hpp>

#include "session/manager_state.hpp"

#include <cstdint>
#include <optional>
#include <string>

// The storage as the manager's operations use it: one deadline each, observed, and the errors of reads told as what they mean for a session.
namespace mooring::detail {

using stored_record = stored<metadata>;

/** @brief Reads and moves nothing.  @par Errors  A deadline that passed is `unavailable`: nothing is known. */
awaitable<result<std::optional<stored_record>>> peek_record(state_ptr state, std::string id, duration deadline);

/** @brief Reads and slides. Errors as above. */
awaitable<result<std::optional<stored_record>>> load_record(state_ptr state, std::string id, duration deadline);

/** @brief Slides. False: absent. Errors as above. */
awaitable<result<bool>> touch_record(state_ptr state, std::string id, duration deadline);

awaitable<write_outcome> create_placeholder(state_ptr state, std::string id, duration deadline);

/** @brief Writes on a revision; an ambiguous outcome is settled by one peek, where that can settle it.
 *
 *  Settled: written, when the stored revision is the attempted one; absent, when there is nothing. Otherwise it stays `ambiguous`: the write may be on its way
 *  still, or somebody else has written since.
 */
awaitable<write_outcome> update_record(state_ptr state, std::string id, metadata next, revision expected, duration deadline);

awaitable<result<bool>> write_hints(state_ptr state, std::string id, hint_map hints, duration deadline);

/** @brief Erases. `only` is no revision: whatever is stored; otherwise what has that revision, or `conflict`. */
awaitable<result<bool>> erase_record(state_ptr state, std::string id, revision only, duration deadline);

/** @brief Whether enough servers of the storage know of what was written since that epoch. What cannot be learnt is false. */
awaitable<bool> is_replicated(state_ptr state, std::uint64_t since, duration deadline);

/** What became of what a failed creation may have written: it may still be there or come, this erased it, or it had gone before. */
enum class leftover { possible, erased, absent };

/** @brief Takes back what a failed creation may have written: the placeholder, or its successor if that write came through late.
 *  Best effort: what it leaves behind expires. */
awaitable<leftover> take_back(state_ptr state, std::string id, revision placeholder, revision attempted, duration deadline);

/** @brief A record that a caller may use, or why it may not. */
struct owned_record {
  owned_record() = default;
  owned_record(revision r, mooring::record p, metadata s, hint_map h) : at(r), parts(std::move(p)), stored(std::move(s)), hints(std::move(h)) {}

  revision at;
  record parts;
  metadata stored;
  hint_map hints;
};

/** @brief Takes a record apart and verifies its owner; a placeholder has none and passes.
 *  @par Errors  `corrupt_record`, `wrong_owner`, `unsupported_version`. */
result<owned_record> verify_record(manager_state const& state, stored_record found, principal const& who);

}  // namespace mooring::detail
