#pragma once

#include <mooring/cache/detail/cache_core.hpp>

// How cache_core gets: with waiting and without.

namespace mooring::detail {

template <class K, class V, class H, class E>
template <class KeyHolder>
awaitable<result<lease<V>>> cache_core<K, V, H, E>::get(cache_core* self, KeyHolder key, call_options call) {
  if (call.deadline && *call.deadline <= duration::zero()) co_return make_error_code(errc::deadline_exceeded);
  std::optional<time_point> until;  // from the first suspension on: nothing before it takes time
  bool is_counted = false;
  std::shared_ptr<cache_engine> alive;  // where it has to look again after it was suspended: the cache may have been destroyed meanwhile
  late<cache_waiter> waiter;
  std::optional<later_verdict> later;  // of the check to run, if it was asked already
  held_step next(*self);
  next.hold(self->begin(key, is_counted, waiter, later));
  for (;;) {
    if (next.is() == step::kind::leased) co_return lease<V>(static_cast<entry_type*>(next.take_entry()));
    if (next.is() == step::kind::empty) co_return lease<V>();
    if (next.is() == step::kind::failed) co_return next.error();

    if (next.is() == step::kind::again) {
      next.hold(self->begin(key, is_counted, waiter, later));

    } else if (next.is() == step::kind::run && next.flight().kind == flight_kind::check) {
      if (!later) {
        auto answer = self->ask_check(*next.flight().entry);
        if (auto const* const known = answer.known()) {
          self->answers_at_once_.store(true, std::memory_order_relaxed);
          next.hold(self->finish_check(next.flight(), *known));
          continue;
        }
        later.emplace(std::move(answer).later());
      }
      if (call.deadline) {
        // The check could hold this coroutine up beyond its deadline: it becomes a task.
        auto const here = co_await asio::this_coro::executor;
        auto& flight = next.flight();
        next.hold(self->wait_for_task(flight, waiter));
        if (next.is() == step::kind::wait) self->spawn_check(here, flight, std::move(*later));
      } else {
        result<verdict> found = make_error_code(errc::unavailable);
        bool is_aborted = false;
        try {
          found = co_await std::move(*later);
        } catch (boost::system::system_error const& thrown) {
          is_aborted = thrown.code() == asio::error::operation_aborted;
          if (!is_aborted) self->report_current_exception("check");
        } catch (...) {
          self->report_current_exception("check");
        }
        if (!found) {
          // What a cancelled check says instead of a verdict is about its caller, not about the value. (Asked too, since the state forgets a cancellation
          // when one follows that it filters out.)
          auto const cancellation = co_await asio::this_coro::cancellation_state;
          bool const is_cancelled = is_aborted || found.error() == errc::cancelled || cancellation.cancelled() != asio::cancellation_type::none;
          if (is_cancelled) co_return make_error_code(errc::cancelled);
        }
        next.hold(self->finish_check(next.flight(), found, &alive));
      }
      later.reset();

    } else {
      // A load to run, or a wait.
      is_counted = true;
      auto const cancellation = co_await asio::this_coro::cancellation_state;
      if (cancellation.cancelled() != asio::cancellation_type::none) co_return make_error_code(errc::cancelled);
      if (next.is() == step::kind::run) {
        std::optional<awaitable<load_outcome>> later_load;
        bool is_finished = false;
        auto& flight = next.flight();
        auto const here = co_await asio::this_coro::executor;
        if (here == self->home_) {
          // On the cache's own executor the load may be called here; if it answers at once, it needs no task.
          auto answer = self->ask_load(flight);
          if (auto* const known = answer.known()) {
            next.hold(self->end_load(flight, std::move(*known)));
            is_finished = true;
          } else {
            later_load.emplace(std::move(answer).later());
          }
        }
        if (!is_finished) {
          next.hold(self->wait_for_task(flight, waiter));
          if (next.is() == step::kind::wait) self->spawn_load(flight, std::move(later_load));
        }
      } else {
        if (call.deadline) waiter->set_deadline(*call.deadline, until);
        co_await waiter->suspended();
        auto const why = waiter->why();
        if (why == wake_reason::deadline) co_return make_error_code(errc::deadline_exceeded);
        if (why == wake_reason::cancelled) co_return make_error_code(errc::cancelled);
        alive = waiter->engine;
        next.hold(waiter->take_outcome());
        if (next.is() == step::kind::run) next.hold(self->take_over(next.flight()));
        waiter.reset();
      }
    }
  }
}

template <class K, class V, class H, class E>
cache_step cache_core<K, V, H, E>::begin(key_view key, bool is_counted, late<cache_waiter>& waiter, std::optional<later_verdict>& later) {
  auto const hash = hash_of(key);
  bool const asks = answers_at_once_.load(std::memory_order_relaxed);
  entry_type* asked = nullptr;
  {
    std::lock_guard lock(mutex_);
    auto* const found = find_locked(key, hash);
    if (!found || !asks || !may_ask_locked(*found)) return begin_locked(found, probe_for<view_type>(key, hash), is_counted, waiter);
    begin_ask_locked(*found, is_counted);
    asked = found;
  }
  auto answer = ask_check(*asked);
  auto const* const known = answer.known();
  if (is_alive(known) && is_answered(*asked)) return step::answer(*asked);
  auto const next = take_back_ask(*asked, known, key, hash, is_counted);
  if (!known && next.is == step::kind::run) later.emplace(std::move(answer).later());
  return next;
}

template <class K, class V, class H, class E>
cache_step cache_core<K, V, H, E>::take_back_ask(entry_type& asked, result<verdict> const* answer, key_view key, std::size_t hash, bool is_counted) {
  if (!is_alive(answer)) asked.end_ask();
  if (!answer) answers_at_once_.store(false, std::memory_order_relaxed);
  decision d(*this);
  return take_back_ask_locked(d, asked, answer, asked.is_gone() ? find_locked(key, hash) : nullptr, is_counted);
}

template <class K, class V, class H, class E>
template <class Accepts>
auto cache_core<K, V, H, E>::try_get(key_view key, Accepts const& accepts) -> entry_type* {
  auto const hash = hash_of(key);
  entry_type* asked = nullptr;
  {
    std::lock_guard lock(mutex_);
    auto* const found = find_locked(key, hash);
    if (!found || !accepts(found->value)) return nullptr;
    if (!may_ask_locked(*found)) {
      if (found->flight() || !is_fresh_locked(*found)) return nullptr;
      ++counts_.hits;
      order_.renew(*found);
      found->add_lease();
      return found;
    }
    begin_ask_locked(*found, false);
    asked = found;
  }
  auto const answer = ask_check(*asked);
  auto const* const known = answer.known();
  if (!is_alive(known)) asked->end_ask();
  else if (is_answered(*asked)) return asked;
  drop_ask(*asked, known);
  return nullptr;
}

template <class K, class V, class H, class E>
auto cache_core<K, V, H, E>::peek(key_view key) const -> entry_type* {
  auto const hash = hash_of(key);
  std::lock_guard lock(mutex_);
  auto* const found = find_locked(key, hash);
  if (found) found->add_lease();
  return found;
}

}  // namespace mooring::detail
