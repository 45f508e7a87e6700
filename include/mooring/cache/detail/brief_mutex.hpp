#pragma once

#include <mutex>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace mooring::detail {

/** @brief A mutex for sections that take some dozen nanoseconds.
 *
 *  Whoever finds it taken looks again for 127 pauses in all before it sleeps: ten to a hundred and forty cycles each, as the processor has it, so up to some
 *  hundred such sections. To be put to sleep and woken costs no less.
 */
class brief_mutex {
 public:
  void lock() {
    // In growing intervals, since each look takes the memory of the mutex away from its holder.
    for (int pauses = 1; pauses <= longest; pauses *= 2) {
      if (mutex_.try_lock()) return;
      for (int i = 0; i < pauses; ++i) relax();
    }
    mutex_.lock();
  }
  bool try_lock() { return mutex_.try_lock(); }
  void unlock() { mutex_.unlock(); }

 private:
  static constexpr int longest = 64;

  static void relax() noexcept {
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  std::mutex mutex_;
};

}  // namespace mooring::detail
