#pragma once

#include <mooring/core/clock.hpp>
#include <mooring/core/entropy.hpp>
#include <mooring/core/wall_clock.hpp>

#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace mooring::test {

class simulation;

/** The executor of a simulation. Runs nothing inline, so that each dispatch is a choice of the seed, unless `simulation::run_inline` says so. Lanes tell executors
 *  apart that share a simulation: equal lanes compare equal, and `simulation::current_lane` names the one whose handler runs. */
class simulation_executor {
 public:
  simulation_executor(simulation& owner, unsigned lane) noexcept : owner_(&owner), lane_(lane) {}

  asio::execution_context& query(asio::execution::context_t) const noexcept;
  asio::execution::blocking_t query(asio::execution::blocking_t) const noexcept;
  simulation_executor require(asio::execution::blocking_t::possibly_t) const noexcept { return {*owner_, lane_, true}; }
  simulation_executor require(asio::execution::blocking_t::never_t) const noexcept { return {*owner_, lane_, false}; }

  template <class F>
  void execute(F work) const;

  friend bool operator==(simulation_executor const& a, simulation_executor const& b) noexcept {
    return a.owner_ == b.owner_ && a.lane_ == b.lane_;
  }
  friend bool operator!=(simulation_executor const& a, simulation_executor const& b) noexcept { return !(a == b); }

 private:
  simulation_executor(simulation& owner, unsigned lane, bool may_be_inline) noexcept : owner_(&owner), lane_(lane), may_be_inline_(may_be_inline) {}

  simulation* owner_;
  unsigned lane_;
  bool may_be_inline_ = true;
};

/** A single-threaded execution context in which the seed picks which ready handler runs next, and time jumps to the next alarm when none is ready.
 *
 *  Clock, wall clock and entropy are virtual: one seed gives one schedule, on every compiler. Destroying it drops all that has not run, as a context does. */
class simulation : public asio::execution_context {
 public:
  using executor_type = simulation_executor;

  explicit simulation(std::uint64_t seed);
  ~simulation();

  executor_type get_executor() noexcept { return {*this, 0}; }
  executor_type lane(unsigned number) noexcept { return {*this, number}; }

  /** Runs one ready handler or lets one due alarm go off, after moving time if nothing is ready. False when nothing is left. */
  bool step();

  /** Runs until nothing is left, or until `limit` handlers ran. True when nothing is left. */
  bool run(std::uint64_t limit = 1'000'000);

  /** Runs until virtual time has reached `until`, everything due before it included. Time stands at `until` afterwards. */
  void run_until(time_point until);
  void run_for(duration span) { run_until(now_ + span); }

  /** A number below `bound`, from the seed. */
  std::uint64_t random(std::uint64_t bound);

  time_point now() const noexcept { return now_; }
  std::uint64_t seed() const noexcept { return seed_; }
  std::uint64_t steps() const noexcept { return steps_; }
  unsigned current_lane() const noexcept { return current_lane_; }

  /** A digest of every choice made so far: equal traces are equal schedules. `note` adds what a scenario saw. */
  std::uint64_t trace() const noexcept { return trace_; }
  void note(std::uint64_t value) noexcept { trace_ = (trace_ ^ value) * 1099511628211ULL; }

  /** Handlers ready and alarms waiting. */
  std::size_t outstanding() const noexcept { return ready_.size() + alarms_.size(); }

  /** What the wall clock says: it goes as time does, and jumps when it is set. */
  wall_time wall_now() const noexcept { return wall_time(std::chrono::sys_days(std::chrono::year(2030) / 1 / 1)) + now_.time_since_epoch() + wall_step_; }
  void step_wall_clock(duration step) noexcept { wall_step_ += step; }

  /** From here on, what a handler dispatches runs at once inside of it, as on an `io_context`; or not. */
  void run_inline(bool is_inline) noexcept { is_inline_ = is_inline; }

  /** From here on the entropy source fails (or works again). */
  void fail_entropy(bool failing) noexcept { entropy_fails_ = failing; }

 private:
  friend class simulation_executor;
  class virtual_clock;
  class virtual_wall_clock;
  class seeded_entropy;

  struct job {
    explicit job(unsigned on) : lane(on) {}
    virtual ~job() = default;
    virtual void run() = 0;
    unsigned const lane;
  };

  template <class F>
  struct job_of final : job {
    job_of(unsigned on, F&& f) : job(on), work(std::move(f)) {}
    void run() override {
      auto mine = std::move(work);
      std::move(mine)();
    }
    F work;
  };

  struct waiter {
    executor on;
    asio::any_completion_handler<void()> handler;
  };

  std::size_t due_alarms() const;

  // Inside the handler that runs.
  template <class F>
  void run_here(unsigned lane, F&& work) {
    auto const outer = std::exchange(current_lane_, lane);
    std::move(work)();
    current_lane_ = outer;
  }

  std::vector<std::unique_ptr<job>> ready_;
  std::map<std::pair<time_point, std::uint64_t>, waiter> alarms_;
  std::uint64_t const seed_;
  std::uint64_t state_;
  std::uint64_t last_alarm_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t trace_ = 14695981039346656037ULL;  // FNV-1a offset basis
  time_point now_{std::chrono::hours(1)};          // not zero, so that a forgotten timestamp shows
  duration wall_step_{};
  unsigned current_lane_ = 0;
  bool entropy_fails_ = false;
  bool is_inline_ = false;
  bool is_running_ = false;
};

inline asio::execution_context& simulation_executor::query(asio::execution::context_t) const noexcept { return *owner_; }

inline asio::execution::blocking_t simulation_executor::query(asio::execution::blocking_t) const noexcept {
  if (may_be_inline_ && owner_->is_inline_) return asio::execution::blocking.possibly;
  return asio::execution::blocking.never;
}

template <class F>
void simulation_executor::execute(F work) const {
  if (may_be_inline_ && owner_->is_inline_ && owner_->is_running_) return owner_->run_here(lane_, std::move(work));
  owner_->ready_.push_back(std::make_unique<simulation::job_of<F>>(lane_, std::move(work)));
}

}  // namespace mooring::test
