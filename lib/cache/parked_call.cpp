#include <mooring/cache/detail/parked_call.hpp>

#include "cache/parking_service.hpp"

#include <boost/asio/execution.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>

#include <vector>

namespace mooring::detail {

// The way of a deadline to its call. Void once the call goes on for another reason, so that a late alarm finds nothing.
struct parked_call::ticket {
  std::mutex mutex;  // guards `call`; taken before the locks of what is waited for
  parked_call* call;
  duration const span;
  std::optional<time_point>& until;  // in the caller's frame: for `start` only

  // Set before the call is parked, read by whoever resumes it. The alarm holds the caller's executor: so the clock is that of its context, and ends with it.
  clock_service* clock = nullptr;
  clock_service::alarm alarm{};

  ticket(parked_call& of, duration s, std::optional<time_point>& u) noexcept : call(&of), span(s), until(u) {}

  static void start(std::shared_ptr<ticket> const& self, asio::execution_context& context, executor const& on) {
    self->clock = &clock_of(context);
    if (!self->until) self->until = saturating_add(self->clock->now(), self->span);
    self->alarm = self->clock->schedule(*self->until, on, [self] { self->run_out(); });
  }

  // The alarm was posted to the caller's executor: here it may go on at once.
  void run_out() {
    parked_call* suspended = nullptr;
    {
      std::lock_guard lock(mutex);
      auto* const late = call;
      if (!late) return;
      auto const won = late->claim(wake_reason::deadline);
      if (won == claim_result::lost) return;
      // Under the mutex: a caller that is not quite suspended goes on by itself, and waits for it in `go_on`.
      late->left();
      if (won == claim_result::won_suspended) suspended = late;
    }
    if (suspended) suspended->resume();
  }
};

/** @brief The callers that one post resumes, one after the other. What was not resumed when it dies is dropped. */
class wake_batch {
 public:
  wake_batch() = default;
  wake_batch(wake_batch const&) = delete;
  wake_batch& operator=(wake_batch const&) = delete;
  ~wake_batch() {
    while (auto* const call = take_first()) call->drop();
  }

  executor const& on() const noexcept { return *last_->on_; }
  bool empty() const noexcept { return !first_; }

  // Calls of one executor have one home, and one lock there serves them all.
  void leave_home() noexcept {
    if (first_ && first_->home_) first_->home_->remove_chain(first_);
  }

  void add(parked_call& call) noexcept {
    call.batch_ = this;
    call.before_ = last_;
    call.next_ = nullptr;
    (last_ ? last_->next_ : first_) = &call;
    last_ = &call;
  }

  // Also by the end of the context, on a call that was not resumed yet.
  void remove(parked_call& call) noexcept {
    (call.before_ ? call.before_->next_ : first_) = call.next_;
    (call.next_ ? call.next_->before_ : last_) = call.before_;
    call.batch_ = nullptr;
  }

  parked_call* take_first() noexcept {
    auto* const taken = first_;
    if (taken) remove(*taken);
    return taken;
  }

  static void post(std::unique_ptr<wake_batch> batch) {
    auto const on = batch->on();
    asio::post(on, [batch = std::move(batch)]() mutable { run(std::move(batch)); });
  }

 private:
  static void run(std::unique_ptr<wake_batch> batch) {
    struct remainder {
      std::unique_ptr<wake_batch>& batch;
      ~remainder() {
        // A completion handler threw: the others still go on.
        if (!batch->empty()) post(std::move(batch));
      }
    } const guard{batch};
    batch->leave_home();
    while (auto* const call = batch->take_first()) call->resume();
  }

  parked_call* first_ = nullptr;
  parked_call* last_ = nullptr;
};

void parking_service::add(parked_call& call) noexcept {
  std::lock_guard lock(mutex_);
  call.following_ = first_;
  if (first_) first_->previous_ = &call;
  first_ = &call;
}

void parking_service::remove(parked_call& call) noexcept {
  std::lock_guard lock(mutex_);
  unlink(call);
}

void parking_service::remove_chain(parked_call* first) noexcept {
  std::lock_guard lock(mutex_);
  for (auto* each = first; each; each = each->next_)
    if (std::exchange(each->home_, nullptr)) unlink(*each);
}

void parking_service::unlink(parked_call& call) noexcept {
  (call.previous_ ? call.previous_->following_ : first_) = call.following_;
  if (call.following_) call.following_->previous_ = call.previous_;
  call.previous_ = call.following_ = nullptr;
}

parked_call* parking_service::first() noexcept {
  std::lock_guard lock(mutex_);
  return first_;
}

// No thread runs the context any more, so no call of it goes on by itself meanwhile. That no other context's thread is about to post one, after it has won the
// claim, is the user's part: see validating_cache and shared_future.
void parking_service::shutdown() {
  while (auto* const call = first()) {
    if (call->claim(wake_reason::cancelled) != parked_call::claim_result::lost) call->left();
    if (call->batch_) call->batch_->remove(*call);
    call->drop();
  }
}

parked_call::claim_result parked_call::claim(wake_reason why) noexcept {
  auto const next = static_cast<std::uint8_t>(claimed + static_cast<std::uint8_t>(why));
  auto seen = phase_.load(std::memory_order_acquire);
  while (seen < claimed) {
    if (phase_.compare_exchange_weak(seen, next, std::memory_order_acq_rel, std::memory_order_acquire))
      return seen == parked ? claim_result::won_suspended : claim_result::won_preparing;
  }
  return claim_result::lost;
}

void parked_call::set_deadline(duration span, std::optional<time_point>& until) { ticket_ = std::make_shared<ticket>(*this, span, until); }

void parked_call::park(asio::cancellation_slot slot) {
  auto& context = asio::query(*on_, asio::execution::context);
  if (!home_ || &home_->context() != &context) home_ = &asio::use_service<parking_service>(context);
  home_->add(*this);
  // The slot lives in this caller's stack of coroutines, which clears it when it goes on.
  if (hears_cancellation_ && slot.is_connected()) slot.assign([this](asio::cancellation_type) { leave_for(wake_reason::cancelled); });
  if (ticket_) ticket::start(ticket_, context, *on_);
  std::uint8_t expected = preparing;
  if (phase_.compare_exchange_strong(expected, parked, std::memory_order_acq_rel)) return;
  // Claimed before the caller had suspended: nobody else will resume it.
  wake_list alone;
  alone.add(*this);
  alone.post();
}

void parked_call::leave_for(wake_reason why) noexcept {
  auto const won = claim(why);
  if (won == claim_result::lost) return;
  left();
  if (won == claim_result::won_preparing) return;
  wake_list alone;
  alone.add(*this);
  alone.post();
}

// Nothing but its frame knows the call from here on.
void parked_call::go_on() noexcept {
  if (ticket_) {
    std::lock_guard lock(ticket_->mutex);
    ticket_->call = nullptr;
  }
  if (auto* const home = std::exchange(home_, nullptr)) home->remove(*this);
}

void parked_call::resume() {
  if (ticket_) ticket_->clock->cancel(ticket_->alarm);
  go_on();
  handler_.call();
}

void parked_call::drop() noexcept {
  go_on();
  handler_.drop();
}

void wake_list::post() {
  // Callers of a few executors are sorted by it; with a strand for each caller there is nothing to share, and looking further would be quadratic.
  constexpr std::size_t searched = 16;
  auto* next = std::exchange(first_, nullptr);
  last_ = nullptr;
  if (!next) return;
  std::vector<std::unique_ptr<wake_batch>> batches;
  while (auto* const call = next) {
    next = call->next_;
    auto place = batches.rbegin();
    auto const end = batches.size() > searched ? batches.rbegin() + searched : batches.rend();
    while (place != end && (*place)->on() != *call->on_) ++place;
    if (place != end) {
      (*place)->add(*call);
      continue;
    }
    batches.push_back(std::make_unique<wake_batch>());
    batches.back()->add(*call);
  }
  for (auto& batch : batches) wake_batch::post(std::move(batch));
}

}  // namespace mooring::detail
