#pragma once

#include <mooring/core/awaitable.hpp>
#include <mooring/core/clock.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/deferred.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace mooring::detail {

class parking_service;

/** Why a suspended caller goes on. */
enum class wake_reason : std::uint8_t { none, woken, deadline, cancelled };

/** @brief A suspended caller. Waking, its deadline and its cancellation race for one claim; the winner says why it goes on.
 *
 *  Made by the caller, and linked into whatever it waits for before it suspends: what comes in between is kept. The frame holds a `shared_ptr`, and so
 *  may alarms; the cancellation slot holds a weak one, because it lives in the frame that the handler owns.
 *
 *  A context that ends drops its suspended callers (`parking_service`), so that no cycle of frame and handler outlives it.
 */
class parked_call : public std::enable_shared_from_this<parked_call> {
 public:
  parked_call() = default;
  parked_call(parked_call const&) = delete;
  parked_call& operator=(parked_call const&) = delete;
  virtual ~parked_call();

  enum class claim_result { lost, won_preparing, won_suspended };

  /** @brief Claims the right to say why the caller goes on. After `won_suspended` the winner has to resume it, through a `wake_list`. */
  claim_result claim(wake_reason why) noexcept;

  /** @brief What the claim's winner said; `none` before. */
  wake_reason why() const noexcept {
    auto const seen = phase_.load(std::memory_order_acquire);
    return seen < claimed ? wake_reason::none : static_cast<wake_reason>(seen - claimed);
  }

  /** @brief From the moment of suspension until `when`, resume with `wake_reason::deadline`. Before suspending only. */
  void set_deadline(clock_service& clock, time_point when) noexcept {
    clock_ = &clock;
    until_ = when;
  }

  /** @brief Lets no cancellation end the wait. Before suspending only. */
  void ignore_cancellation() noexcept { hears_cancellation_ = false; }

  /** @brief To be awaited once: `co_await call->suspended()`. Throws instead of suspending when the caller was cancelled before. */
  auto suspended() {
    return asio::async_initiate<asio::deferred_t const, void()>(initiation(shared_from_this()), asio::deferred);
  }

 protected:
  /** Called without locks after the deadline, a cancellation or the context's end has won the claim: unlink from what was waited for. */
  virtual void left() noexcept = 0;

 private:
  friend class wake_list;
  friend class parking_service;

  // From `claimed` on: plus the reason, so that claim and reason are one step.
  enum phase : std::uint8_t { preparing, parked, claimed };

  class initiation {
   public:
    explicit initiation(std::shared_ptr<parked_call> call) noexcept : call_(std::move(call)) {}
    template <class Handler>
    void operator()(Handler&& handler) {
      executor on = asio::get_associated_executor(handler);
      auto slot = asio::get_associated_cancellation_slot(handler);
      call_->park(std::forward<Handler>(handler), std::move(on), slot);
    }

   private:
    std::shared_ptr<parked_call> call_;
  };

  void park(asio::any_completion_handler<void()> handler, executor on, asio::cancellation_slot slot);
  void end(wake_reason why) noexcept;
  void run_out();
  asio::any_completion_handler<void()> take_handler() noexcept;
  void resume();
  void drop() noexcept;

  std::atomic<std::uint8_t> phase_{preparing};
  bool hears_cancellation_ = true;
  // Written before `parked` is published by `phase_` (release), read by the claim's winner (acquire).
  asio::any_completion_handler<void()> handler_;
  executor on_;
  clock_service* clock_ = nullptr;
  time_point until_{};
  clock_service::alarm alarm_{};
  parking_service* home_ = nullptr;
  parked_call* previous_ = nullptr;  // in the parking service, under its mutex
  parked_call* following_ = nullptr;
  std::shared_ptr<parked_call> next_;  // in a wake_list
};

/** @brief Callers whose claim was won while they were suspended, to be resumed together: one post for all of one executor. */
class wake_list {
 public:
  wake_list() = default;
  wake_list(wake_list&& other) noexcept : first_(std::move(other.first_)), last_(std::exchange(other.last_, nullptr)) {}
  wake_list& operator=(wake_list&&) = delete;
  ~wake_list();

  bool empty() const noexcept { return !first_; }
  void add(std::shared_ptr<parked_call> call) noexcept;

  /** @brief Posts each to its executor; empty afterwards. Not under a lock. */
  void post();

 private:
  class batch;
  std::shared_ptr<parked_call> take_first() noexcept;

  std::shared_ptr<parked_call> first_;
  parked_call* last_ = nullptr;
};

}  // namespace mooring::detail
