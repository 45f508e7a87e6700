#pragma once

#include <mooring/cache/detail/late.hpp>
#include <mooring/core/awaitable.hpp>
#include <mooring/core/clock.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/deferred.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

namespace mooring::detail {

class parking_service;
class wake_batch;

/** Why a suspended caller goes on. */
enum class wake_reason : std::uint8_t { none, woken, deadline, cancelled };

/** @brief The completion handler of a suspended coroutine, kept in place: it is a pointer to the coroutine's stack. */
class parked_handler {
 public:
  parked_handler() = default;
  parked_handler(parked_handler const&) = delete;
  parked_handler& operator=(parked_handler const&) = delete;

  /** Requires: empty. */
  template <class Handler>
  void emplace(Handler&& handler) {
    using kept = std::decay_t<Handler>;
    static_assert(sizeof(kept) <= sizeof(place_) && alignof(kept) <= alignof(void*));
    ::new (static_cast<void*>(place_)) kept(std::forward<Handler>(handler));
    end_ = [](void* place, bool is_called) {
      auto* const held = std::launder(static_cast<kept*>(place));
      kept taken(std::move(*held));  // out of the frame, which may end in either case
      held->~kept();
      if (is_called) std::move(taken)();
    };
  }

  void call() { std::exchange(end_, nullptr)(place_, true); }

  /** Destroys the handler, and with it the coroutine that it would have resumed. */
  void drop() noexcept {
    if (auto const end = std::exchange(end_, nullptr)) end(place_, false);
  }

 private:
  alignas(void*) std::byte place_[2 * sizeof(void*)];
  void (*end_)(void*, bool) = nullptr;  // null: empty
};

/** @brief A suspended caller. Waking, its deadline and its cancellation race for one claim; the winner says why it goes on.
 *
 *  Lives in its caller's frame, and is linked into whatever it waits for before it suspends: what comes in between is kept. A frame that is suspended ends
 *  only through the handler kept here, so whoever has won the claim may use the call until it has resumed it. A deadline reaches it through a ticket of its
 *  own, which is void once the call goes on.
 *
 *  A context that ends drops its suspended callers (`parking_service`), so that no cycle of frame and handler outlives it.
 *
 *  Small: Asio recycles the memory of frames up to 1020 bytes, and each get of a cache has room for one of these.
 */
class parked_call {
 public:
  parked_call() = default;
  parked_call(parked_call const&) = delete;
  parked_call& operator=(parked_call const&) = delete;

  enum class claim_result { lost, won_preparing, won_suspended };

  /** @brief Claims the right to say why the caller goes on. After `won_suspended` the winner has to resume it, through a `wake_list`. */
  claim_result claim(wake_reason why) noexcept;

  /** @brief What the claim's winner said, and what it did before is then visible; `none` before. */
  wake_reason why() const noexcept {
    auto const seen = phase_.load(std::memory_order_acquire);
    return seen < claimed ? wake_reason::none : static_cast<wake_reason>(seen - claimed);
  }

  /** @brief Resume with `wake_reason::deadline` when the time is over, by the clock of the caller's context. Before suspending only.
   *  @param until  Set to `span` from the moment of suspension, if it is empty. Lives until then. */
  void set_deadline(duration span, std::optional<time_point>& until);

  /** @brief Lets no cancellation end the wait. Before suspending only. */
  void ignore_cancellation() noexcept { hears_cancellation_ = false; }

  /** @brief Spares the search for a service of the context, where it is the caller's. Before suspending only. */
  void expect_home(parking_service* usual) noexcept { home_ = usual; }

  /** @brief To be awaited once: `co_await call.suspended()`. Throws instead of suspending when the caller was cancelled before. */
  auto suspended() { return asio::async_initiate<asio::deferred_t const, void()>(initiation(*this), asio::deferred); }

 protected:
  ~parked_call() = default;

  /** Called without locks after the deadline, a cancellation or the context's end has won the claim: unlink from what was waited for. */
  virtual void left() noexcept = 0;

 private:
  friend class wake_list;
  friend class wake_batch;
  friend class parking_service;
  struct ticket;

  // From `claimed` on: plus the reason, so that claim and reason are one step.
  enum phase : std::uint8_t { preparing, parked, claimed };

  class initiation {
   public:
    explicit initiation(parked_call& call) noexcept : call_(&call) {}
    template <class Handler>
    void operator()(Handler&& handler) {
      call_->on_.emplace(asio::get_associated_executor(handler));
      auto slot = asio::get_associated_cancellation_slot(handler);
      call_->handler_.emplace(std::forward<Handler>(handler));
      call_->park(slot);
    }

   private:
    parked_call* call_;
  };

  void park(asio::cancellation_slot slot);
  void leave_for(wake_reason why) noexcept;
  void go_on() noexcept;
  void resume();
  void drop() noexcept;

  std::atomic<std::uint8_t> phase_{preparing};
  bool hears_cancellation_ = true;
  // Written before `parked` is published by `phase_` (release), read by the claim's winner (acquire).
  parked_handler handler_;
  late<executor> on_;
  std::shared_ptr<ticket> ticket_;       // where there is a deadline
  parking_service* home_ = nullptr;      // before it is parked: where it is expected to be
  parked_call* previous_ = nullptr;      // in the parking service, under its mutex
  parked_call* following_ = nullptr;
  parked_call* next_ = nullptr;          // in a wake_list or wake_batch: the claim's winner's
  parked_call* before_ = nullptr;
  wake_batch* batch_ = nullptr;
};

/** @brief Callers whose claim was won while they were suspended, to be resumed together: one post for all of one executor. */
class wake_list {
 public:
  wake_list() = default;
  wake_list(wake_list const&) = delete;
  wake_list& operator=(wake_list const&) = delete;

  bool empty() const noexcept { return !first_; }

  void add(parked_call& call) noexcept {
    (last_ ? last_->next_ : first_) = &call;
    last_ = &call;
  }

  /** @brief Posts each to its executor; empty afterwards. To be called before the list goes, not under a lock. */
  void post();

 private:
  parked_call* first_ = nullptr;
  parked_call* last_ = nullptr;
};

}  // namespace mooring::detail
