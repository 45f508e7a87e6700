#include <mooring/core/task_scope.hpp>

#include "core/report.hpp"

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace mooring {

struct task_scope::task::entry {
  entry(executor const& ex, std::uint64_t n) : strand(asio::make_strand(ex)), number(n) {}
  asio::strand<executor> strand;
  std::uint64_t const number;
  asio::cancellation_signal signal;  // on the strand only
  std::atomic<bool> is_cancelled{false};  // set at once: the start, which is on its way to the strand already, must find it
};

struct task_scope::state {
  using entry = task::entry;
  using joiner = asio::any_completion_handler<void()>;
  class ending;

  state(executor ex, log_sink sink) : home(std::move(ex)), log(std::move(sink)) {}

  executor const home;
  log_sink const log;
  mutable std::mutex mutex;  // guards everything below; leaf
  std::map<std::uint64_t, std::shared_ptr<entry>> running;  // by number, so that the order of cancels never depends on addresses
  std::vector<joiner> joiners;
  std::uint64_t last_number = 0;
  bool closing = false;

  std::vector<joiner> remove(entry const& which) {
    std::vector<joiner> leaving;
    std::lock_guard lock(mutex);
    running.erase(which.number);
    if (running.empty()) leaving.swap(joiners);
    return leaving;
  }
};

// Travels with a task from spawn to its completion. A context that ends drops both unrun: that ends the task, too.
class task_scope::state::ending {
 public:
  ending(std::shared_ptr<state> shared, std::shared_ptr<entry> e) : shared_(std::move(shared)), entry_(std::move(e)) {}
  ending(ending&&) = default;
  ending& operator=(ending&&) = delete;
  ~ending() {
    if (shared_) end(*shared_);
  }

  void operator()(std::exception_ptr failure) {
    auto const shared = std::exchange(shared_, nullptr);
    detail::report_thrown(shared->log, "a background task", failure);
    end(*shared);
  }

 private:
  void end(state& of) const {
    for (auto& waiting : of.remove(*entry_)) asio::post(of.home, std::move(waiting));
  }

  std::shared_ptr<state> shared_;
  std::shared_ptr<entry> entry_;
};

namespace {

awaitable<void> nothing() { co_return; }

}  // namespace

task_scope::task::task(std::shared_ptr<entry> e) noexcept : entry_(std::move(e)) {}

void task_scope::task::cancel() const {
  if (!entry_) return;
  entry_->is_cancelled = true;
  asio::post(entry_->strand, [e = entry_] { e->signal.emit(asio::cancellation_type::terminal); });
}

task_scope::task_scope(executor ex, log_sink log) : state_(std::make_shared<state>(std::move(ex), std::move(log))) {}

task_scope::~task_scope() { cancel(); }

bool task_scope::spawn(awaitable<void> work, task* started) { return spawn_on(state_->home, std::move(work), started); }

bool task_scope::spawn_on(executor on, awaitable<void> work, task* started) {
  std::shared_ptr<task::entry> e;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->closing) return false;
    e = std::make_shared<task::entry>(on, ++state_->last_number);
    state_->running.emplace(e->number, e);
  }
  if (started) *started = task(e);
  // Posted, so that neither the task nor its completion ever runs inside the caller.
  // The work stands last, and so goes first where a context drops the start: before its end is told.
  asio::post(e->strand, [e, done = state::ending(state_, e), work = std::move(work)]() mutable {
    auto const strand = e->strand;
    // Asked for when it is about to begin, which may be a step later still.
    auto begin = [e, work = std::move(work)]() mutable {
      if (!e->is_cancelled) return std::move(work);
      auto const unrun = std::move(work);  // goes before its end is told
      return nothing();
    };
    asio::co_spawn(strand, std::move(begin), asio::bind_cancellation_slot(e->signal.slot(), std::move(done)));
  });
  return true;
}

void task_scope::cancel() {
  std::vector<std::shared_ptr<task::entry>> leaving;
  {
    std::lock_guard lock(state_->mutex);
    state_->closing = true;
    for (auto const& [number, e] : state_->running) leaving.push_back(e);
  }
  for (auto const& e : leaving) task(e).cancel();
}

awaitable<void> task_scope::close() {
  cancel();
  auto shared = state_;
  auto initiate = [shared](auto handler) {
    auto const own = asio::get_associated_executor(handler, shared->home);
    {
      std::lock_guard lock(shared->mutex);
      if (!shared->running.empty()) {
        shared->joiners.push_back(asio::bind_executor(own, std::move(handler)));
        return;
      }
    }
    asio::post(own, std::move(handler));
  };
  co_await asio::async_initiate<asio::use_awaitable_t<> const, void()>(initiate, asio::use_awaitable);
}

std::size_t task_scope::size() const {
  std::lock_guard lock(state_->mutex);
  return state_->running.size();
}

}  // namespace mooring
