#include "session/cancellation.hpp"
#include "session/engine.hpp"
#include "session/operation.hpp"
#include "session/records.hpp"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include <atomic>
#include <utility>

namespace mooring::detail {
namespace {

// Whether a caller may terminate an id, and whether there is anything to terminate. Whoever was shown a placeholder, which has no owner, may terminate that and
// not what comes after it.
enum class claim { whatever_is_there, placeholder, absent, hidden };
struct claim_outcome {
  claim_outcome(claim i = claim::absent, revision r = {}) noexcept : is(i), placeholder(r) {}
  claim is;
  revision placeholder;
};

awaitable<result<claim_outcome>> claim_session(engine_ptr self, std::string id, principal who, duration deadline) {
  auto const state = self->state;
  std::optional<principal> known_owner;
  if (auto const known = self->cache->peek(id)) known_owner = known.value()->owner;
  if (known_owner && known_owner->is_same_as(who)) co_return claim_outcome(claim::whatever_is_there);
  auto read = co_await peek_record(state, std::move(id), deadline);
  // What cannot be read can still be terminated, by whoever knows the id.
  if (!read && read.error() == errc::corrupt_record) co_return claim_outcome(claim::whatever_is_there);
  if (!read) co_return read.error();
  if (!*read) co_return claim_outcome(claim::absent);
  auto const found = verify_record(*state, std::move(**read), who);
  if (found && found->parts.state == record_state::placeholder) co_return claim_outcome(claim::placeholder, found->at);
  if (found || found.error() == errc::corrupt_record) co_return claim_outcome(claim::whatever_is_there);
  if (found.error() == errc::wrong_owner && state->options.hide_owner_mismatch) co_return claim_outcome(claim::hidden);
  co_return found.error();
}

// Erasing is the one write that may be repeated: a lost reply is confirmed by erasing again.
awaitable<result<bool>> erase_and_confirm(state_ptr state, std::string id, revision only, duration deadline) {
  auto const erased = co_await erase_record(state, id, only, deadline);
  if (erased || erased.error() != errc::ambiguous) co_return erased;
  auto const again = co_await erase_record(std::move(state), std::move(id), only, deadline);
  if (again) co_return true;
  if (again.error() == errc::conflict) co_return again;
  co_return make_error_code(errc::ambiguous);
}

// A termination that its caller may leave.
class termination_work : public operation<termination> {
 public:
  /** Whether the caller may end whatever is there, not only a placeholder. */
  std::atomic<bool> is_owned{false};
};

// Nobody knows whether it is ended. For this replica it is: for everybody, if the caller is its owner. What was a placeholder may have become somebody else's session
// meanwhile, and then it is gone for the caller only.
void give_up(engine& self, std::string const& id, principal const& who, bool is_owned) {
  if (is_owned) return self.bury(id, disposal_reason::terminated);
  self.state->bury_for(id, who);  // first: what the caller begins later finds it
  if (auto const creation = self.state->creations->find(id)) is_owned = creation->owner.is_same_as(who);
  if (auto const restoring = self.state->rights.find(id)) is_owned = is_owned || restoring->is_same_as(who);
  // Last: what has been created or restored by now is cached.
  if (auto const known = self.cache->peek(id)) is_owned = is_owned || known.value()->owner.is_same_as(who);
  if (is_owned) self.bury(id, disposal_reason::terminated);
}

awaitable<result<termination>> terminate_session(engine_ptr self, std::string id, principal who, duration deadline, std::shared_ptr<termination_work> work) {
  auto const state = self->state;
  auto const epoch = state->store->epoch();
  result<bool> erased(make_error_code(errc::conflict));
  // Once more for a placeholder's one successor, and once more for an erase that nobody answered.
  int unanswered = 0;
  for (int tries = 0; tries < 3 && unanswered < 2; ++tries) {
    auto const claimed = co_await claim_session(self, id, who, deadline);
    if (!claimed && claimed.error() != errc::wrong_owner && !erased && erased.error() == errc::ambiguous) co_return erased.error();
    if (!claimed) co_return claimed.error();
    if (claimed->is == claim::absent && tries > 0) {
      erased = true;  // it was there, and this may have ended it
      break;
    }
    if (claimed->is == claim::absent) self->bury_if_held(id);
    if (claimed->is == claim::absent || claimed->is == claim::hidden) {
      auto const replicated = co_await is_replicated(state, epoch, deadline);
      co_return termination{false, replicated};
    }
    work->is_owned.store(claimed->is == claim::whatever_is_there);
    if (tries == 0 && !work->commit()) co_return make_error_code(errc::cancelled);
    erased = co_await erase_and_confirm(state, id, claimed->placeholder, deadline);
    bool const is_unanswered = !erased && erased.error() == errc::ambiguous;
    bool const is_overtaken = !erased && erased.error() == errc::conflict;
    if (!is_overtaken && (work->is_owned || !is_unanswered)) break;
    unanswered += is_unanswered;
  }
  // What refused a placeholder's erase at last says nothing of an earlier one that nobody answered. (One that was overtaken came too late for its successor.)
  bool const is_open = unanswered > 0 && !work->is_owned;
  if (!erased && erased.error() != errc::conflict && is_open) erased = make_error_code(errc::ambiguous);
  if (!erased && erased.error() != errc::ambiguous) co_return erased.error();
  if (erased) self->bury(id, disposal_reason::terminated);
  else give_up(*self, id, who, work->is_owned);
  if (auto const creation = state->creations->find(id); creation && state->is_gone(id)) creation->work->stop();
  state->terminated.fetch_add(1, std::memory_order_relaxed);
  if (!erased) co_return erased.error();
  auto const replicated = co_await is_replicated(state, epoch, deadline);
  co_return termination{*erased, replicated};
}

awaitable<void> terminating(engine_ptr self, answer<termination> caller, std::shared_ptr<termination_work> work, std::string id, principal who, call_options call,
                            [[maybe_unused]] outstanding::token counted) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  auto const deadline = step_deadline(call, self->state->options.deadlines.terminate);
  auto done = co_await terminate_session(self, std::move(id), std::move(who), deadline, std::move(work));
  if (!done) self->state->refuse("terminate", done.error());
  caller.deliver(done);
}

}  // namespace

awaitable<result<termination>> terminate(engine_ptr self, std::string id, principal who, call_options call) {
  if (auto admitted = self->admit("terminate", id, call); !admitted) co_return admitted.error();
  auto const cancellation = co_await asio::this_coro::cancellation_state;
  if (is_cancelled(cancellation)) co_return make_error_code(errc::cancelled);
  auto const work = std::make_shared<termination_work>();
  answer<termination> caller(work);
  outstanding::token counted(self->state->working);
  self->state->work.spawn(terminating(self, std::move(caller), work, id, who, call, std::move(counted)));
  auto const ended = co_await operation<termination>::join(work);
  // Whoever is told `ambiguous` is told at this moment that the id is gone here, also one who left while the erase was under way.
  if (!ended && ended.error() == errc::ambiguous) give_up(*self, id, who, work->is_owned);
  co_return ended;
}

}  // namespace mooring::detail
