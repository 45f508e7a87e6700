#include "together.hpp"

#include "http/signal.hpp"

#include <atomic>
#include <utility>

namespace mooring::gateway {

namespace {

struct countdown {
  explicit countdown(std::size_t n) : left(n) {}
  void finish_one() {
    if (left.fetch_sub(1, std::memory_order_acq_rel) == 1) done.raise();
  }

  std::atomic<std::size_t> left;  // acquire-release: whoever sees the signal sees the results
  http::signal done;
};

// Counts down when the work ends, however it ends: when its frame is destroyed before its first step, too.
class share {
 public:
  explicit share(std::shared_ptr<countdown> of) : of_(std::move(of)) {}
  share(share&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
  share& operator=(share&&) = delete;
  ~share() {
    if (of_) of_->finish_one();
  }

 private:
  std::shared_ptr<countdown> of_;
};

awaitable<void> run_one(awaitable<void> work, share mine) {
  share const held(std::move(mine));
  co_await std::move(work);
}

}  // namespace

awaitable<bool> run_together(std::shared_ptr<task_scope> scope, std::vector<awaitable<void>> work, time_point until) {
  if (work.empty()) co_return true;
  auto const left = std::make_shared<countdown>(work.size());
  for (auto& one : work) scope->spawn(run_one(std::move(one), share(left)));
  auto const waited = co_await left->done.wait(until);
  co_return waited.has_value();
}

}  // namespace mooring::gateway
