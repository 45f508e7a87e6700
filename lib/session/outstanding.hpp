#pragma once

#include <mooring/cache/shared_future.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

namespace mooring::detail {

/** @brief Counts what runs, so that a shutdown can wait for it without cancelling it.
 *  @par Thread safety  Any thread. A leaf mutex guards everything.
 */
class outstanding {
  struct count {
    void enter();
    void leave() noexcept;

    mutable std::mutex mutex;
    std::size_t running = 0;
    std::vector<shared_promise<bool>> waiting;
  };

 public:
  /** Counts while it lives; may outlive what it counts for. */
  class token {
   public:
    explicit token(outstanding& home) : shared_(home.shared_) { shared_->enter(); }
    token(token&&) noexcept = default;
    token& operator=(token&&) = delete;
    ~token() {
      if (shared_) shared_->leave();
    }

   private:
    std::shared_ptr<count> shared_;
  };

  /** Ready when nothing runs; at once if nothing runs now. */
  shared_future<bool> idle();

 private:
  std::shared_ptr<count> const shared_ = std::make_shared<count>();
};

}  // namespace mooring::detail
