#include "history/register_model.hpp"

#include <cstdio>

namespace mooring::test {
namespace {

using token = register_model::token;
using seen = register_model::seen;

char const* name_of(register_model::verb what) {
  switch (what) {
    case register_model::verb::create: return "create";
    case register_model::verb::update: return "update";
    case register_model::verb::update_if: return "update on revision";
    case register_model::verb::store: return "store";
    case register_model::verb::erase: return "erase";
    case register_model::verb::erase_if: return "erase on revision";
    case register_model::verb::read: return "read";
    case register_model::verb::expire: return "expire";
  }
  return "?";
}

char const* name_of(seen outcome) {
  switch (outcome) {
    case seen::written: return "written";
    case seen::exists: return "exists";
    case seen::conflict: return "conflict";
    case seen::absent: return "absent";
    case seen::found: return "found";
    case seen::removed: return "removed";
    case seen::lost: return "lost";
  }
  return "?";
}

std::optional<token> only_if(bool holds, token next) { return holds ? std::optional(next) : std::nullopt; }

std::string short_text(token value) {
  char digits[17];
  std::snprintf(digits, sizeof digits, "%llx", static_cast<unsigned long long>(value));
  return digits;
}

}  // namespace

std::optional<register_model::state> register_model::apply(state now, call const& made) {
  bool const is_done = made.outcome == seen::written || made.outcome == seen::removed || made.outcome == seen::lost;
  switch (made.what) {
    case verb::create:
      return is_done ? only_if(now == 0, made.value) : only_if(made.outcome == seen::exists && now != 0, now);
    case verb::update:
      return is_done ? only_if(now != 0, made.value) : only_if(made.outcome == seen::absent && now == 0, now);
    case verb::update_if:
    case verb::erase_if: {
      if (is_done) return only_if(now != 0 && now == made.expected, made.what == verb::erase_if ? 0 : made.value);
      if (made.outcome == seen::conflict) return only_if(now != 0 && now != made.expected, now);
      return only_if(made.outcome == seen::absent && now == 0, now);
    }
    case verb::store:
      return only_if(is_done, made.value);
    case verb::erase:
      if (made.outcome == seen::lost) return 0;
      return only_if(made.outcome == (now != 0 ? seen::removed : seen::absent), 0);
    case verb::read:
      return only_if(made.outcome == seen::found ? now != 0 && now == made.value : made.outcome == seen::absent && now == 0, now);
    case verb::expire:
      return 0;
  }
  return std::nullopt;
}

std::string register_model::describe(call const& made) {
  std::string text = name_of(made.what);
  if (made.expected != 0) text += " " + short_text(made.expected);
  text += std::string(": ") + name_of(made.outcome);
  if (made.value != 0) text += " " + short_text(made.value);
  return text;
}

}  // namespace mooring::test
