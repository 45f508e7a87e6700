#pragma once

#include <mooring/core/task_scope.hpp>
#include <mooring/session/transport_session_manager.hpp>
#include <mooring/session/uuid.hpp>
#include <mooring/storage/local_storage.hpp>
#include <mooring/storage/redis_storage.hpp>

#include "core/report.hpp"
#include "session/cancellation.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <utility>

namespace mooring {

/** What the calls of one manager share; it outlives the manager while any of them runs. */
struct transport_session_manager::state {
  state(executor const& ex, storage_pointer kept, duration time_to_live, transport_manager_options given)
      : store(std::move(kept)),
        local(std::dynamic_pointer_cast<local_storage<transport_session_ptr>>(store)),
        is_redis(dynamic_cast<redis_storage<transport_session_ptr> const*>(store.get()) != nullptr),
        ttl(time_to_live),
        options(std::move(given)),
        clock(wall_clock_of(ex)),
        cleaning(ex, options.log) {
    auto const interval = std::max<duration>(ttl / 2, std::chrono::milliseconds(1));
    cleaning.spawn(clean_regularly(store, interval, options.cleanup_deadline, options.log));
  }

  call_options within(call_options call) const { return call_options{call.deadline.value_or(options.operation_deadline)}; }

  // What is written out is written from a copy that nobody changes between the check of its limits and the writing.
  transport_session_ptr to_store(transport_session_ptr session) const {
    return is_redis ? std::make_shared<transport_session>(session->record()) : std::move(session);
  }

  void close(transport_session_ptr session) const noexcept {
    try {
      value_traits<transport_session_ptr>::close(session);
    } catch (...) {
      detail::report_thrown(options.log, "closing a session", std::current_exception());
    }
  }

  // Null for what the maker failed to make; what it made instead is closed.
  transport_session_ptr make_session(std::string const& id) const noexcept {
    try {
      auto made = options.make_session(id, clock.now());
      if (made && made->id() == id) return made;
      detail::report(options.log, severity::error, made ? "the maker gave a session of another id" : "the maker gave no session");
      close(std::move(made));
    } catch (...) {
      detail::report_thrown(options.log, "the maker", std::current_exception());
    }
    return nullptr;
  }

  result<> admit(std::string const& id) const {
    if (is_stopped) return make_error_code(errc::closed);
    return check_uuid(id);
  }

  result<> admit(transport_session_ptr const& session) const {
    if (is_stopped) return make_error_code(errc::closed);
    if (!session) return make_error_code(errc::invalid_argument);
    return check_uuid(session->id());
  }

  // Holds the storage and not the manager, whose end cancels it.
  static awaitable<void> clean_regularly(storage_pointer store, duration interval, duration deadline, log_sink log) {
    auto const cancellation = co_await asio::this_coro::cancellation_state;
    for (;;) {
      auto const slept = co_await sleep_for(interval);
      if (!slept || detail::is_cancelled(cancellation)) co_return;
      result<std::size_t> dropped = std::size_t(0);
      std::exception_ptr thrown;  // by a storage of the user's own
      try {
        dropped = co_await store->erase_expired(call_options{deadline});
      } catch (...) {
        thrown = std::current_exception();
      }
      if (detail::is_cancelled(cancellation) || (!dropped && dropped.error() == errc::closed)) co_return;
      if (thrown) detail::report_thrown(log, "the cleanup", thrown);
      if (!dropped) detail::report(log, severity::warning, "cleanup: " + dropped.error().message() + "; the rest is left for the next run");
    }
  }

  storage_pointer const store;
  std::shared_ptr<local_storage<transport_session_ptr>> const local;  // the same, where sessions are kept as objects
  bool const is_redis;
  duration const ttl;
  transport_manager_options const options;
  wall_clock_service& clock;
  std::atomic<bool> is_stopped = false;
  task_scope cleaning;
};

}  // namespace mooring
