#include "scenarios/session_log.hpp"

#include <algorithm>

namespace mooring::test {
namespace {

bool is_end(operation<session_model::call> const& one) {
  bool const is_done = one.is_certain() && one.call.outcome == session_model::seen::done;
  return is_done && (one.call.what == session_model::verb::terminate || one.call.what == session_model::verb::revoke);
}

}  // namespace

void session_log::add(std::string const& id, event_number start, time_point now, call made) {
  ids_[id].calls.push_back({start, tick(now), made});
}

void session_log::add_lost(std::string const& id, event_number start, time_point now, call made) {
  made.outcome = seen::lost;
  auto& one = ids_[id];
  auto const end = tick(now);
  if (made.what == verb::terminate) {
    auto& told = one.given_up.try_emplace(made.replica, surrender{start, end}).first->second;
    told = {std::min(told.earliest, start), std::min(told.told, end)};
  }
  one.calls.push_back({start, operation<call>::never, made});
}

void session_log::may_expire(std::string const& id, event_number from) {
  call gone;
  gone.what = verb::expire;
  ids_[id].calls.push_back({from, operation<call>::never, gone});
}

void session_log::took_off(std::string const& id, unsigned replica, bits backends, time_point now) {
  ids_[id].removals.push_back({tick(now), replica, backends});
}

bool session_log::was_terminated(std::string const& id) const {
  auto const found = ids_.find(id);
  return found != ids_.end() && std::any_of(found->second.calls.begin(), found->second.calls.end(), is_end);
}

bool session_log::was_ended_by(std::string const& id, unsigned replica) const {
  auto const found = ids_.find(id);
  if (found == ids_.end()) return false;
  return found->second.given_up.contains(replica) ||
         std::any_of(found->second.calls.begin(), found->second.calls.end(),
                     [replica](auto const& one) { return is_end(one) && one.call.replica == replica; });
}

void session_log::judge(verdicts& found) const {
  int number = 0;
  for (auto const& [id, one] : ids_) {
    auto const name = "session " + std::to_string(++number) + ": ";
    for (auto const& made : one.calls) {
      bool const is_served = made.call.what == verb::get && made.call.outcome == seen::done;
      auto const broken = is_served ? broken_by(one, made) : std::string();
      if (!broken.empty()) found.fail(name + broken);
    }
    auto const text = unexplained<session_model>(history_of(one));
    if (!text.empty()) found.fail(name + text);
  }
}

// The calls, where a get takes effect as early as the inquiry that it may rest on (CA14).
session_history session_log::history_of(story const& one) const {
  session_history history;
  for (auto made : one.calls) {
    auto const begun = time_of(made.start);
    auto const given_up = one.given_up.find(made.call.replica);
    // A replica that lost the reply of its terminate treats the id as gone whatever the storage says (SM41): what it answers says nothing of that. Others may see it
    // before the caller of that terminate is told.
    if (given_up != one.given_up.end() && given_up->second.earliest < made.end) {
      bool const is_absent = made.call.outcome == seen::absent;
      if (is_absent && made.call.what != verb::decorate) continue;
      if (is_absent) made.call.outcome = seen::lost;
      made.is_optional = is_absent || made.call.what == verb::notify;
    }
    auto const asked = one.asked.find(made.call.replica);
    if (made.call.what == verb::get && asked != one.asked.end()) {
      auto const& all = asked->second;
      bool const is_served = made.call.outcome == seen::done;
      made.start = is_served ? all.oldest_for_session(made.start, begun, remembered_) : all.oldest_for_absence(made.start, begun);
    }
    add_to(history, made);
  }
  return history;
}

// What no inquiry, however old, excuses in a get that was served.
std::string session_log::broken_by(story const& one, operation<call> const& get) const {
  auto const begun = time_of(get.start);
  auto const given_up = one.given_up.find(get.call.replica);
  if (given_up != one.given_up.end() && given_up->second.told < get.start) return "a get was served by the replica that had given the session up (SM41)";
  for (auto const& made : one.calls) {
    if (!made.is_certain() || made.end >= get.start || made.call.outcome != seen::done) continue;
    bool const is_own = made.call.replica == get.call.replica;
    if (is_end(made) && is_own) return "a get was served by the replica that had terminated the session (RA42)";
    if (is_end(made) && begun > time_of(made.end) + remembered_ + read_) return "a get was served that began too long after a terminate elsewhere (RA48)";
    if (made.call.what == verb::decorate && is_own && (get.call.tags & made.call.tags) == 0) return "a get was served without the replica's own decoration (SM35)";
  }
  for (auto const& write : one.removals) {
    bool const is_own = write.replica == get.call.replica;
    if (is_own && (get.call.backends & write.backends) != 0 && is_told(one, write, get.start))
      return "a get was served with a backend that the replica itself had taken off (SM47)";
  }
  return {};
}

// Whether one notification of the replica, and no other that might still be on its way to the cache, stands for a removal, and was told so before an event.
bool session_log::is_told(story const& one, removal const& write, event_number before) const {
  std::size_t around = 0;
  bool is_told = false;
  for (auto const& made : one.calls) {
    if (made.call.what != verb::notify || made.call.replica != write.replica || made.call.backends != write.backends) continue;
    if (made.start > write.at || made.end < write.at) continue;
    ++around;
    is_told = made.is_certain() && made.end < before;
  }
  return around == 1 && is_told;
}

}  // namespace mooring::test
