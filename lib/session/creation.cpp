#include "core/report.hpp"
#include "session/cancellation.hpp"
#include "session/engine.hpp"
#include "session/factory_call.hpp"
#include "session/generation.hpp"
#include "session/operation.hpp"
#include "session/records.hpp"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <exception>
#include <functional>
#include <utility>

namespace mooring::detail {
namespace {

result<> check_parameters(manager_state const& state, open_parameters const& asked) {
  auto const& limits = state.options.limits;
  if (auto checked = check_data(asked.data, limits); !checked) return checked;
  if (!is_valid_utf8(asked.opening)) return make_error_code(errc::invalid_argument);
  if (asked.opening.size() > limits.max_value_bytes || encode_list(asked.backends).size() > limits.max_value_bytes) return make_error_code(errc::too_large);
  return {};
}

result<session_request> request_for(manager_state const& state, std::string id, principal owner, open_parameters const& asked) {
  session_request request;
  request.id = std::move(id);
  request.owner = std::move(owner);
  try {
    request.backends = backends_to_try(asked.backends, state.options.health_monitor, state.options.configured_health);
  } catch (...) {
    report_thrown(state.options.log, "a look-up of health", std::current_exception());
    return make_error_code(errc::load_failed);
  }
  request.data = asked.data;
  request.opening = asked.opening;
  request.deadline = state.options.deadlines.factory;
  return request;
}

// The record of a new session: the caller's parameters, the factory's data, the owner's binding.
result<metadata> new_record(manager_state const& state, principal const& owner, open_parameters asked, metadata const& found_out) {
  if (auto checked = check_data(found_out, state.options.limits); !checked) return checked.error();
  auto bound = state.binder.bind(owner, entropy_of(state.ex));
  if (!bound) return bound.error();
  record parts;
  parts.owner = std::move(*bound);
  parts.backends = std::move(asked.backends);
  parts.opening = std::move(asked.opening);
  parts.data = std::move(asked.data);
  for (auto const& [key, value] : found_out) parts.data.insert_or_assign(key, value);
  auto next = write_record(parts);
  if (auto checked = check_text_map(next, state.options.limits); !checked) return checked.error();
  return next;
}

// A session and the revision of its record, to take it back where nobody took it.
struct created_session {
  created_session() = default;
  created_session(held_session h, revision r) noexcept : held(std::move(h)), written(r) {}
  held_session held;
  revision written;
};

// How phase two ended, and what its write stored or may still store.
struct attempt {
  attempt(errc why) : attempt(make_error_code(why)) {}
  attempt(errc why, revision r) : attempt(make_error_code(why), r) {}
  attempt(error_code why) : made(why) {}
  attempt(error_code why, revision r) : made(why), attempted(r), may_be_written(why == errc::ambiguous) {}
  attempt(created_session session, revision r) : made(std::move(session)), attempted(r) {}
  attempt() : attempt(errc::unavailable) {}
  result<created_session> made;
  revision attempted;
  bool may_be_written = false;  // not known: a factory's own `ambiguous` says nothing of the write
  bool is_taken = false;  // by another creation: the placeholder was not this one's any more
};

// Phase two, from the placeholder on. Leaves nothing open where it fails, but the placeholder.
awaitable<attempt> make_session(engine_ptr self, std::string id, revision placeholder, principal owner, open_parameters asked, call_options call,
                                std::shared_ptr<operation_base> work, open_sessions::place place) {
  auto const state = self->state;
  auto const deadline = step_deadline(call, state->options.deadlines.create);
  if (work->has_left()) co_return errc::cancelled;
  if (state->is_closing.load()) co_return errc::closed;
  if (state->is_gone(id, owner)) co_return errc::not_found;
  auto request = request_for(*state, id, owner, asked);
  if (!request) co_return request.error();
  auto made = co_await call_factory(state, std::move(*request), work);
  if (!made) co_return made.error();
  auto next = new_record(*state, owner, std::move(asked), made->made().data);
  if (!next) co_return next.error();
  // From here a terminate that comes between makes the cache refuse the session.
  auto const fence = self->cache->begin(id);
  if (state->is_gone(id, owner)) {  // before the fence, by a termination that its caller left and the storage refused
    made->set_reason(disposal_reason::terminated);
    co_return errc::not_found;
  }
  if (!work->commit()) co_return errc::cancelled;

  auto const seen = state->sight();
  auto stored_value = *next;
  auto const written = co_await update_record(state, id, std::move(*next), placeholder, deadline);
  auto const attempted = written.attempted();
  bool const is_taken = !written && written.error() == errc::conflict;
  if (written.is_absent() || is_taken) {
    made->set_reason(disposal_reason::terminated);
    attempt refused(is_taken ? errc::exists : errc::not_found, attempted);
    refused.is_taken = is_taken;
    co_return refused;
  }
  if (!written) co_return attempt(written.error(), attempted);

  bool is_confirmed = true;
  if (!made->made().hints.empty()) {
    auto hints = made->made().hints;
    auto const kept = co_await write_hints(state, id, std::move(hints), step_deadline(call, state->options.deadlines.write_back));
    if (kept && !*kept) {
      made->set_reason(disposal_reason::terminated);
      co_return attempt(errc::not_found, attempted);
    }
    is_confirmed = kept.has_value();
    if (!kept) state->log(severity::warning, "a new session's hints could not be written: " + kept.error().message());
  }

  std::optional<time_point> rebuild_at;
  if (made->made().is_partial) rebuild_at = saturating_add(state->clock.now(), state->options.partial_retry);
  auto cached = std::make_shared<cached_session>(id, std::move(owner), **written, std::move(stored_value), made->made().session, rebuild_at, std::move(place), seen);
  cached->sit_down(*state->sessions, cached);
  if (!is_confirmed) cached->set_unconfirmed();
  auto kept = self->cache->set_if(fence, std::move(cached));
  if (!kept.is_stored()) {
    // Terminated, shut down, or its record was changed already (a backend taken off): then it lives, though not here.
    made->set_reason(disposal_reason::terminated);
    co_return attempt(errc::ambiguous, attempted);
  }
  made->release();
  held_session held(std::move(kept.stored));
  if (!held) co_return attempt(errc::closed, attempted);  // by a shutdown at its deadline
  auto const replicated = co_await is_replicated(state, seen.epoch, deadline);
  held.set_replicated(replicated);
  co_return attempt(created_session(std::move(held), **written), attempted);
}

bool has_place(std::weak_ptr<cached_session> const& swept) {
  auto const alive = swept.lock();
  return alive && alive->has_place();
}

// The place of a new session. If there is none, what expired is dropped first, and gives its places back as it is closed.
awaitable<result<open_sessions::place>> take_place(engine_ptr self, principal owner, duration patience) {
  auto const state = self->state;
  if (auto place = state->sessions->take(owner)) co_return std::move(*place);
  auto const until = saturating_add(state->clock.now(), patience);
  auto const swept = co_await sweep_shared(self, patience);
  for (;;) {
    auto const departure = state->sessions->next_departure();
    if (auto place = state->sessions->take(owner)) co_return std::move(*place);
    auto const left = until - state->clock.now();
    bool const is_hopeless = std::none_of(swept->begin(), swept->end(), has_place);
    if (is_hopeless || left <= duration::zero()) co_return make_error_code(errc::too_many_sessions);
    auto const waited = co_await departure.wait(call_options{left});
    static_cast<void>(waited);  // looks again, whatever came first
  }
}

// Phase two with its clean-up: on any error the placeholder is erased, or what an ambiguous write made of it.
awaitable<result<created_session>> phase_two(engine_ptr self, std::string id, revision placeholder, principal owner, open_parameters asked, call_options call,
                                             std::shared_ptr<operation_base> work, open_sessions::place place) {
  auto const state = self->state;
  auto const deadline = step_deadline(call, state->options.deadlines.create);
  auto const begun = state->clock.now();
  auto const mark = state->creations->begin(id, owner, work);
  if (!mark) co_return make_error_code(errc::exists);
  auto tried = co_await make_session(self, id, placeholder, std::move(owner), std::move(asked), call, std::move(work), std::move(place));
  if (!tried.made) {
    auto const why = tried.made.error();
    if (tried.is_taken) co_return why;
    auto const left = co_await take_back(state, id, placeholder, tried.attempted, deadline);
    bool const may_live = left == leftover::possible && !tried.attempted.is_none();
    bool const is_closing = state->is_closing.load();
    bool const is_gone = state->is_gone(id);
    if (may_live && (is_closing || is_gone)) co_return make_error_code(errc::ambiguous);
    if (is_closing) co_return make_error_code(errc::closed);
    if (is_gone) co_return make_error_code(errc::not_found);
    // Without its placeholder the write can no longer be carried out; and what has gone by itself was terminated, or expired.
    if ((tried.may_be_written || why == errc::cancelled) && left == leftover::absent) co_return make_error_code(errc::not_found);
    co_return tried.may_be_written && left == leftover::erased ? make_error_code(errc::unavailable) : why;
  }
  state->created.fetch_add(1, std::memory_order_relaxed);
  manager_event event;
  event.what = manager_event::kind::created;
  event.took = state->clock.now() - begun;
  state->tell(event);
  co_return std::move(tried.made);
}

awaitable<void> creating(engine_ptr self, answer<held_session> caller, std::string id, principal owner, open_parameters asked, call_options call,
                         [[maybe_unused]] outstanding::token counted) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  auto const state = self->state;
  auto const deadline = step_deadline(call, state->options.deadlines.create);
  result<held_session> told(make_error_code(errc::unavailable));
  auto found = co_await find_placeholder(state, id, owner, deadline);
  if (!found) {
    told = state->refuse("create", found.error());
    caller.deliver(told);
    co_return;
  }
  auto place = co_await take_place(self, owner, deadline);
  if (!place) {
    told = state->refuse("create", place.error());
    caller.deliver(told);
    co_return;
  }
  auto made = co_await phase_two(self, std::move(id), found->placeholder, std::move(owner), std::move(asked), call, caller.shared(), std::move(*place));
  if (made) told = std::move(made->held);
  else told = state->refuse("create", made.error());
  caller.deliver(told);  // Not taken: the session lives on, its id is known.
}

// Of a session whose id nobody knows.
awaitable<void> take_away(engine_ptr self, std::string id, revision written, duration deadline, [[maybe_unused]] outstanding::token counted) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  self->bury(id, disposal_reason::terminated);
  co_await take_back(self->state, std::move(id), revision(), written, deadline);
}

awaitable<void> opening(engine_ptr self, answer<opened_held> caller, principal owner, open_parameters asked, call_options call,
                        [[maybe_unused]] outstanding::token counted) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  auto const state = self->state;
  result<opened_held> told(make_error_code(errc::unavailable));
  auto const deadline = step_deadline(call, state->options.deadlines.create);
  auto place = co_await take_place(self, owner, deadline);
  if (!place) {
    told = state->refuse("open", place.error());
    caller.deliver(told);
    co_return;
  }
  auto id = co_await mint(state, step_deadline(call, state->options.deadlines.generate));
  if (!id) {
    told = state->refuse("open", id.error());
    caller.deliver(told);
    co_return;
  }
  auto made = co_await phase_two(self, id->id, id->placeholder, std::move(owner), std::move(asked), call, caller.shared(), std::move(*place));
  if (!made) {
    told = state->refuse("open", made.error());
    caller.deliver(told);
    co_return;
  }
  std::function<void()> const undo = [self, state, id = id->id, written = made->written, deadline] {
    state->work.spawn(take_away(self, id, written, deadline, outstanding::token(state->working)));
  };
  caller.of().if_unfetched(undo);
  told = opened_held(id->id, std::move(made->held));
  if (caller.deliver(told)) co_return;
  told = make_error_code(errc::cancelled);
  undo();
}

}  // namespace

awaitable<result<held_session>> create(engine_ptr self, std::string id, principal owner, open_parameters asked, call_options call) {
  if (auto admitted = self->admit("create", id, call); !admitted) co_return admitted.error();
  auto const cancellation = co_await asio::this_coro::cancellation_state;
  if (is_cancelled(cancellation)) co_return make_error_code(errc::cancelled);
  if (auto checked = check_parameters(*self->state, asked); !checked) co_return self->state->refuse("create", checked.error());
  auto const work = std::make_shared<operation<held_session>>();
  answer<held_session> caller(work);
  outstanding::token counted(self->state->working);
  self->state->work.spawn(creating(self, std::move(caller), std::move(id), std::move(owner), std::move(asked), call, std::move(counted)));
  co_return co_await operation<held_session>::join(work);
}

awaitable<result<opened_held>> open(engine_ptr self, principal owner, open_parameters asked, call_options call) {
  if (auto admitted = self->admit("open", call); !admitted) co_return admitted.error();
  auto const cancellation = co_await asio::this_coro::cancellation_state;
  if (is_cancelled(cancellation)) co_return make_error_code(errc::cancelled);
  if (auto checked = check_parameters(*self->state, asked); !checked) co_return self->state->refuse("open", checked.error());
  auto const work = std::make_shared<operation<opened_held>>();
  answer<opened_held> caller(work);
  outstanding::token counted(self->state->working);
  self->state->work.spawn(opening(self, std::move(caller), std::move(owner), std::move(asked), call, std::move(counted)));
  co_return co_await operation<opened_held>::join(work);
}

}  // namespace mooring::detail
