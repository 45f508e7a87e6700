#include <mooring/session/sse_session.hpp>

#include "session/cancellation.hpp"

#include <mooring/cache/detail/shared_event.hpp>
#include <mooring/core/clock.hpp>

#include <boost/asio/this_coro.hpp>

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace mooring {
namespace {

call_options remaining(clock_service const& clock, std::optional<time_point> end) { return end ? call_options{*end - clock.now()} : call_options{}; }

}  // namespace

struct sse_session::channel {
  using event_pointer = std::shared_ptr<detail::shared_event>;

  explicit channel(bool connected) : is_connected(connected) {}

  // What `leave` gives is set by the caller, after the lock.
  event_pointer leave(bool for_good) {
    std::deque<std::string> dropped;
    std::lock_guard lock(mutex);
    is_connected = false;
    is_closed = is_closed || for_good;
    queue.swap(dropped);
    return std::exchange(arrival, nullptr);
  }

  // A receiver that goes, or whose frame dies, makes room for the next.
  void forget(event_pointer const& own) {
    std::lock_guard lock(mutex);
    if (arrival == own) arrival = nullptr;
  }

  std::mutex mutex;  // guards everything below; leaf
  std::deque<std::string> queue;  // empty while not connected
  event_pointer arrival;          // set where a receiver waits: for a message, or for the end of the connection
  std::uint64_t connection = 0;   // counts the connections, so that a receiver knows its own
  bool is_connected;
  bool is_closed = false;
};

sse_session::sse_session(std::string id, wall_time now)
    : transport_session(std::move(id), std::string(transport_type::sse), now), channel_(std::make_shared<channel>(true)) {}

sse_session::sse_session(transport_record restored) : transport_session(std::move(restored)), channel_(std::make_shared<channel>(false)) {}

sse_session::~sse_session() { close(); }

result<> sse_session::send(std::string message) {
  channel::event_pointer arrival;
  {
    std::lock_guard lock(channel_->mutex);
    if (!channel_->is_connected) return make_error_code(errc::disconnected);
    if (channel_->queue.size() >= max_queued) return make_error_code(errc::queue_full);
    channel_->queue.push_back(std::move(message));
    arrival = std::exchange(channel_->arrival, nullptr);
  }
  if (arrival) arrival->set();
  return {};
}

awaitable<result<std::string>> sse_session::receive(call_options call) { return receive_from(channel_, call); }

awaitable<result<std::string>> sse_session::receive_from(std::shared_ptr<channel> from, call_options call) {
  auto const cancellation = co_await asio::this_coro::cancellation_state;
  auto const ex = co_await asio::this_coro::executor;
  auto const& clock = clock_of(ex);
  std::optional<time_point> end;
  if (call.deadline) end = saturating_add(clock.now(), *call.deadline);
  std::optional<std::uint64_t> connection;
  for (;;) {
    if (detail::is_cancelled(cancellation)) co_return make_error_code(errc::cancelled);
    if (end && *end <= clock.now()) co_return make_error_code(errc::deadline_exceeded);
    auto const own = std::make_shared<detail::shared_event>();
    {
      std::lock_guard lock(from->mutex);
      if (!from->is_connected) co_return make_error_code(errc::disconnected);
      // Between being woken and going on, the connection may have ended and another begun.
      if (!connection) connection = from->connection;
      if (*connection != from->connection) co_return make_error_code(errc::disconnected);
      if (!from->queue.empty()) {
        auto message = std::move(from->queue.front());
        from->queue.pop_front();
        co_return std::move(message);
      }
      if (from->arrival) co_return make_error_code(errc::busy);
      from->arrival = own;
    }
    struct place {
      ~place() { from.forget(own); }
      channel& from;
      channel::event_pointer const& own;
    } const kept{*from, own};
    auto const wait = remaining(clock, end);
    auto const woken = co_await own->wait(wait);
    if (!woken) co_return woken.error();
  }
}

bool sse_session::connect() {
  std::lock_guard lock(channel_->mutex);
  if (channel_->is_connected || channel_->is_closed) return false;
  channel_->is_connected = true;
  ++channel_->connection;
  return true;
}

void sse_session::disconnect() {
  if (auto const waiting = channel_->leave(false)) waiting->set();
}

void sse_session::close() {
  if (auto const waiting = channel_->leave(true)) waiting->set();
}

bool sse_session::is_connected() const {
  std::lock_guard lock(channel_->mutex);
  return channel_->is_connected;
}

std::size_t sse_session::queued() const {
  std::lock_guard lock(channel_->mutex);
  return channel_->queue.size();
}

}  // namespace mooring
