#pragma once

#include <mooring/storage/revision.hpp>

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

namespace mooring::test {

/** What `storage<T>` promises of one id, hints included, as a sequential machine for `linearization`. */
struct storage_model {
  /** A record is told by its revision, hints by a number; no revision is absence. */
  struct state {
    std::string revision;
    std::uint64_t hints = 0;
    auto operator<=>(state const&) const = default;
  };

  enum class verb { create, update, update_if, store, hint, read, touch, erase, erase_if };
  enum class seen { done, absent, conflict, exists, lost };

  struct call {
    verb what = verb::read;
    seen outcome = seen::lost;
    std::string expected;     // of the conditional ones
    std::string revision;     // written, to be written, or read
    std::uint64_t hints = 0;  // written or read
  };

  static std::optional<state> apply(state const& now, call const& made) {
    bool const is_there = !now.revision.empty();
    if (made.outcome == seen::absent) return only_if(!is_there, now);
    if (made.outcome == seen::exists) return only_if(made.what == verb::create && is_there, now);
    if (made.outcome == seen::conflict) return only_if(is_there && now.revision != made.expected, now);
    switch (made.what) {  // done, or lost and placed where it took effect
      case verb::create: return only_if(!is_there, state{made.revision, 0});
      case verb::update: return only_if(is_there, state{made.revision, now.hints});
      case verb::update_if: return only_if(is_there && now.revision == made.expected, state{made.revision, now.hints});
      case verb::store: return state{made.revision, 0};
      case verb::hint: return only_if(is_there, state{now.revision, made.hints});
      case verb::read: return only_if(is_there && now.revision == made.revision && now.hints == made.hints, now);
      case verb::touch: return only_if(is_there, now);
      case verb::erase: return only_if(is_there, state{});
      case verb::erase_if: return only_if(is_there && now.revision == made.expected, state{});
    }
    return std::nullopt;
  }

  static std::string describe(call const& made) {
    constexpr char const* verbs[] = {"create", "update", "update_if", "store", "hint", "read", "touch", "erase", "erase_if"};
    constexpr char const* outcomes[] = {"done", "absent", "conflict", "exists", "lost"};
    auto text = std::string(verbs[static_cast<int>(made.what)]) + ": " + outcomes[static_cast<int>(made.outcome)];
    if (!made.expected.empty()) text += ", expected " + made.expected.substr(0, 6);
    if (!made.revision.empty()) text += ", revision " + made.revision.substr(0, 6);
    return text + ", hints " + std::to_string(made.hints);
  }

 private:
  static std::optional<state> only_if(bool holds, state next) { return holds ? std::optional(std::move(next)) : std::nullopt; }
};

}  // namespace mooring::test
