#include <mooring/cache/detail/parked_call.hpp>
#include <mooring/cache/detail/shared_event.hpp>

#include <boost/asio/this_coro.hpp>

#include <atomic>
#include <list>
#include <mutex>

namespace mooring::detail {

struct shared_event::state {
  class waiter;

  std::mutex mutex;  // guards `waiting`, and the step from unset to set; leaf
  std::list<waiter*> waiting;
  std::atomic<bool> is_set{false};  // release when set, so that an acquiring reader sees what came before
};

class shared_event::state::waiter final : public parked_call {
 public:
  explicit waiter(std::shared_ptr<state> of) noexcept : state_(std::move(of)) {}
  ~waiter() { left(); }  // its caller's frame may end wherever it stands

  // False when the event was set before.
  bool link() {
    std::lock_guard lock(state_->mutex);
    if (state_->is_set.load(std::memory_order_relaxed)) return false;
    place_ = state_->waiting.insert(state_->waiting.end(), this);
    is_linked_ = true;
    return true;
  }

  void left() noexcept override {
    std::lock_guard lock(state_->mutex);
    if (std::exchange(is_linked_, false)) state_->waiting.erase(place_);
  }

 private:
  friend class shared_event;

  std::shared_ptr<state> const state_;
  std::list<waiter*>::iterator place_;  // both under the mutex
  bool is_linked_ = false;
};

shared_event::shared_event() : state_(std::make_shared<state>()) {}

shared_event::~shared_event() = default;

bool shared_event::is_set() const noexcept { return state_->is_set.load(std::memory_order_acquire); }

void shared_event::set() noexcept {
  wake_list woken;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->is_set.exchange(true, std::memory_order_release)) return;
    for (auto* const each : state_->waiting) {
      each->is_linked_ = false;
      if (each->claim(wake_reason::woken) == parked_call::claim_result::won_suspended) woken.add(*each);
    }
    state_->waiting.clear();
  }
  woken.post();
}

awaitable<result<>> shared_event::wait(call_options call) {
  auto const shared = state_;
  if (shared->is_set.load(std::memory_order_acquire)) co_return result<>();
  if (call.deadline && *call.deadline <= duration::zero()) co_return make_error_code(errc::deadline_exceeded);
  auto const cancellation = co_await asio::this_coro::cancellation_state;
  if (cancellation.cancelled() != asio::cancellation_type::none) co_return make_error_code(errc::cancelled);
  std::optional<time_point> until;
  state::waiter waiting(shared);
  if (!waiting.link()) co_return result<>();
  if (call.deadline) waiting.set_deadline(*call.deadline, until);
  co_await waiting.suspended();
  if (waiting.why() == wake_reason::deadline) co_return make_error_code(errc::deadline_exceeded);
  if (waiting.why() == wake_reason::cancelled) co_return make_error_code(errc::cancelled);
  co_return result<>();
}

awaitable<void> shared_event::wait_uncancelled() {
  auto const shared = state_;
  state::waiter waiting(shared);
  if (!waiting.link()) co_return;
  waiting.ignore_cancellation();
  co_await waiting.suspended();
}

}  // namespace mooring::detail
