#include "meter.hpp"

#include <boost/histogram/algorithm/sum.hpp>

#include <malloc.h>
#include <time.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::uint64_t> allocated_by_ended_threads = 0;

// Counting costs no shared cache line: a thread adds its count when it ends.
struct thread_count {
  std::uint64_t value = 0;
  ~thread_count() { allocated_by_ended_threads.fetch_add(value, std::memory_order_relaxed); }
};

thread_local thread_count allocated_here;

void* counted(std::size_t size, std::size_t alignment) {
  ++allocated_here.value;
  void* got = nullptr;
  if (alignment <= alignof(std::max_align_t)) got = std::malloc(size);
  else if (::posix_memalign(&got, alignment, size) != 0) got = nullptr;
  if (!got) throw std::bad_alloc();
  return got;
}

}  // namespace

// Asio takes the memory of coroutines here, where it has none to recycle.
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  ++allocated_here.value;
  void* got = nullptr;
  return ::posix_memalign(&got, alignment < sizeof(void*) ? sizeof(void*) : alignment, size) == 0 ? got : nullptr;
}

void* operator new(std::size_t size) { return counted(size, 0); }
void* operator new[](std::size_t size) { return counted(size, 0); }
void* operator new(std::size_t size, std::align_val_t alignment) { return counted(size, static_cast<std::size_t>(alignment)); }
void* operator new[](std::size_t size, std::align_val_t alignment) { return counted(size, static_cast<std::size_t>(alignment)); }
void operator delete(void* held) noexcept { std::free(held); }
void operator delete[](void* held) noexcept { std::free(held); }
void operator delete(void* held, std::size_t) noexcept { std::free(held); }
void operator delete[](void* held, std::size_t) noexcept { std::free(held); }
void operator delete(void* held, std::align_val_t) noexcept { std::free(held); }
void operator delete[](void* held, std::align_val_t) noexcept { std::free(held); }
void operator delete(void* held, std::size_t, std::align_val_t) noexcept { std::free(held); }
void operator delete[](void* held, std::size_t, std::align_val_t) noexcept { std::free(held); }

namespace mooring::bench {

std::uint64_t allocations() noexcept { return allocated_by_ended_threads.load(std::memory_order_relaxed) + allocated_here.value; }

std::uint64_t bytes_in_use() noexcept {
  auto const now = ::mallinfo2();
  return now.uordblks + now.hblkhd;
}

std::chrono::nanoseconds cpu_time() noexcept {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

double latencies::quantile(double share) const {
  auto const total = boost::histogram::algorithm::sum(bins_);
  double below = 0;
  if (total <= 0) return 0;
  for (int i = 0; i < bins_.axis(0).size(); ++i) {
    below += bins_.at(i);
    if (below >= share * total) return bins_.axis(0).bin(i).upper();
  }
  return bins_.axis(0).bin(bins_.axis(0).size() - 1).upper();
}

}  // namespace mooring::bench
