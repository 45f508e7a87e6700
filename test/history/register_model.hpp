#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace mooring::test {

/** What `storage<T>` promises of one id: a register that holds a revision, or nothing. */
struct register_model {
  /** Stands for a stored revision; 0 is absence. */
  using token = std::uint64_t;
  using state = token;

  enum class verb { create, update, update_if, store, erase, erase_if, read, expire };

  /** How it ended. `lost`: the caller does not know (the operation's `end` is `never`). */
  enum class seen { written, exists, conflict, absent, found, removed, lost };

  struct call {
    verb what = verb::read;
    seen outcome = seen::lost;
    token expected = 0;  ///< Of `update_if` and `erase_if`.
    token value = 0;     ///< Written, to be written, or read.
  };

  static std::optional<state> apply(state now, call const& made);
  static std::string describe(call const& made);
};

}  // namespace mooring::test
