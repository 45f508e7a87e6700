#include "http/client.hpp"

#include "http/client_connection.hpp"
#include "http/client_pool.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <utility>
#include <vector>

namespace mooring::http {

result<std::shared_ptr<client_connection>> client_pool::take() {
  std::vector<std::shared_ptr<client_connection>> dead;  // closed outside the lock
  auto const now = clock_of(home).now();
  auto made = std::make_shared<client_connection>(shared_from_this());
  std::lock_guard lock(mutex_);
  if (is_closed_) return make_error_code(errc::closed);
  if (used_.size() >= options.max_connections) return make_error_code(errc::busy);
  while (!idle_.empty()) {
    auto candidate = std::move(idle_.back());
    idle_.pop_back();
    if (candidate.until > now && candidate.connection->is_alive()) {
      dead.push_back(std::exchange(made, std::move(candidate.connection)));
      break;
    }
    dead.push_back(std::move(candidate.connection));
  }
  used_.emplace(made.get(), made);
  return made;
}

void client_pool::keep(std::shared_ptr<client_connection> idle, duration max_idle) {
  std::shared_ptr<client_connection> leaving;
  auto const until = saturating_add(clock_of(home).now(), max_idle);
  std::lock_guard lock(mutex_);
  used_.erase(idle.get());
  if (is_closed_ || options.max_idle_connections == 0) return;
  if (idle_.size() >= options.max_idle_connections) {
    leaving = std::move(idle_.front().connection);
    idle_.pop_front();
  }
  idle_.push_back({std::move(idle), until});
}

void client_pool::leave(client_connection const& dying) {
  std::lock_guard lock(mutex_);
  used_.erase(&dying);
}

void client_pool::close() {
  std::deque<idle_connection> idle;
  std::vector<std::shared_ptr<client_connection>> used;
  {
    std::lock_guard lock(mutex_);
    is_closed_ = true;
    idle.swap(idle_);
    for (auto const& [key, weak] : used_)
      if (auto strong = weak.lock()) used.push_back(std::move(strong));
  }
  for (auto const& each : used) each->abort();
}

bool client_pool::is_closed() const {
  std::lock_guard lock(mutex_);
  return is_closed_;
}

std::size_t client_pool::in_use() const {
  std::lock_guard lock(mutex_);
  return used_.size();
}

awaitable<result<std::optional<event>>> event_source::next(call_options call) {
  auto const connection = connection_;
  if (!connection) co_return std::optional<event>();
  auto const asked = co_await asio::this_coro::cancellation_state;
  if (asked.cancelled() != asio::cancellation_type::none) co_return make_error_code(errc::cancelled);
  auto until = time_point::max();
  if (call.deadline) {
    auto const ex = co_await asio::this_coro::executor;
    until = saturating_add(clock_of(ex).now(), *call.deadline);
  }
  auto work = client_connection::next_event(connection, until);
  try {
    auto out = co_await asio::co_spawn(connection->strand(), std::move(work), asio::use_awaitable);
    if (out && !*out) connection_ = nullptr;  // it went back to the pool
    co_return out;
  } catch (boost::system::system_error const& thrown) {
    if (thrown.code() != asio::error::operation_aborted) throw;
  }
  connection->abort();
  co_return make_error_code(errc::cancelled);
}

client::client(executor ex, endpoint place, client_options options)
    : pool_(std::make_shared<client_pool>(std::move(ex), std::move(place), options)) {}

client::~client() { close(); }

awaitable<result<reply>> client::send(request asked, call_options call) {
  auto const pool = pool_;
  auto const state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) co_return make_error_code(errc::cancelled);
  auto const span = call.deadline.value_or(pool->options.deadline);
  if (span <= duration::zero()) co_return make_error_code(errc::deadline_exceeded);
  auto const until = saturating_add(clock_of(pool->home).now(), span);
  auto taken = pool->take();
  if (!taken) co_return taken.error();
  auto const connection = *taken;
  auto work = client_connection::send(std::move(*taken), std::move(asked), until);
  try {
    co_return co_await asio::co_spawn(connection->strand(), std::move(work), asio::use_awaitable);
  } catch (boost::system::system_error const& thrown) {
    // The caller left between two steps, and the next one did not begin.
    if (thrown.code() != asio::error::operation_aborted) throw;
  }
  connection->abort();
  co_return make_error_code(connection->has_sent() ? errc::ambiguous : errc::cancelled);
}

void client::close() { pool_->close(); }

std::size_t client::connections_in_use() const { return pool_->in_use(); }

bool is_unsent(error_code const& error) noexcept {
  return error == errc::unavailable || error == errc::busy || error == errc::deadline_exceeded || error == errc::cancelled || error == errc::closed;
}

}  // namespace mooring::http
