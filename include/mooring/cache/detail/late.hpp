#pragma once

#include <memory>
#include <utility>

namespace mooring::detail {

/** @brief Room for an object that may be made later. As `std::optional`, but making the room costs one step: g++ clears the whole room of an optional, and
 *  that would be a good part of what a hit costs.
 */
template <class T>
class late {
 public:
  late() noexcept {}
  late(late const&) = delete;
  late& operator=(late const&) = delete;
  ~late() { reset(); }

  template <class... Args>
  T& emplace(Args&&... args) {
    reset();
    auto* const made = std::construct_at(std::addressof(made_), std::forward<Args>(args)...);
    is_made_ = true;
    return *made;
  }

  void reset() noexcept {
    if (std::exchange(is_made_, false)) std::destroy_at(std::addressof(made_));
  }

  // Require: it was made.
  T& operator*() noexcept { return made_; }
  T const& operator*() const noexcept { return made_; }
  T* operator->() noexcept { return std::addressof(made_); }

 private:
  union {
    T made_;
  };
  bool is_made_ = false;
};

}  // namespace mooring::detail
