#include "http/signal.hpp"

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <cstdint>
#include <map>
#include <mutex>
#include <utility>

namespace mooring::http {
namespace {

// A suspended waiter. Its alarm in the clock owns it, so that a context that ends drops it together with its coroutine; whoever takes the
// alarm out of the clock completes it.
struct waiting {
  explicit waiting(executor ex) : on(std::move(ex)), clock(clock_of(on)) {}

  void finish(error_code outcome) {
    if (clock.cancel(alarm)) asio::post(on, asio::append(std::move(handler), outcome));
  }

  executor const on;
  clock_service& clock;
  asio::any_completion_handler<void(error_code)> handler;
  clock_service::alarm alarm;
};

}  // namespace

struct signal::state {
  std::mutex mutex;  // guards everything below; leaf
  bool is_raised = false;
  std::uint64_t last_number = 0;
  std::map<std::uint64_t, std::weak_ptr<waiting>> waiters;

  void finish_all(error_code outcome, bool raised) {
    std::map<std::uint64_t, std::weak_ptr<waiting>> leaving;
    {
      std::lock_guard lock(mutex);
      is_raised = raised;
      leaving.swap(waiters);
    }
    for (auto const& [number, weak] : leaving)
      if (auto const waiter = weak.lock()) waiter->finish(outcome);
  }

  std::uint64_t next_number() {
    std::lock_guard lock(mutex);
    return ++last_number;
  }

  // False: the flag is set, nothing was added.
  bool add(std::uint64_t number, std::weak_ptr<waiting> waiter) {
    std::lock_guard lock(mutex);
    if (is_raised) return false;
    waiters.emplace(number, std::move(waiter));
    return true;
  }

  void remove(std::uint64_t number) {
    std::lock_guard lock(mutex);
    waiters.erase(number);
  }
};

signal::signal() : state_(std::make_shared<state>()) {}

signal::~signal() { state_->finish_all(make_error_code(errc::cancelled), false); }

void signal::raise() { state_->finish_all(error_code(), true); }

void signal::lower() {
  std::lock_guard lock(state_->mutex);
  state_->is_raised = false;
}

bool signal::is_raised() const {
  std::lock_guard lock(state_->mutex);
  return state_->is_raised;
}

awaitable<result<>> signal::wait(std::optional<time_point> until) const {
  if (is_raised()) co_return result<>();
  auto const shared = state_;
  auto const ex = co_await asio::this_coro::executor;
  auto const number = shared->next_number();
  auto initiate = [](auto handler, executor on, std::shared_ptr<state> flag, std::uint64_t own_number, time_point limit) {
    auto slot = asio::get_associated_cancellation_slot(handler);
    auto const own = asio::get_associated_executor(handler, on);
    auto const waiter = std::make_shared<waiting>(on);
    waiter->handler = std::move(handler);
    if (slot.is_connected()) {
      // Weak: the slot lives in the frame that the handler owns.
      slot.assign([weak = std::weak_ptr(waiter)](asio::cancellation_type) {
        if (auto const left = weak.lock()) left->finish(make_error_code(errc::cancelled));
      });
    }
    // The alarm comes first: from the moment that `raise` can find the waiter, there is something to take out of the clock.
    waiter->alarm = waiter->clock.schedule(limit, on, asio::bind_executor(own, [waiter] {
      std::move(waiter->handler)(make_error_code(errc::deadline_exceeded));
    }));
    if (!flag->add(own_number, waiter)) waiter->finish(error_code());
  };
  error_code outcome;
  auto const limit = until.value_or(time_point::max());
  try {
    co_await asio::async_initiate<asio::use_awaitable_t<> const, void(error_code)>(initiate, asio::use_awaitable, ex, shared, number, limit);
  } catch (boost::system::system_error const& thrown) {
    outcome = thrown.code();
  }
  shared->remove(number);
  if (!outcome.failed()) co_return result<>();
  if (outcome == errc::deadline_exceeded) co_return outcome;
  co_return make_error_code(errc::cancelled);
}

}  // namespace mooring::http
