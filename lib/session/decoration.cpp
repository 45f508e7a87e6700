#include "core/report.hpp"
#include "session/cancellation.hpp"
#include "session/engine.hpp"
#include "session/operation.hpp"
#include "session/records.hpp"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <utility>

namespace mooring::detail {
namespace {

// What all rounds of one decoration share.
struct decoration_call {
  decoration_call(engine_ptr e, std::string i, principal w, erased_decorator d, call_options c, std::shared_ptr<operation_base> o)
      : self(std::move(e)), id(std::move(i)), who(std::move(w)), decorate(std::move(d)), call(c), deadline(step_deadline(c, self->state->options.deadlines.change)),
        work(std::move(o)) {}

  engine_ptr const self;
  std::string const id;
  principal const who;
  erased_decorator const decorate;
  call_options const call;
  duration const deadline;  // of each storage operation
  std::shared_ptr<operation_base> const work;
};
using decoration_call_ptr = std::shared_ptr<decoration_call const>;

class expectation {
 public:
  expectation(cached_session_ptr of, std::shared_ptr<metadata const> next) : of_(std::move(of)), next_(std::move(next)) {
    of_->expect(next_, ended_.get_future());
  }
  ~expectation() { of_->expect_no_more(next_); }
  expectation(expectation const&) = delete;
  expectation& operator=(expectation const&) = delete;

 private:
  cached_session_ptr const of_;
  std::shared_ptr<metadata const> const next_;
  shared_promise<bool> ended_;  // dropped last: who waits for it then finds no announcement any more
};

result<erased_decoration> apply(decoration_call const& call, std::shared_ptr<void> current, metadata data) {
  auto const& state = *call.self->state;
  result<erased_decoration> made(make_error_code(errc::load_failed));
  try {
    made = call.decorate(call.id, std::move(current), std::move(data));
  } catch (...) {
    report_thrown(state.options.log, "a decorator", std::current_exception());
  }
  if (!made) return made;
  if (!made->session) return make_error_code(errc::invalid_argument);
  if (auto checked = check_data(made->data, state.options.limits); !checked) return checked.error();
  return made;
}

// The lease on a decorated session, if it is still what the cache holds.
held_session lease_of(engine& self, cached_session_ptr const& decorated) {
  auto found = self.cache->peek(decorated->id);
  if (!found || found.value() != decorated) return {};
  return held_session(std::move(found));
}

// A decoration that is in the storage.
struct written_decoration {
  written_decoration(owned_record const& from, metadata d, revision a, std::shared_ptr<metadata const> n)
      : at_before(from.at), stored_before(from.stored), data_before(std::move(d)), at(a), next(std::move(n)) {}

  /** Decorates a session that was restored meanwhile, from the record as it was before or as it is since. False: closed, or decorated by another. */
  bool decorate(cached_session& fresh, std::shared_ptr<void> const& session, std::shared_ptr<void> decorated) const {
    if (fresh.is_current(at_before, stored_before)) return fresh.decorate(session, std::move(decorated), at, *next);
    return fresh.decorate(session, std::move(decorated));
  }

  revision at_before;
  metadata stored_before;
  metadata data_before;
  revision at;
  std::shared_ptr<metadata const> next;
};

// What one round came to: a lease, the news that it has to be done again, or that only the session is missing.
enum class round { done, conflict, written };
struct round_outcome {
  explicit round_outcome(round e = round::conflict, held_session h = {}) noexcept : ended(e), held(std::move(h)) {}
  explicit round_outcome(written_decoration w) : ended(round::written), written(std::move(w)) {}
  round ended;
  held_session held;
  std::optional<written_decoration> written;
};

// The storage has it no more. An error of the decorator's own says nothing of that, whatever its value.
error_code gone(engine& self, std::string const& id) {
  self.bury(id, disposal_reason::terminated);
  return make_error_code(errc::not_found);
}

awaitable<result<round_outcome>> decorate_once(decoration_call_ptr call, cached_session_ptr cached) {
  auto& self = *call->self;
  auto const state = self.state;
  auto const built_from_before = cached->built_from();
  auto read = co_await peek_record(state, call->id, call->deadline);
  if (!read) co_return read.error();
  if (!*read) co_return gone(self, call->id);
  auto found = verify_record(*state, std::move(**read), call->who);
  if (!found) co_return found.error();
  auto const before = cached->session();
  if (!before) co_return round_outcome(round::conflict);
  if (!cached->is_current(found->at, found->stored)) {
    // Another decoration here has written it, and has not heard so yet; or the session is behind its record, and no check may say so for a while.
    auto const running = cached->decoration_to(found->stored);
    if (!running && cached->built_from() == built_from_before) self.cache->erase_if(call->id, cached, disposal_reason::expired);
    if (running) {
      auto const ended = co_await running->wait(call_options{call->deadline});
      static_cast<void>(ended);  // looks again, whatever came of it
    }
    co_return round_outcome(round::conflict);
  }

  auto data_before = found->parts.data;
  auto made = apply(*call, before, data_before);
  if (!made) co_return made.error();
  found->parts.data = std::move(made->data);
  auto const next = std::make_shared<metadata const>(write_record(found->parts));
  if (auto checked = check_text_map(*next, state->options.limits); !checked) co_return checked.error();
  if (!call->work->commit()) co_return make_error_code(errc::cancelled);

  expectation const expected(cached, next);
  auto const written = co_await update_record(state, call->id, *next, found->at, call->deadline);
  if (written.is_absent()) co_return gone(self, call->id);
  if (!written && written.error() == errc::conflict) co_return round_outcome(round::conflict);
  if (!written) co_return written.error();
  if (cached->decorate(before, std::move(made->session), **written, *next)) {
    auto held = lease_of(*call->self, cached);
    if (held) co_return round_outcome(round::done, std::move(held));
  }
  co_return round_outcome(written_decoration(*found, std::move(data_before), **written, next));
}

// The record is decorated, and the session that was left the cache meanwhile: decorates a fresh one, without writing again. Empty: it is gone.
awaitable<result<held_session>> decorate_restored(decoration_call_ptr call, written_decoration written) {
  auto const state = call->self->state;
  for (std::size_t tries = 0; tries <= state->options.max_conflict_retries; ++tries) {
    auto fresh = co_await get(call->self, call->id, call->who, call->call);
    if (!fresh) co_return fresh.error();
    if (!*fresh) co_return held_session();
    auto made = apply(*call, fresh->session(), written.data_before);
    if (!made) co_return made.error();
    if (!written.decorate(fresh->entry(), fresh->session(), std::move(made->session))) continue;
    auto held = lease_of(*call->self, fresh->entry_pointer());
    if (held) co_return std::move(held);
  }
  co_return make_error_code(errc::conflict);
}

awaitable<result<held_session>> decorate_session(decoration_call_ptr call) {
  auto const state = call->self->state;
  for (std::size_t tries = 0; tries <= state->options.max_conflict_retries; ++tries) {
    auto current = co_await get(call->self, call->id, call->who, call->call);
    if (!current) co_return current.error();
    if (!*current) co_return make_error_code(errc::not_found);
    auto ended = co_await decorate_once(call, current->entry_pointer());
    if (!ended) co_return ended.error();
    if (ended->ended == round::done) co_return std::move(ended->held);
    current->release();
    if (ended->ended == round::written) {
      auto restored = co_await decorate_restored(call, std::move(*ended->written));
      // The record is decorated, only the session is missing: no error may read as if nothing had been done.
      if (!restored) co_return make_error_code(errc::ambiguous);
      if (!*restored) co_return make_error_code(errc::not_found);
      co_return std::move(restored);
    }
  }
  co_return make_error_code(errc::conflict);
}

awaitable<void> decorating(decoration_call_ptr call, answer<held_session> caller, [[maybe_unused]] outstanding::token counted) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  auto done = co_await decorate_session(call);
  if (!done) call->self->state->refuse("decorate", done.error());
  caller.deliver(done);
}

}  // namespace

awaitable<result<held_session>> decorate(engine_ptr self, std::string id, principal who, erased_decorator decorate, call_options call) {
  if (auto admitted = self->admit("decorate", id, call); !admitted) co_return admitted.error();
  auto const cancellation = co_await asio::this_coro::cancellation_state;
  if (is_cancelled(cancellation)) co_return make_error_code(errc::cancelled);
  if (!decorate) co_return self->state->refuse("decorate", make_error_code(errc::invalid_argument));
  auto const work = std::make_shared<operation<held_session>>();
  answer<held_session> caller(work);
  outstanding::token counted(self->state->working);
  auto const made = std::make_shared<decoration_call const>(self, std::move(id), std::move(who), std::move(decorate), call, work);
  self->state->work.spawn(decorating(made, std::move(caller), std::move(counted)));
  co_return co_await operation<held_session>::join(work);
}

}  // namespace mooring::detail
