#pragma once

#include <atomic>

#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#endif

namespace mooring::detail {

/** Whether this process has one thread only, as far as the C library knows: then nobody can come between two plain steps. */
inline bool is_single_threaded() noexcept {
#if __has_include(<sys/single_threaded.h>)
  return __libc_single_threaded != 0;
#else
  return false;
#endif
}

/** `count.fetch_add(more, order)`, without the price of an atomic step where no second thread exists; as `shared_ptr` counts in libstdc++. */
template <class T>
T count_up(std::atomic<T>& count, T more, std::memory_order order) noexcept {
  if (!is_single_threaded()) return count.fetch_add(more, order);
  auto const before = count.load(std::memory_order_relaxed);
  count.store(before + more, std::memory_order_relaxed);
  return before;
}

/** As above, downwards. */
template <class T>
T count_down(std::atomic<T>& count, T less, std::memory_order order) noexcept {
  return count_up(count, static_cast<T>(T{} - less), order);
}

}  // namespace mooring::detail
