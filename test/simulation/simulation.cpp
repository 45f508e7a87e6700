#include "simulation/simulation.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <iterator>

namespace mooring::test {

class simulation::virtual_clock final : public clock_service {
 public:
  explicit virtual_clock(asio::execution_context& context) : clock_service(context), owner_(static_cast<simulation&>(context)) {}

  time_point now() const noexcept override { return owner_.now_; }
  time_point recent() const noexcept override { return owner_.now_; }

  alarm schedule(time_point when, executor on, asio::any_completion_handler<void()> handler) override {
    alarm const made{when, ++owner_.last_alarm_};
    owner_.alarms_.emplace(std::pair(when, made.number), waiter{std::move(on), std::move(handler)});
    return made;
  }

  bool cancel(alarm const& scheduled) noexcept override {
    auto found = owner_.alarms_.extract(std::pair(scheduled.when, scheduled.number));
    return !found.empty();
  }

 private:
  void shutdown() override {}

  simulation& owner_;
};

class simulation::virtual_wall_clock final : public wall_clock_service {
 public:
  explicit virtual_wall_clock(asio::execution_context& context) : wall_clock_service(context), owner_(static_cast<simulation&>(context)) {}

  wall_time now() const noexcept override { return owner_.wall_now(); }

 private:
  simulation& owner_;
};

class simulation::seeded_entropy final : public entropy_service {
 public:
  explicit seeded_entropy(asio::execution_context& context) : entropy_service(context), owner_(static_cast<simulation&>(context)) {}

  // Apart from the schedule's own stream: a scenario that draws one more name still meets the same interleavings.
  result<> fill(std::span<std::byte> out) noexcept override {
    if (owner_.entropy_fails_) return make_error_code(errc::unavailable);
    for (auto& byte : out) {
      state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;  // Knuth's MMIX constants
      byte = static_cast<std::byte>(state_ >> 56);
    }
    return {};
  }

 private:
  simulation& owner_;
  std::uint64_t state_ = owner_.seed_ ^ 0x6d6f6f72696e67ULL;
};

simulation::simulation(std::uint64_t seed) : seed_(seed), state_(seed) {
  asio::make_service<virtual_clock>(*this);
  asio::make_service<virtual_wall_clock>(*this);
  asio::make_service<seeded_entropy>(*this);
}

simulation::~simulation() {
  // Dropping a handler may post or schedule another, so until both are empty; and so may a service that drops its own.
  auto const drop_all = [this] {
    while (!ready_.empty() || !alarms_.empty()) {
      auto ready = std::exchange(ready_, {});
      auto alarms = std::exchange(alarms_, {});
    }
  };
  drop_all();
  // What is dropped may make a strand and queue on it: its service has to drop that too, until nothing comes any more.
  bool is_empty = false;
  while (!is_empty) {
    shutdown();
    is_empty = ready_.empty() && alarms_.empty();
    drop_all();
  }
  destroy();
}

std::uint64_t simulation::random(std::uint64_t bound) {
  // splitmix64 (Steele, Lea, Flood 2014)
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return (z ^ (z >> 31)) % bound;
}

std::size_t simulation::due_alarms() const {
  auto const end = alarms_.upper_bound(std::pair(now_, ~std::uint64_t(0)));
  return static_cast<std::size_t>(std::distance(alarms_.begin(), end));
}

bool simulation::step() {
  if (ready_.empty()) {
    if (alarms_.empty()) return false;
    now_ = std::max(now_, alarms_.begin()->first.first);
  }
  // A due alarm is one more choice, and can still be taken back until it is chosen: so a cancel at the very moment may win or lose.
  auto chosen = static_cast<std::size_t>(random(ready_.size() + due_alarms()));
  note(chosen);
  note(static_cast<std::uint64_t>(now_.time_since_epoch().count()));
  ++steps_;
  if (chosen < ready_.size()) {
    std::swap(ready_[chosen], ready_.back());
    auto const work = std::move(ready_.back());
    ready_.pop_back();
    current_lane_ = work->lane;
    is_running_ = true;
    work->run();
    is_running_ = false;
  } else {
    auto alarm = alarms_.extract(std::next(alarms_.begin(), static_cast<std::ptrdiff_t>(chosen - ready_.size())));
    asio::post(alarm.mapped().on, std::move(alarm.mapped().handler));
  }
  return true;
}

bool simulation::run(std::uint64_t limit) {
  for (std::uint64_t i = 0; i < limit; ++i)
    if (!step()) return true;
  return outstanding() == 0;
}

void simulation::run_until(time_point until) {
  for (;;) {
    if (ready_.empty() && (alarms_.empty() || alarms_.begin()->first.first > until)) break;
    step();
  }
  if (until > now_) now_ = until;
}

}  // namespace mooring::test
