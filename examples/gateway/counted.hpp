#pragma once

#include <atomic>
#include <cstddef>

namespace mooring::gateway {

/** @brief One of something, for as long as it lives. */
class counted {
 public:
  explicit counted(std::atomic<std::size_t>& count) : count_(count) { ++count_; }
  ~counted() { --count_; }
  counted(counted const&) = delete;
  counted& operator=(counted const&) = delete;

 private:
  std::atomic<std::size_t>& count_;
};

}  // namespace mooring::gateway
