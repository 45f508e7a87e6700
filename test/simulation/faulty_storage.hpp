#pragma once

#include "simulation/link_options.hpp"
#include "simulation/simulation.hpp"
#include "simulation/watched_storage.hpp"

#include <mooring/storage/detail/local_table.hpp>
#include <mooring/storage/local_storage.hpp>

#include <boost/asio/any_completion_handler.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace mooring::test {

/** What may befall one call. A write that was sent without an answer is `ambiguous`, a read `unavailable` or `deadline_exceeded`. */
enum class storage_fault {
  none,
  unavailable,   ///< Never sent: `unavailable`.
  server_error,  ///< Sent and refused: `server_error`, nothing done.
  lost_request,  ///< Sent, never carried out; the connection breaks.
  lost_reply,    ///< Carried out; the connection breaks before the reply.
  no_request,    ///< Sent, never carried out; silence until the deadline.
  no_reply,      ///< Carried out; silence until the deadline.
  late,          ///< Carried out after the caller's deadline.
};
inline constexpr std::size_t storage_faults = 8;

/** The one store that several replicas share: the rules of the contract, carried out at the moment a request arrives. */
template <class T>
struct simulated_store {
  explicit simulated_store(local_storage_options const& options = {})
      : table({options.ttl, options.absolute_lifetime}, options.max_entries, options.log), limits(options.limits), ttl(options.ttl) {}

  detail::local_table<T> table;
  text_limits limits;
  duration ttl;
};

/** @brief One replica's way to a simulated store: takes time, and fails as it is told or as the seed decides.
 *
 *  Every call suspends, also where all latencies are zero. Which calls fail: those named by `fail`, else by `decide`, else by `faults_permille`.
 *  Calls are numbered from 1 in the order in which they begin. Single-threaded, as the simulation is.
 */
template <class T>
class faulty_storage final : public storage<T> {
 public:
  using store_pointer = std::shared_ptr<simulated_store<T>>;

  faulty_storage(simulation& sim, executor ex, store_pointer store, link_options options = {})
      : link_(std::make_shared<link>(sim, std::move(ex), std::move(store), options)) {}

  /** @brief The n-th call from now on meets this fault. */
  void fail(std::size_t n, storage_fault fault) { link_->scripted[link_->calls + n] = fault; }

  /** @brief Decides for each call that `fail` does not name; empty means the seed's choice. */
  void decide(std::function<storage_fault(storage_operation, std::size_t number)> f) { link_->decide = std::move(f); }

  /** @brief While cut off, no request gets out and no reply gets in. */
  void cut_off(bool is_cut) { link_->is_cut = is_cut; }

  /** @brief As if another server had taken over: the epoch goes up. */
  void take_over() { ++link_->epoch; }
  std::uint64_t epoch() const noexcept override { return link_->epoch; }

  std::optional<duration> ttl() const noexcept override { return link_->store->ttl; }

  void set_options(link_options const& options) { link_->options = options; }

  /** @brief Told of each call as it begins. */
  void on_call(std::function<void(storage_operation, std::string const& id)> f) { link_->on_call = std::move(f); }

  /** @brief Told of each update on a revision at the moment at which it is carried out. */
  void watch_updates(std::function<void(std::string const& id, T const& next)> f) { link_->watch_updates = std::move(f); }

  std::size_t calls() const { return link_->calls; }
  std::size_t calls(storage_operation operation) const { return link_->per_operation[static_cast<std::size_t>(operation)]; }
  /** @brief Faults that calls have met, so that a fail-loop knows when it has run out of calls to fail. */
  std::size_t faults_met() const { return link_->faults_met; }
  /** @brief What the store holds now, with no call, no delay and no slide. */
  std::optional<stored<T>> look(std::string_view id) const {
    auto found = link_->store->table.read(id, detail::local_table<T>::reading::still, link_->clock().now());
    return found ? *found : std::nullopt;
  }

  awaitable<write_outcome> create(std::string id, T value, create_options call = {}) override {
    if (auto admitted = detail::admit(id, call, asio::cancellation_type::none); !admitted) return refuse<write_outcome>(admitted.error());
    return write(storage_operation::create, std::move(id), std::move(value), call.deadline,
                 [call](detail::local_table<T>& table, std::string const& at, T const& next, revision fresh, time_point now) {
                   return table.create(at, next, call.ttl, call.is_fixed, fresh, now);
                 });
  }
  awaitable<write_outcome> update(std::string id, T value, call_options call = {}) override {
    return write(storage_operation::update, std::move(id), std::move(value), call.deadline,
                 [](detail::local_table<T>& table, std::string const& at, T const& next, revision fresh, time_point now) {
                   return table.update(at, next, std::nullopt, fresh, now);
                 });
  }
  awaitable<write_outcome> update(std::string id, T value, revision expected, call_options call = {}) override {
    return write(storage_operation::update_if, std::move(id), std::move(value), call.deadline,
                 [expected, on = link_](detail::local_table<T>& table, std::string const& at, T const& next, revision fresh, time_point now) {
                   auto const written = table.update(at, next, expected, fresh, now);
                   if (written.is_written() && on->watch_updates) on->watch_updates(at, next);
                   return written;
                 });
  }
  awaitable<write_outcome> store(std::string id, T value, call_options call = {}) override {
    return write(storage_operation::store, std::move(id), std::move(value), call.deadline,
                 [](detail::local_table<T>& table, std::string const& at, T const& next, revision fresh, time_point now) {
                   return table.store(at, next, fresh, now);
                 });
  }
  awaitable<result<bool>> update_hints(std::string id, hint_map hints, call_options call = {}) override {
    if (auto checked = check_text_map(hints, link_->store->limits); !checked) return refuse<result<bool>>(checked.error());
    return change(storage_operation::update_hints, id, call, [id, hints](auto& table, time_point now) { return table.update_hints(id, hints, now); });
  }
  awaitable<result<bool>> erase(std::string id, call_options call = {}) override {
    return change(storage_operation::erase, id, call, [id](auto& table, time_point now) { return table.erase(id, std::nullopt, now); });
  }
  awaitable<result<bool>> erase(std::string id, revision expected, call_options call = {}) override {
    return change(storage_operation::erase_if, id, call, [id, expected](auto& table, time_point now) { return table.erase(id, expected, now); });
  }
  awaitable<result<std::optional<stored<T>>>> load(std::string id, call_options call = {}) override {
    return read<std::optional<stored<T>>>(storage_operation::load, id, call, [id](auto& table, time_point now) {
      return table.read(id, detail::local_table<T>::reading::sliding, now);
    });
  }
  awaitable<result<std::optional<stored<T>>>> peek(std::string id, call_options call = {}) override {
    return read<std::optional<stored<T>>>(storage_operation::peek, id, call, [id](auto& table, time_point now) {
      return table.read(id, detail::local_table<T>::reading::still, now);
    });
  }
  awaitable<result<bool>> touch(std::string id, call_options call = {}) override {
    return read<bool>(storage_operation::touch, id, call, [id](auto& table, time_point now) -> result<bool> {
      auto const found = table.touch(id, now);
      if (!found) return found.error();
      return found->has_value();
    });
  }
  awaitable<result<std::size_t>> erase_expired(call_options call = {}) override {
    return read<std::size_t>(storage_operation::erase_expired, "any", call, [](auto& table, time_point now) -> result<std::size_t> {
      std::size_t dropped = 0;
      for (auto one = table.drop_one_expired(now); one && *one; one = table.drop_one_expired(now)) ++dropped;
      return dropped;
    });
  }
  /** Closes this way to the store; the store stays. */
  awaitable<void> close() override {
    link_->is_closed = true;
    co_return;
  }

 private:
  struct trip {
    storage_fault fault = storage_fault::none;
    duration queueing{};
    duration travel{};
    duration reply{};
  };

  struct link {
    link(simulation& s, executor e, store_pointer p, link_options const& o) : sim(s), ex(std::move(e)), store(std::move(p)), options(o) {}

    clock_service& clock() const { return clock_of(ex); }

    trip begin(storage_operation operation) {
      ++calls;
      ++per_operation[static_cast<std::size_t>(operation)];
      trip made;
      made.queueing = draw(options.queueing);
      made.travel = draw(options.travel);
      made.reply = draw(options.reply);
      if (auto const found = scripted.find(calls); found != scripted.end()) made.fault = found->second;
      else if (decide) made.fault = decide(operation, calls);
      else if (options.faults_permille != 0 && sim.random(1000) < options.faults_permille) made.fault = static_cast<storage_fault>(1 + draw_fault());
      if (made.fault != storage_fault::none) ++faults_met;
      return made;
    }

    std::uint64_t draw_fault() { return options.only_fault != 0 ? (options.only_fault - 1) % (storage_faults - 1) : sim.random(storage_faults - 1); }

    duration draw(duration longest) {
      return longest <= duration::zero() ? duration::zero() : duration(sim.random(static_cast<std::uint64_t>(longest.count()) + 1));
    }

    simulation& sim;
    executor const ex;
    store_pointer const store;
    link_options options;
    std::map<std::size_t, storage_fault> scripted;
    std::function<storage_fault(storage_operation, std::size_t)> decide;
    std::function<void(storage_operation, std::string const&)> on_call;
    std::function<void(std::string const&, T const&)> watch_updates;
    std::array<std::size_t, storage_operations> per_operation{};
    std::size_t calls = 0;
    std::size_t faults_met = 0;
    std::uint64_t epoch = 0;
    bool is_cut = false;
    bool is_closed = false;
  };
  using link_pointer = std::shared_ptr<link>;

  template <class Outcome>
  using at_store = std::function<Outcome(detail::local_table<T>&, time_point)>;

  template <class Outcome>
  static awaitable<Outcome> refuse(error_code why) {
    co_return why;
  }

  awaitable<write_outcome> write(storage_operation operation, std::string id, T value, std::optional<duration> deadline,
                                 std::function<write_outcome(detail::local_table<T>&, std::string const&, T const&, revision, time_point)> f) {
    if (auto checked = value_traits<T>::check(value, link_->store->limits); !checked) return refuse<write_outcome>(checked.error());
    auto const fresh = revision::fresh(entropy_of(link_->ex));
    if (!fresh) return refuse<write_outcome>(fresh.error());
    write_outcome unknown(errc::ambiguous, *fresh);
    at_store<write_outcome> carry_out = [f = std::move(f), id, value = std::move(value), fresh = *fresh](auto& table, time_point now) { return f(table, id, value, fresh, now); };
    return run<write_outcome>(link_, operation, id, deadline, std::move(unknown), std::move(carry_out));
  }

  awaitable<result<bool>> change(storage_operation operation, std::string id, call_options call, at_store<result<bool>> carry_out) {
    result<bool> unknown(make_error_code(errc::ambiguous));
    return run<result<bool>>(link_, operation, std::move(id), call.deadline, std::move(unknown), std::move(carry_out));
  }

  template <class Value>
  awaitable<result<Value>> read(storage_operation operation, std::string id, call_options call, at_store<result<Value>> carry_out) {
    return run<result<Value>>(link_, operation, std::move(id), call.deadline, std::nullopt, std::move(carry_out));
  }

  // `unknown`: how a write ends whose answer is missing; a read ends with the reason.
  template <class Outcome>
  static awaitable<Outcome> run(link_pointer on, storage_operation operation, std::string id, std::optional<duration> own, std::optional<Outcome> unknown,
                                at_store<Outcome> carry_out) {
    auto const state = co_await asio::this_coro::cancellation_state;
    if (auto admitted = detail::admit(id, own, state.cancelled()); !admitted) co_return admitted.error();
    if (on->is_closed) co_return make_error_code(errc::closed);
    if (on->on_call) on->on_call(operation, id);
    auto const way = on->begin(operation);
    auto const& clock = on->clock();
    auto const unanswered = [&unknown](errc reason) { return unknown ? *unknown : Outcome(make_error_code(reason)); };
    auto const end = saturating_add(clock.now(), own.value_or(on->options.deadline));

    auto const sent = clock.now() + way.queueing;
    auto slept = co_await sleep_until(std::min(end, sent));
    if (!slept || state.cancelled() != asio::cancellation_type::none) co_return make_error_code(errc::cancelled);
    if (clock.now() < sent || clock.now() >= end) co_return make_error_code(errc::deadline_exceeded);
    if (on->is_closed) co_return make_error_code(errc::closed);
    if (on->is_cut || way.fault == storage_fault::unavailable) co_return make_error_code(errc::unavailable);

    // On its way: whoever stops waiting now leaves a request behind that will be carried out all the same.
    auto const arrival = way.fault == storage_fault::late ? end + way.travel + std::chrono::nanoseconds(1) : clock.now() + way.travel;
    bool const arrives = way.fault != storage_fault::lost_request && way.fault != storage_fault::no_request && way.fault != storage_fault::server_error;
    slept = co_await sleep_until(std::min(end, arrival));
    bool const is_cancelled = !slept || state.cancelled() != asio::cancellation_type::none;
    if (is_cancelled || clock.now() < arrival) {
      if (arrives) deliver(on, arrival, std::move(carry_out));
      co_return unanswered(is_cancelled ? errc::cancelled : errc::deadline_exceeded);
    }
    Outcome outcome(make_error_code(errc::server_error));
    if (arrives) outcome = carry_out(on->store->table, clock.now());

    bool const is_silent = way.fault == storage_fault::no_request || way.fault == storage_fault::no_reply;
    auto const answer = is_silent ? time_point::max() : clock.now() + way.reply;
    slept = co_await sleep_until(std::min(end, answer));
    if (!slept) co_return unanswered(errc::cancelled);
    if (clock.now() < answer) co_return unanswered(errc::deadline_exceeded);
    if (on->is_cut || way.fault == storage_fault::lost_request || way.fault == storage_fault::lost_reply) co_return unanswered(errc::unavailable);
    co_return outcome;
  }

  template <class Outcome>
  static void deliver(link_pointer on, time_point arrival, at_store<Outcome> carry_out) {
    on->clock().schedule(arrival, on->ex, [on, carry_out = std::move(carry_out)] {
      // Nobody waits for the answer any more.
      static_cast<void>(carry_out(on->store->table, on->clock().now()));
    });
  }

  link_pointer const link_;
};

}  // namespace mooring::test
