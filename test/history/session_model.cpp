#include "history/session_model.hpp"

namespace mooring::test {
namespace {

using verb = session_model::verb;
using seen = session_model::seen;
using bits = session_model::bits;

std::string list_of(bits set) {
  std::string text = "{";
  for (unsigned i = 0; i < 64; ++i)
    if (set >> i & 1) text += (text.size() > 1 ? "," : "") + std::to_string(i);
  return text + "}";
}

char const* name_of(session_model::verb what) {
  switch (what) {
    case session_model::verb::create: return "create";
    case session_model::verb::decorate: return "decorate";
    case session_model::verb::notify: return "notify";
    case session_model::verb::terminate: return "terminate";
    case session_model::verb::revoke: return "revoke";
    case session_model::verb::get: return "get";
    case session_model::verb::validate: return "validate";
    case session_model::verb::expire: return "expire";
  }
  return "?";
}

char const* name_of(session_model::seen outcome) {
  switch (outcome) {
    case session_model::seen::done: return "done";
    case session_model::seen::absent: return "absent";
    case session_model::seen::not_ready: return "not ready";
    case session_model::seen::lost: return "lost";
  }
  return "?";
}

}  // namespace

std::optional<session_model::state> session_model::apply(state now, call const& made) {
  bool const is_done = made.outcome == seen::done || made.outcome == seen::lost;
  if (!is_done) {
    if (now.is == life::live) return std::nullopt;
    if (made.outcome == seen::absent) return state{life::dead, 0, 0};  // an id that was minted is absent for good (RA06)
    // What is not there yet is not ready; nobody is told so of a session that is dead.
    return now.is == life::unborn ? std::optional(now) : std::nullopt;
  }
  switch (made.what) {
    case verb::create:
      if (now.is != life::unborn) return std::nullopt;
      return state{life::live, made.tags, made.backends};
    case verb::decorate:
      if (now.is != life::live || (now.tags & made.tags) != 0) return std::nullopt;
      return state{life::live, now.tags | made.tags, now.backends};
    case verb::notify:
      // Of a session that is gone, or of a backend that was taken off before, it is a success that changes nothing.
      now.backends &= ~made.backends;
      return now;
    case verb::revoke:
      if (now.is == life::live) return std::nullopt;
      return state{life::dead, 0, 0};
    case verb::terminate:
    case verb::expire:
      return state{life::dead, 0, 0};
    case verb::get:
      if (now.is != life::live || now.tags != made.tags || now.backends != made.backends) return std::nullopt;
      return now;
    case verb::validate:
      return now.is == life::live ? std::optional(now) : std::nullopt;
  }
  return std::nullopt;
}

std::string session_model::describe(call const& made) {
  return "replica " + std::to_string(made.replica) + " " + name_of(made.what) + ": " + name_of(made.outcome) + " tags " + list_of(made.tags) + " backends " +
         list_of(made.backends);
}

void add_to(session_history& calls, operation<session_model::call> made) {
  calls.push_back(made);
  if (made.call.what != verb::decorate || made.call.outcome != seen::absent) return;
  made.call.outcome = seen::lost;
  made.is_optional = true;
  calls.push_back(made);
}

}  // namespace mooring::test
