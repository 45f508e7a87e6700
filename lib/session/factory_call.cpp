#include "core/report.hpp"
#include "session/factory_call.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <exception>
#include <mutex>
#include <optional>

namespace mooring::detail {
namespace {

// Between a factory's call and who waits for it: whoever comes second finds what the first left.
class meeting {
 public:
  // False: nobody waits any more; `made` still holds the session.
  bool deliver(result<made_session>& made) {
    std::lock_guard lock(mutex_);
    if (is_abandoned_) return false;
    made_.emplace(std::move(made));
    return true;
  }

  std::optional<result<made_session>> take_or_abandon() {
    std::lock_guard lock(mutex_);
    if (!made_) is_abandoned_ = true;
    return std::exchange(made_, std::nullopt);
  }

 private:
  std::mutex mutex_;
  bool is_abandoned_ = false;
  std::optional<result<made_session>> made_;
};

error_code factory_error(manager_state const& state, error_code cause) {
  if (cause.category() == mooring_category()) return cause;
  state.log(severity::warning, "the session factory failed: " + cause.message());
  return make_error_code(errc::load_failed);
}

awaitable<void> factory_task(state_ptr state, session_request request, std::shared_ptr<meeting> met, shared_promise<bool> ended, [[maybe_unused]] outstanding::token counted) {
  auto id = request.id;
  result<opened<void>> made(make_error_code(errc::load_failed));
  try {
    made = co_await state->factory->open(std::move(request));
  } catch (boost::system::system_error const& failure) {
    if (failure.code() == asio::error::operation_aborted) made = make_error_code(errc::cancelled);
    report_thrown(state->options.log, "the session factory", std::current_exception());
  } catch (...) {
    report_thrown(state->options.log, "the session factory", std::current_exception());
  }
  result<made_session> outcome(make_error_code(errc::load_failed));
  if (!made) outcome = factory_error(*state, made.error());
  else if (!made->session) state->log(severity::error, "the session factory returned no session and no error");
  else outcome = made_session(state, std::move(id), std::move(*made));
  met->deliver(outcome);  // not taken: closed with `outcome`
  ended.complete(true);
}

// The closing of a session that no cache owned. Where a scope is cancelled before such a task has begun, another that nothing cancels takes it over, once.
class closing_start {
 public:
  closing_start(state_ptr state, std::string id, std::shared_ptr<void> session, disposal_reason reason)
      : state_(std::move(state)), id_(std::move(id)), session_(std::move(session)), reason_(reason) {}
  closing_start(closing_start&&) noexcept = default;
  closing_start& operator=(closing_start&&) = delete;
  ~closing_start() {
    if (session_ && !std::exchange(is_last_try_, true)) spawn_on(state_->last);
  }

  /** A scope that is closed drops the task, and this with it. */
  void spawn_on(task_scope& scope);

  awaitable<void> begin() { return close_session(std::move(state_), std::move(id_), std::move(session_), reason_); }

 private:
  state_ptr state_;
  std::string id_;
  std::shared_ptr<void> session_;
  disposal_reason reason_;
  bool is_last_try_ = false;
};

awaitable<void> closing_task(closing_start start, [[maybe_unused]] outstanding::token counted) { co_await start.begin(); }

void closing_start::spawn_on(task_scope& scope) {
  outstanding::token counted(state_->working);
  scope.spawn(closing_task(std::move(*this), std::move(counted)));
}

}  // namespace

awaitable<void> close_session(state_ptr state, std::string id, std::shared_ptr<void> session, disposal_reason reason) {
  try {
    co_await state->factory->close(std::move(id), std::move(session), reason);
  } catch (...) {
    report_thrown(state->options.log, "closing a session", std::current_exception());
  }
  state->closed.fetch_add(1, std::memory_order_relaxed);
  manager_event event;
  event.what = manager_event::kind::closed;
  event.reason = reason;
  state->tell(event);
}

made_session::~made_session() {
  if (!made_.session) return;
  auto& work = state_->work;
  closing_start(std::move(state_), std::move(id_), std::move(made_.session), reason_).spawn_on(work);
}

awaitable<result<made_session>> call_factory(state_ptr state, session_request request, std::shared_ptr<operation_base> stops_with) {
  auto const met = std::make_shared<meeting>();
  shared_promise<bool> promise;
  auto const ended = promise.get_future();
  auto const deadline = request.deadline;
  task_scope::task call;
  if (!state->calls.spawn(factory_task(state, std::move(request), met, std::move(promise), outstanding::token(state->working)), &call)) co_return make_error_code(errc::closed);
  if (stops_with) stops_with->stop_with(call);
  auto const waited = co_await ended.wait(call_options{deadline});
  auto taken = met->take_or_abandon();
  if (taken) co_return std::move(*taken);
  call.cancel();
  if (waited) co_return make_error_code(errc::closed);
  if (waited.error() != errc::deadline_exceeded) co_return waited.error();
  state->log(severity::warning, "the session factory ran out of time");
  co_return make_error_code(errc::load_failed);
}

}  // namespace mooring::detail
