#pragma once

#include <mooring/cache/detail/parked_call.hpp>

#include <boost/asio/execution_context.hpp>

#include <mutex>

namespace mooring::detail {

/** @brief Knows the suspended callers of one execution context, and drops them when it ends.
 *
 *  A suspended caller's handler owns its frame, and the frame owns the handler's place: nothing else would ever free the two.
 */
class parking_service final : public asio::execution_context::service {
 public:
  inline static asio::execution_context::id id;

  explicit parking_service(asio::execution_context& context) : service(context) {}

  void add(parked_call& call) noexcept;
  void remove(parked_call& call) noexcept;
  /** Removes a chain of calls, linked by `next_`, that are about to be resumed one after the other. */
  void remove_chain(parked_call* first) noexcept;

 private:
  void unlink(parked_call& call) noexcept;
  parked_call* first() noexcept;
  void shutdown() override;

  std::mutex mutex_;  // guards the list; leaf
  parked_call* first_ = nullptr;
};

}  // namespace mooring::detail
