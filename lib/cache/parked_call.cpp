#include <mooring/cache/detail/parked_call.hpp>

#include "cache/parking_service.hpp"

#include <boost/asio/execution.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>

#include <vector>

namespace mooring::detail {

void parking_service::add(parked_call& call) noexcept {
  std::lock_guard lock(mutex_);
  call.following_ = first_;
  if (first_) first_->previous_ = &call;
  first_ = &call;
}

void parking_service::remove(parked_call& call) noexcept {
  std::lock_guard lock(mutex_);
  (call.previous_ ? call.previous_->following_ : first_) = call.following_;
  if (call.following_) call.following_->previous_ = call.previous_;
  call.previous_ = call.following_ = nullptr;
}

void parking_service::shutdown() {
  for (;;) {
    std::shared_ptr<parked_call> call;
    {
      std::lock_guard lock(mutex_);
      if (!first_) return;
      call = first_->shared_from_this();
    }
    if (call->claim(wake_reason::cancelled) != parked_call::claim_result::lost) call->left();
    call->drop();
  }
}

parked_call::~parked_call() = default;

parked_call::claim_result parked_call::claim(wake_reason why) noexcept {
  auto const next = static_cast<std::uint8_t>(claimed + static_cast<std::uint8_t>(why));
  auto seen = phase_.load(std::memory_order_acquire);
  while (seen < claimed) {
    if (phase_.compare_exchange_weak(seen, next, std::memory_order_acq_rel, std::memory_order_acquire))
      return seen == parked ? claim_result::won_suspended : claim_result::won_preparing;
  }
  return claim_result::lost;
}

void parked_call::park(asio::any_completion_handler<void()> handler, executor on, asio::cancellation_slot slot) {
  auto const self = shared_from_this();
  handler_ = std::move(handler);
  on_ = std::move(on);
  home_ = &asio::use_service<parking_service>(asio::query(on_, asio::execution::context));
  home_->add(*this);
  if (hears_cancellation_ && slot.is_connected()) {
    slot.assign([weak = weak_from_this()](asio::cancellation_type) {
      if (auto const waiting = weak.lock()) waiting->end(wake_reason::cancelled);
    });
  }
  if (clock_) alarm_ = clock_->schedule(until_, on_, [self] { self->run_out(); });
  std::uint8_t expected = preparing;
  if (phase_.compare_exchange_strong(expected, parked, std::memory_order_acq_rel)) return;
  // Claimed before the caller had suspended: nobody else will resume it.
  wake_list alone;
  alone.add(self);
  alone.post();
}

void parked_call::end(wake_reason why) noexcept {
  auto const won = claim(why);
  if (won == claim_result::lost) return;
  left();
  if (won == claim_result::won_preparing) return;
  wake_list alone;
  alone.add(shared_from_this());
  alone.post();
}

// The alarm was posted to the caller's executor: here it may go on at once.
void parked_call::run_out() {
  auto const won = claim(wake_reason::deadline);
  if (won == claim_result::lost) return;
  left();
  if (won == claim_result::won_suspended) resume();
}

asio::any_completion_handler<void()> parked_call::take_handler() noexcept {
  if (auto* const home = std::exchange(home_, nullptr)) home->remove(*this);
  return std::move(handler_);
}

void parked_call::resume() {
  auto handler = take_handler();
  std::move(handler)();
}

void parked_call::drop() noexcept { auto const dropped = take_handler(); }

// What is posted: resumes its callers one after the other; what was not resumed when it dies is dropped.
class wake_list::batch {
 public:
  explicit batch(wake_list calls) noexcept : calls_(std::move(calls)) {}

  void operator()() {
    auto const on = calls_.first_->on_;
    struct remainder {
      wake_list& calls;
      ~remainder() {
        // A completion handler threw: the others still go on.
        if (!calls.empty()) calls.post();
      }
    } const guard{calls_};
    while (auto const call = calls_.take_first()) call->resume();
  }

 private:
  wake_list calls_;
};

wake_list::~wake_list() {
  while (auto const call = take_first()) call->drop();
}

void wake_list::add(std::shared_ptr<parked_call> call) noexcept {
  auto* const added = call.get();
  (last_ ? last_->next_ : first_) = std::move(call);
  last_ = added;
}

std::shared_ptr<parked_call> wake_list::take_first() noexcept {
  auto taken = std::move(first_);
  if (taken) first_ = std::move(taken->next_);
  if (!first_) last_ = nullptr;
  return taken;
}

void wake_list::post() {
  // Callers of a few executors are sorted by it; with a strand for each caller there is nothing to share, and looking further would be quadratic.
  constexpr std::size_t searched = 16;
  std::vector<wake_list> groups;
  while (auto call = take_first()) {
    if (call->clock_) call->clock_->cancel(call->alarm_);
    auto const from = groups.size() > searched ? groups.end() - searched : groups.begin();
    auto place = from;
    while (place != groups.end() && place->first_->on_ != call->on_) ++place;
    if (place == groups.end()) {
      groups.emplace_back();
      place = groups.end() - 1;
    }
    place->add(std::move(call));
  }
  for (auto& group : groups) {
    auto const on = group.first_->on_;
    asio::post(on, batch(std::move(group)));
  }
}

}  // namespace mooring::detail
