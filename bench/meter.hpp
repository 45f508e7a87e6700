#pragma once

#include <boost/histogram/axis/regular.hpp>
#include <boost/histogram/axis/traits.hpp>
#include <boost/histogram/make_histogram.hpp>

#include <chrono>
#include <cstdint>
#include <tuple>

namespace mooring::bench {

/** How often this process has allocated: ended threads, and the calling one. The programs's operator new counts. */
std::uint64_t allocations() noexcept;

/** Bytes that the allocator has handed out and not got back. */
std::uint64_t bytes_in_use() noexcept;

/** Processor time of this process. */
std::chrono::nanoseconds cpu_time() noexcept;

/** What one timed run of one contestant took. */
struct run_cost {
  std::uint64_t operations = 0;
  std::chrono::nanoseconds wall{};
  std::chrono::nanoseconds cpu{};
  std::uint64_t allocated = 0;

  double wall_ns() const noexcept { return double(wall.count()) / double(operations ? operations : 1); }
  double cpu_ns() const noexcept { return double(cpu.count()) / double(operations ? operations : 1); }
  double allocations_each() const noexcept { return double(allocated) / double(operations ? operations : 1); }
};

/** Measures from its construction to `stop`. Threads that work meanwhile have ended by then. */
class meter {
 public:
  meter() noexcept : allocated_(allocations()), cpu_(cpu_time()), start_(std::chrono::steady_clock::now()) {}

  run_cost stop(std::uint64_t operations) const noexcept {
    auto const end = std::chrono::steady_clock::now();
    return {operations, end - start_, cpu_time() - cpu_, allocations() - allocated_};
  }

 private:
  std::uint64_t allocated_;
  std::chrono::nanoseconds cpu_;
  std::chrono::steady_clock::time_point start_;
};

/** Latencies in nanoseconds from 10 ns to 100 s, each within 2 %. Not for several threads at once: one each, then `add`. */
class latencies {
 public:
  void record(std::chrono::nanoseconds took) { bins_(double(took.count() < 10 ? 10 : took.count())); }
  void add(latencies const& other) { bins_ += other.bins_; }
  /** The latency that a share of all samples stays below; 0 without samples. */
  double quantile(double share) const;

 private:
  using axis_type = boost::histogram::axis::regular<double, boost::histogram::axis::transform::log>;
  using bins_type = decltype(boost::histogram::make_histogram(std::declval<axis_type>()));
  bins_type bins_ = boost::histogram::make_histogram(axis_type(1200, 10.0, 1e11));
};

}  // namespace mooring::bench
