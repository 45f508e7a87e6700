#include "factory.hpp"

#include <utility>

namespace mooring::gateway {

namespace {

// The task owns the session: an awaitable of its own member would only point to it.
awaitable<void> say_goodbye(std::shared_ptr<session> closing, hint_map spared) { co_await closing->close(std::move(spared)); }

// Closes a session that nobody got, because its opening failed or was cancelled.
class custody {
 public:
  custody(std::shared_ptr<session> held, hint_map spared, std::shared_ptr<task_scope> scope)
      : held_(std::move(held)), spared_(std::move(spared)), scope_(std::move(scope)) {}
  custody(custody const&) = delete;
  custody& operator=(custody const&) = delete;
  ~custody() {
    if (held_) scope_->spawn(say_goodbye(held_, spared_));
  }

  session& operator*() const noexcept { return *held_; }
  session* operator->() const noexcept { return held_.get(); }
  std::shared_ptr<session> release() { return std::exchange(held_, nullptr); }

 private:
  std::shared_ptr<session> held_;
  hint_map const spared_;
  std::shared_ptr<task_scope> const scope_;
};

}  // namespace

factory::factory(std::shared_ptr<surroundings> around, std::shared_ptr<storage<metadata>> records, sessions_end on_shutdown, duration sweep)
    : around_(around),
      records_(std::move(records)),
      on_shutdown_(on_shutdown),
      background_(std::make_shared<task_scope>(around->home, around->log)),
      parked_(std::make_shared<parked_sessions>(around, records_)),
      watching_(around->home, around->log) {
  if (on_shutdown_ == sessions_end::with_the_process) watching_.spawn(parked_sessions::watch(parked_, sweep));
  around->keep_hints = [scope = std::weak_ptr(background_), kept = records_](std::string id, hint_map hints) {
    if (auto const alive = scope.lock()) alive->spawn(store_hints(kept, std::move(id), std::move(hints)));
  };
}

awaitable<result<opened<session>>> factory::open(session_request request) {
  custody made(session::make(around_, request.id, request.opening, request.is_restore), request.hints, background_);
  if (request.is_restore) {
    co_await made->restore(request.hints);
  } else {
    auto const ready = co_await made->open(request.backends);
    if (!ready) co_return ready.error();
  }
  auto hints = made->hints();
  // Not before: what could not be restored stays parked, so that its backends are told when its record ends.
  if (ends_with_process()) parked_->hand_over(request.id, &*made);
  co_return opened<session>(made.release(), std::move(hints));
}

awaitable<void> factory::close(std::string id, std::shared_ptr<session> closing, disposal_reason reason) {
  bool const is_over = reason == disposal_reason::terminated || (reason == disposal_reason::shutdown && ends_with_process()) ||
                       (reason == disposal_reason::lost_race && !closing->is_restored());
  parked_->leave(id, closing.get());
  hint_map spared;
  if (!is_over) {
    // The record says which backend sessions are in use elsewhere, or will be; without a record none is.
    auto const record = co_await records_->peek(id);
    if (!record)
      spared = closing->hints();
    else if (record->has_value())
      spared = (*record)->hints;
    if (reason == disposal_reason::capacity && ends_with_process() && !spared.empty()) parked_->park(std::move(id), spared);
  }
  // In the background, so that a backend that hangs holds up neither the manager nor the place that this session takes in its limits.
  if (!background_->spawn(say_goodbye(closing, std::move(spared)))) co_await closing->close(closing->hints());
}

awaitable<void> factory::store_hints(std::shared_ptr<storage<metadata>> records, std::string id, hint_map hints) {
  auto const stored = co_await records->update_hints(std::move(id), std::move(hints));
  static_cast<void>(stored);  // without its hints a session is restored all the same, with new backend sessions
}

awaitable<void> factory::finish() {
  co_await watching_.close();
  co_await parked_->end_all();
  // Farewells first: close() would cancel them.
  while (background_->size() != 0) {
    auto const slept = co_await sleep_for(std::chrono::milliseconds(10));
    if (!slept) break;
  }
  co_await background_->close();
}

}  // namespace mooring::gateway
