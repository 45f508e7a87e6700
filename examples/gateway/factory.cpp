#include "factory.hpp"

#include <utility>

namespace mooring::gateway {

namespace {

// Closes a session that nobody got, because its opening failed or was cancelled.
class custody {
 public:
  custody(std::shared_ptr<session> held, bool ends_backends, std::shared_ptr<task_scope> scope)
      : held_(std::move(held)), ends_backends_(ends_backends), scope_(std::move(scope)) {}
  custody(custody const&) = delete;
  custody& operator=(custody const&) = delete;
  ~custody() {
    if (held_) scope_->spawn(held_->close(ends_backends_));
  }

  session& operator*() const noexcept { return *held_; }
  session* operator->() const noexcept { return held_.get(); }
  std::shared_ptr<session> release() { return std::exchange(held_, nullptr); }

 private:
  std::shared_ptr<session> held_;
  bool const ends_backends_;
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
  custody made(session::make(around_, request.id, request.opening, request.is_restore), !request.is_restore, background_);
  if (request.is_restore) {
    parked_->unpark(request.id);
    co_await made->restore(request.hints);
  } else {
    auto const ready = co_await made->open(request.backends);
    if (!ready) co_return ready.error();
  }
  auto hints = made->hints();
  co_return opened<session>(made.release(), std::move(hints));
}

awaitable<void> factory::close(std::string id, std::shared_ptr<session> closing, disposal_reason reason) {
  bool ends_backends = false;
  switch (reason) {
    case disposal_reason::terminated: ends_backends = true; break;
    case disposal_reason::shutdown: ends_backends = on_shutdown_ == sessions_end::with_the_process; break;
    case disposal_reason::lost_race: ends_backends = !closing->is_restored(); break;  // a restored one shares its backend sessions with the winner
    case disposal_reason::expired: {
      // Gone, or only changed, to be built again from its record?
      auto const record = co_await records_->peek(id);
      ends_backends = record && !record->has_value();
      break;
    }
    case disposal_reason::capacity:
      if (on_shutdown_ == sessions_end::with_the_process) parked_->park(std::move(id), closing->hints());
      break;
    case disposal_reason::replaced: break;
  }
  // In the background, so that a backend that hangs holds up neither the manager nor the place that this session takes in its limits.
  if (!background_->spawn(say_goodbye(closing, ends_backends))) co_await closing->close(false);
}

awaitable<void> factory::say_goodbye(std::shared_ptr<session> closing, bool ends_backends) { co_await closing->close(ends_backends); }

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
