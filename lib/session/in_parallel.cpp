#include "session/in_parallel.hpp"

#include "core/report.hpp"
#include "session/cancellation.hpp"

#include <mooring/cache/shared_future.hpp>

#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

namespace mooring::detail {
namespace {

struct shared_steps {
  shared_steps(state_ptr of, std::size_t n, std::function<awaitable<void>(std::size_t)> s) : state(std::move(of)), count(n), step(std::move(s)) {}
  state_ptr const state;
  std::size_t const count;
  std::function<awaitable<void>(std::size_t)> const step;
  std::atomic<std::size_t> next{0};
};

awaitable<void> take_steps(std::shared_ptr<shared_steps> of, [[maybe_unused]] shared_promise<bool> ended) {
  for (;;) {
    auto const mine = of->next.fetch_add(1);
    if (mine >= of->count) co_return;
    std::exception_ptr thrown;
    try {
      co_await of->step(mine);
    } catch (...) {
      thrown = std::current_exception();
    }
    // What a user's storage throws is no reason to leave out the steps behind.
    report_thrown(of->state->options.log, "a sweep or a touch", thrown);
    auto const cancellation = co_await asio::this_coro::cancellation_state;
    if (is_cancelled(cancellation)) co_return;
  }
}

}  // namespace

awaitable<void> in_parallel(state_ptr state, std::size_t count, std::function<awaitable<void>(std::size_t)> step) {
  auto const steps = std::make_shared<shared_steps>(state, count, std::move(step));
  std::vector<shared_future<bool>> running;
  auto const workers = std::min(state->options.sweep_concurrency, count);
  for (std::size_t i = 0; i < workers; ++i) {
    shared_promise<bool> promise;
    running.push_back(promise.get_future());
    state->background.spawn(take_steps(steps, std::move(promise)));
  }
  // Dropped promises are how they end.
  for (auto const& one : running) {
    auto const ended = co_await one.wait();
    if (!ended && ended.error() == errc::cancelled) break;
  }
}

}  // namespace mooring::detail
