#include <mooring/core/clock.hpp>

#include <boost/asio/append.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/wait_traits.hpp>

#include <time.h>

#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace mooring {
namespace {

// Runs the timer's completion inside whichever thread of the context met it. The clock's own work is short, and no waiter's strand can hold it up.
class driving_executor {
 public:
  explicit driving_executor(asio::execution_context& context) noexcept : context_(&context) {}
  asio::execution_context& query(asio::execution::context_t) const noexcept { return *context_; }
  template <class F>
  void execute(F work) const {
    work();
  }
  bool operator==(driving_executor const& other) const noexcept { return context_ == other.context_; }

 private:
  asio::execution_context* context_;
};

using clock_timer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, driving_executor>;

struct waiter {
  executor on;
  asio::any_completion_handler<void()> handler;
};

}  // namespace

// All alarms of a context behind one timer: a thousand waiters with deadlines cost one timer operation, and an alarm can be
// taken back from any thread, which an asio timer does not allow.
class clock_service::wheel : public std::enable_shared_from_this<wheel> {
 public:
  explicit wheel(asio::execution_context& context) : context_(context) {}

  alarm schedule(time_point when, waiter added) {
    std::lock_guard lock(mutex_);
    if (closed_) return {};
    alarm const made{when, ++last_number_};
    auto const place = waiting_.emplace(std::pair(when, made.number), std::move(added)).first;
    if (place == waiting_.begin()) arm();
    return made;
  }

  bool cancel(alarm const& scheduled) noexcept {
    waiter dropped;  // dies outside the lock: its destructor may run anybody's code
    std::lock_guard lock(mutex_);
    auto const place = waiting_.find(std::pair(scheduled.when, scheduled.number));
    if (place == waiting_.end()) return false;
    bool const was_first = place == waiting_.begin();
    dropped = std::move(place->second);
    waiting_.erase(place);
    // An idle timer must not keep the context's run() from returning.
    if (waiting_.empty()) timer_->cancel();
    else if (was_first) arm();
    return true;
  }

  void close() {
    std::map<std::pair<time_point, std::uint64_t>, waiter> dropped;
    std::optional<clock_timer> timer;
    std::lock_guard lock(mutex_);
    closed_ = true;
    dropped.swap(waiting_);
    timer.swap(timer_);
  }

 private:
  // Under the mutex, which is what serializes the timer object; starting a wait never runs a handler.
  void arm() {
    if (!timer_) timer_.emplace(driving_executor(context_));
    timer_->expires_at(waiting_.begin()->first.first);
    timer_->async_wait([self = shared_from_this()](error_code const&) { self->fire(); });
  }

  // Decides from the clock, not from the timer's error code: a due timer that is cancelled reports success.
  void fire() {
    std::vector<waiter> due;
    {
      std::lock_guard lock(mutex_);
      if (closed_) return;
      auto const now = std::chrono::steady_clock::now();
      while (!waiting_.empty() && waiting_.begin()->first.first <= now) {
        due.push_back(std::move(waiting_.begin()->second));
        waiting_.erase(waiting_.begin());
      }
      if (!waiting_.empty() && (!due.empty() || timer_->expiry() <= now)) arm();
    }
    for (auto& [on, handler] : due) asio::post(on, std::move(handler));
  }

  asio::execution_context& context_;
  std::mutex mutex_;  // guards everything below; leaf: no other lock of ours is taken under it
  std::map<std::pair<time_point, std::uint64_t>, waiter> waiting_;
  std::optional<clock_timer> timer_;
  std::uint64_t last_number_ = 0;
  bool closed_ = false;
};

clock_service::clock_service(asio::execution_context& context)
    : service(context), wheel_(std::make_shared<wheel>(context)) {}

clock_service::~clock_service() = default;

time_point clock_service::now() const noexcept { return std::chrono::steady_clock::now(); }

time_point clock_service::recent() const noexcept {
  // The kernel's tick time: at most one tick (10 ms at 100 Hz) behind CLOCK_MONOTONIC, which is what steady_clock reads.
  timespec ticks{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &ticks);
  return time_point(std::chrono::seconds(ticks.tv_sec) + std::chrono::nanoseconds(ticks.tv_nsec));
}

clock_service::alarm clock_service::schedule(time_point when, executor on, asio::any_completion_handler<void()> handler) {
  return wheel_->schedule(when, waiter{std::move(on), std::move(handler)});
}

bool clock_service::cancel(alarm const& scheduled) noexcept { return wheel_->cancel(scheduled); }

void clock_service::shutdown() { wheel_->close(); }

clock_service& clock_of(asio::execution_context& context) { return asio::use_service<clock_service>(context); }

clock_service& clock_of(executor const& ex) { return clock_of(asio::query(ex, asio::execution::context)); }

time_point saturating_add(time_point start, duration span) noexcept {
  if (span > duration::zero() && start > time_point::max() - span) return time_point::max();
  return start + span;
}

awaitable<result<>> sleep_until(time_point when) {
  auto const ex = co_await asio::this_coro::executor;
  auto initiate = [](auto handler, executor on, time_point until) {
    struct wait_state {
      asio::any_completion_handler<void(error_code)> handler;
      clock_service::alarm alarm;
    };
    auto& clock = clock_of(on);
    auto slot = asio::get_associated_cancellation_slot(handler);
    auto state = std::make_shared<wait_state>();
    auto const own = asio::get_associated_executor(handler, on);
    state->handler = std::move(handler);
    // Whoever takes the alarm out of the clock completes: the clock at the moment, or the canceller. The slot comes first, because
    // on a pool without a strand the moment may come, and the coroutine go on, before this function has returned.
    if (slot.is_connected()) {
      // Weak: the slot lives in the frame that the handler owns, so a strong pointer would keep a dropped frame alive for ever.
      slot.assign([&clock, weak = std::weak_ptr(state), on](asio::cancellation_type) {
        auto const waiting = weak.lock();
        if (!waiting || !clock.cancel(waiting->alarm)) return;
        asio::post(on, asio::append(std::move(waiting->handler), make_error_code(errc::cancelled)));
      });
    }
    state->alarm = clock.schedule(until, on, asio::bind_executor(own, [state] { std::move(state->handler)(error_code()); }));
  };
  error_code ec;
  using token_type = asio::use_awaitable_t<>;
  try {
    co_await asio::async_initiate<token_type const, void(error_code)>(initiate, asio::use_awaitable, ex, when);
  } catch (boost::system::system_error const& thrown) {
    ec = thrown.code();
  }
  if (ec.failed()) co_return make_error_code(errc::cancelled);
  co_return result<>();
}

awaitable<result<>> sleep_for(duration span) {
  auto const ex = co_await asio::this_coro::executor;
  auto const until = saturating_add(clock_of(ex).now(), span);
  co_return co_await sleep_until(until);
}

}  // namespace mooring
