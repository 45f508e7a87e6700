#pragma once

#include "simulation/simulation.hpp"

#include <mooring/cache/validating_cache.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/test/unit_test.hpp>

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mooring::test {

using namespace std::chrono_literals;

/** A value with a number of its own. */
struct thing {
  thing(std::string k, int n) : key(std::move(k)), number(n) {}
  std::string key;
  int number;
  bool is_closed = false;  // set by the world's dispose
};

using thing_ptr = std::shared_ptr<thing>;
using thing_cache = validating_cache<std::string, thing_ptr>;

/** How one get ended. */
struct answer {
  bool is_done = false;
  error_code error;
  lease<thing_ptr> leased;
  time_point when{};
  unsigned lane = 0;

  bool is_value() const { return is_done && !error && leased; }
  bool is_empty() const { return is_done && !error && !leased; }
  int number() const { return leased ? (*leased)->number : 0; }
};

/** A get that a test can watch and cancel. */
struct call {
  answer got;
  asio::cancellation_signal signal;
};

// A coroutine that is cancelled before its first step never runs, and co_spawn says so by an exception.
inline void rethrow(std::exception_ptr failure) {
  try {
    if (failure) std::rethrow_exception(failure);
  } catch (boost::system::system_error const& thrown) {
    if (thrown.code() != asio::error::operation_aborted) throw;
  }
}

/** A cache on a simulation, whose callbacks do as the test says and keep a ledger of every value. */
class world {
 public:
  explicit world(std::uint64_t seed) : world(seed, plain()) {}
  world(std::uint64_t seed, cache_options options) : sim(seed) {
    cache_callbacks<std::string, thing_ptr> callbacks;
    callbacks.load = [this](std::string key) { return load(std::move(key)); };
    callbacks.check = [this](std::string const& key, thing_ptr const& value) { return check(key, value); };
    callbacks.dispose = [this](std::string key, thing_ptr value, disposal_reason reason) { return dispose(std::move(key), std::move(value), reason); };
    auto made = thing_cache::make(sim.get_executor(), std::move(callbacks), std::move(options));
    BOOST_REQUIRE(made.has_value());
    cache = std::move(*made);
  }

  // Without memory of absences and failures: tests of those switch it on.
  static cache_options plain(std::size_t capacity = 1000) {
    cache_options options;
    options.capacity_entries = capacity;
    options.negative_ttl = 0ns;
    options.failure_backoff = 0ns;
    return options;
  }

  thing_ptr make_thing(std::string key) {
    ++made;
    return std::make_shared<thing>(std::move(key), made);
  }

  /** Stores a new value, and gives its number. */
  int put(std::string key) {
    auto const value = make_thing(key);
    auto const stored = cache->set(std::move(key), value);
    if (!stored) ++wrapped;  // closed: never taken
    return value->number;
  }

  void get(call& of, std::string key, call_options with = {}, unsigned lane = 0) {
    asio::co_spawn(sim.lane(lane), fetch(&of.got, std::move(key), with), asio::bind_cancellation_slot(of.signal.slot(), rethrow));
  }

  /** Gets, and runs until nothing is left. */
  answer get_now(std::string key, call_options with = {}) {
    call one;
    get(one, std::move(key), with);
    BOOST_TEST(sim.run());
    BOOST_TEST(one.got.is_done);
    return std::move(one.got);
  }

  awaitable<void> fetch(answer* into, std::string key, call_options with) {
    auto const ex = co_await asio::this_coro::executor;
    auto got = co_await cache->get(std::move(key), with);
    BOOST_TEST(!into->is_done);
    into->is_done = true;
    into->when = sim.now();
    into->lane = sim.current_lane();
    if (got) into->leased = std::move(*got);
    else into->error = got.error();
    if (into->leased) BOOST_TEST((!(*into->leased)->is_closed || into->leased.is_revoked()));
  }

  /** Closes, and checks that every value was disposed of once: all leases have to be released before. */
  void end() {
    bool is_closed = false;
    asio::co_spawn(sim.get_executor(), close_and_tell(&is_closed), rethrow);
    BOOST_TEST(sim.run());
    BOOST_TEST(is_closed);
    check_conserved();
  }

  awaitable<void> close_and_tell(bool* told, call_options with = {}) {
    co_await cache->close(with);
    *told = true;
  }

  void check_conserved() const {
    BOOST_TEST(disposals.size() + wrapped == static_cast<std::size_t>(made));
    for (auto const& [number, reasons] : disposals) BOOST_TEST(reasons.size() == 1U);
    auto const counted = cache->stats();
    std::map<disposal_reason, std::uint64_t> seen;
    for (auto const& [number, reasons] : disposals)
      for (auto const reason : reasons) ++seen[reason];
    for (int i = 0; i < disposal_reasons; ++i) BOOST_TEST(counted.disposed(static_cast<disposal_reason>(i)) == seen[static_cast<disposal_reason>(i)]);
    BOOST_TEST(counted.size == 0U);
    BOOST_TEST(counted.flights == 0U);
    BOOST_TEST(counted.waiters == 0U);
    BOOST_TEST(counted.draining == 0U);
    BOOST_TEST(counted.disposing == 0U);
  }

  /** Why the value with this number was disposed of; nothing if it was not. */
  std::optional<disposal_reason> end_of(int number) const {
    auto const found = disposals.find(number);
    if (found == disposals.end()) return std::nullopt;
    BOOST_TEST(found->second.size() == 1U);
    return found->second.front();
  }

  bool is_closing = false;  // by its deadline `close` closes even what is being checked

  // What the callbacks do.
  duration load_time{10ms};
  duration check_time{0};  // 0: answers at once
  duration dispose_time{0};
  std::function<result<std::optional<thing_ptr>>(std::string const&)> on_load;  // empty: makes a thing
  std::function<result<verdict>(std::string const&, thing_ptr const&)> on_check;  // empty: alive
  std::function<void(std::string const&, thing_ptr const&, disposal_reason)> on_dispose;

  // The ledger.
  int made = 0;
  std::size_t wrapped = 0;  // not the cache's to dispose of: wrapped by a successor, or never taken
  int loads = 0;
  int loads_cancelled = 0;
  int checks = 0;
  int checks_cancelled = 0;
  std::map<std::string, int> loading;                              // now, of any generation
  std::map<std::string, int> generation;                           // counted by the test
  std::map<std::pair<std::string, int>, int> loading_in_generation;
  std::map<thing*, int> checking;
  std::map<int, std::vector<disposal_reason>> disposals;
  std::vector<int> order_of_disposal;
  std::vector<std::string> disposed_keys;

  // In this order: frames that die with the simulation touch the ledger, and the cache needs the simulation.
  simulation sim;
  std::unique_ptr<thing_cache> cache;

 private:
  // Balances its counter also when the frame dies.
  struct running {
    explicit running(int& c) : counter(c) { ++counter; }
    ~running() { --counter; }
    running(running const&) = delete;
    running& operator=(running const&) = delete;
    int& counter;
  };

  awaitable<result<std::optional<thing_ptr>>> load(std::string key) {
    ++loads;
    BOOST_TEST(sim.current_lane() == 0U);
    running const here(loading[key]);
    running const current(loading_in_generation[{key, generation[key]}]);
    if (load_time > 0ns) {
      auto const slept = co_await sleep_for(load_time);
      if (!slept) {
        ++loads_cancelled;
        co_return slept.error();
      }
    }
    if (on_load) co_return on_load(key);
    co_return std::optional(make_thing(key));
  }

  check_answer check(std::string const& key, thing_ptr const& value) {
    ++checks;
    BOOST_TEST(value->key == key);
    BOOST_TEST(!value->is_closed);
    if (check_time > 0ns) return check_later(&key, value);
    return verdict_on(key, value);
  }

  // The key is referred to as the cache promises: it lives until the check has ended.
  awaitable<result<verdict>> check_later(std::string const* key, thing_ptr value) {
    running const here(checking[value.get()]);
    auto const slept = co_await sleep_for(check_time);
    if (!slept) {
      ++checks_cancelled;
      co_return slept.error();
    }
    BOOST_TEST((is_closing || !value->is_closed));
    co_return verdict_on(*key, value);
  }

  result<verdict> verdict_on(std::string const& key, thing_ptr const& value) { return on_check ? on_check(key, value) : result<verdict>(verdict::alive); }

  awaitable<void> dispose(std::string key, thing_ptr value, disposal_reason reason) {
    BOOST_TEST(sim.current_lane() == 0U);
    BOOST_TEST(value->key == key);
    value->is_closed = true;
    disposals[value->number].push_back(reason);
    order_of_disposal.push_back(value->number);
    disposed_keys.push_back(key);
    if (on_dispose) on_dispose(key, value, reason);
    if (dispose_time > 0ns) {
      auto const slept = co_await sleep_for(dispose_time);
      if (!slept) throw std::runtime_error("disposal was cancelled");
    }
  }
};

}  // namespace mooring::test
