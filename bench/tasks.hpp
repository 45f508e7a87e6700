#pragma once

#include "contest.hpp"

#include <mooring/core/awaitable.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace mooring::bench {

/** Until when tasks work, and what they report when they end. Any thread. */
class workbench {
 public:
  explicit workbench(double seconds) : end_(std::chrono::steady_clock::now() + std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9))) {}

  /** Reads the clock: ask once for some hundred operations. */
  bool is_over() const noexcept { return std::chrono::steady_clock::now() >= end_; }

  void report(std::uint64_t operations) { operations_ += operations; }
  void report(std::uint64_t operations, latencies const& spread) {
    report(operations);
    std::lock_guard lock(mutex_);
    spread_.add(spread);
  }
  void report(std::uint64_t operations, std::chrono::nanoseconds latency) {
    report(operations);
    std::lock_guard lock(mutex_);
    spread_.record(latency);
  }

  std::uint64_t operations() const noexcept { return operations_; }
  latencies const& spread() const noexcept { return spread_; }

 private:
  std::chrono::steady_clock::time_point const end_;
  std::atomic<std::uint64_t> operations_ = 0;
  std::mutex mutex_;  // guards spread_ while tasks end
  latencies spread_;
};

/** Runs `tasks` coroutines on a context with `threads` threads until all have ended; the calling thread is one of them. */
inline run_result run_tasks(asio::io_context& io, std::size_t threads, std::size_t tasks, double seconds,
                            std::function<awaitable<void>(workbench&, std::size_t)> const& make) {
  workbench bench(seconds);
  std::atomic<std::size_t> left = tasks;
  io.restart();
  meter measure;
  for (std::size_t i = 0; i < tasks; ++i) {
    asio::co_spawn(io, make(bench, i), [&left, &io](std::exception_ptr failure) {
      if (failure) std::rethrow_exception(failure);
      if (--left == 0) io.stop();
    });
  }
  std::vector<std::thread> more;
  for (std::size_t i = 1; i < threads; ++i) more.emplace_back([&io] { io.run(); });
  io.run();
  for (auto& each : more) each.join();
  run_result done;
  done.cost = measure.stop(bench.operations());
  done.spread = bench.spread();
  done.has_spread = true;
  return done;
}

/** As above for plain functions on threads. */
inline run_result run_threads(std::size_t threads, double seconds, std::function<void(workbench&, std::size_t)> const& work) {
  workbench bench(seconds);
  meter measure;
  std::vector<std::thread> more;
  for (std::size_t i = 1; i < threads; ++i) more.emplace_back([&, i] { work(bench, i); });
  work(bench, 0);
  for (auto& each : more) each.join();
  run_result done;
  done.cost = measure.stop(bench.operations());
  done.spread = bench.spread();
  done.has_spread = true;
  return done;
}

/** Times one of every 64 operations, which costs an operation less than a nanosecond. */
class sampler {
 public:
  bool is_due() noexcept { return (++count_ & 63U) == 0; }
  void begin() noexcept { start_ = std::chrono::steady_clock::now(); }
  void end() { spread_.record(std::chrono::steady_clock::now() - start_); }
  latencies const& spread() const noexcept { return spread_; }

 private:
  std::uint64_t count_ = 0;
  std::chrono::steady_clock::time_point start_;
  latencies spread_;
};

}  // namespace mooring::bench
