#include <mooring/cache/validating_cache.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <exception>
#include <future>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// The cache on real threads, with the real clock: what the simulation cannot show is whether every step is properly locked.

namespace mooring::test {
namespace {

using namespace std::chrono_literals;

struct part {
  explicit part(std::atomic<int>& c) : living(c) { ++living; }
  ~part() { --living; }
  part(part const&) = delete;
  part& operator=(part const&) = delete;

  std::atomic<int>& living;
  std::atomic<int> closed{0};
};

using part_ptr = std::shared_ptr<part>;
using part_cache = validating_cache<std::string, part_ptr>;

struct counters {
  std::atomic<int> living{0};
  std::atomic<int> made{0};
  std::atomic<int> disposed{0};
  std::atomic<int> disposed_twice{0};
  std::atomic<int> used_after_close{0};
  std::atomic<int> strange{0};
  std::atomic<int> never_taken{0};
};

part_ptr make_part(counters& c) {
  ++c.made;
  return std::make_shared<part>(c.living);
}

cache_callbacks<std::string, part_ptr> callbacks_of(counters& c) {
  using loaded = result<std::optional<part_ptr>>;
  cache_callbacks<std::string, part_ptr> callbacks;
  callbacks.load = [&c](std::string key) -> awaitable<loaded> {
    auto const number = key.back() % 3;
    if (number == 0) {
      auto const slept = co_await sleep_for(50us);
      if (!slept) co_return slept.error();
    }
    co_return std::optional(make_part(c));
  };
  callbacks.check = [&c](std::string const& key, part_ptr const& value) -> check_answer {
    if (key.back() % 2 == 0) {
      auto later = [](counters* counted, part_ptr checked) -> awaitable<result<verdict>> {
        if (checked->closed != 0) ++counted->used_after_close;
        auto const slept = co_await sleep_for(30us);
        if (!slept) co_return slept.error();
        if (checked->closed != 0) ++counted->used_after_close;
        co_return counted->made % 5 == 0 ? verdict::expired : verdict::alive;
      };
      return later(&c, value);
    }
    if (value->closed != 0) ++c.used_after_close;
    return c.made % 7 == 0 ? verdict::expired : verdict::alive;
  };
  callbacks.dispose = [&c](std::string, part_ptr value, disposal_reason) -> awaitable<void> {
    if (value->closed++ != 0) ++c.disposed_twice;
    ++c.disposed;
    co_return;
  };
  return callbacks;
}

awaitable<void> act(part_cache* cache, counters* c, unsigned seed, int turns) {
  std::minstd_rand dice(seed);
  for (int i = 0; i < turns; ++i) {
    std::string const key = "key-" + std::to_string(dice() % 12);
    switch (dice() % 12) {
      case 0: {
        auto const stored = cache->set(key, make_part(*c));
        if (!stored) ++c->never_taken;
        break;
      }
      case 1: cache->erase(key); break;
      case 2: {
        auto const got = cache->try_get(key);
        if (got && (*got.leased)->closed != 0 && !got.leased.is_revoked()) ++c->used_after_close;
        break;
      }
      case 3: {
        auto const got = cache->peek(key);
        auto const fence = cache->begin(key);
        if (got && !cache->set_if(fence, make_part(*c)).is_stored()) ++c->never_taken;
        break;
      }
      case 4: {
        if (cache->size() > 8 || cache->stats().size > 8 || cache->keys().size() > 8) ++c->strange;
        break;
      }
      default: {
        call_options with;
        if (dice() % 3 == 0) with.deadline = std::chrono::microseconds(1 + dice() % 100);
        auto const got = co_await cache->get(key, with);
        if (got && *got) {
          if ((**got)->closed != 0 && !got->is_revoked()) ++c->used_after_close;
          if (dice() % 4 == 0) {
            auto const slept = co_await sleep_for(20us);
            if (!slept) co_return;
            if ((**got)->closed != 0 && !got->is_revoked()) ++c->used_after_close;
          }
        }
      }
    }
  }
}

// Tells whether an actor ended by itself or by its cancellation. The exception is looked at where it ends: in a future its count would be shared with libstdc++'s
// own code, which ThreadSanitizer does not see.
auto end_of(std::promise<bool> ends_well) {
  return [ends_well = std::move(ends_well)](std::exception_ptr failure) mutable {
    try {
      if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
      ends_well.set_value(true);
    } catch (boost::system::system_error const& thrown) {
      ends_well.set_value(thrown.code() == asio::error::operation_aborted);
    } catch (...) {
      ends_well.set_value(false);
    }
  };
}

cache_options small() {
  cache_options options;
  options.capacity_entries = 8;
  options.negative_ttl = 0s;
  options.drain_deadline = 5s;
  return options;
}

}  // namespace

// CA26 to CA45 on threads; RA44, RA46
BOOST_AUTO_TEST_CASE(threads_share_a_cache_and_every_value_is_closed_once) {
  for (bool const has_strands : {true, false}) {
    for (unsigned round = 1; round <= 6; ++round) {
      counters c;
      asio::thread_pool pool(4);
      auto made = part_cache::make(pool.get_executor(), callbacks_of(c), small());
      BOOST_REQUIRE(made.has_value());
      auto& cache = **made;
      struct actor {
        explicit actor(executor const& on) : strand(asio::make_strand(on)) {}
        asio::strand<executor> strand;
        asio::cancellation_signal signal;
        std::future<bool> end;
      };
      std::vector<std::unique_ptr<actor>> actors;
      for (unsigned i = 0; i < 16; ++i) {
        actors.push_back(std::make_unique<actor>(pool.get_executor()));
        auto& mine = *actors.back();
        auto work = act(&cache, &c, round * 100 + i, 150);
        std::promise<bool> ends_well;
        mine.end = ends_well.get_future();
        if (has_strands) asio::co_spawn(mine.strand, std::move(work), asio::bind_cancellation_slot(mine.signal.slot(), end_of(std::move(ends_well))));
        else asio::co_spawn(pool, std::move(work), end_of(std::move(ends_well)));
      }
      std::this_thread::sleep_for(2ms);
      if (has_strands)
        for (std::size_t i = 0; i < actors.size(); i += 3)
          asio::post(actors[i]->strand, [a = actors[i].get()] { a->signal.emit(asio::cancellation_type::terminal); });
      for (auto& each : actors) BOOST_TEST(each->end.get());
      asio::co_spawn(pool, cache.close(), asio::use_future).get();
      auto const seen = cache.stats();
      BOOST_TEST(c.disposed + c.never_taken == c.made);
      BOOST_TEST(c.disposed_twice == 0);
      BOOST_TEST(c.used_after_close == 0);
      BOOST_TEST(c.strange == 0);
      BOOST_TEST(seen.flights == 0U);
      BOOST_TEST(seen.waiters == 0U);
      BOOST_TEST(seen.draining == 0U);
      std::uint64_t left = 0;
      for (auto const count : seen.disposals) left += count;
      BOOST_TEST(left == static_cast<std::uint64_t>(c.disposed));
      made->reset();
      pool.join();
      BOOST_TEST(c.living == 0);
    }
  }
}

// CA45
BOOST_AUTO_TEST_CASE(threads_are_told_closed_when_the_cache_closes_under_them) {
  for (unsigned round = 1; round <= 10; ++round) {
    counters c;
    asio::thread_pool pool(4);
    auto made = part_cache::make(pool.get_executor(), callbacks_of(c), small());
    BOOST_REQUIRE(made.has_value());
    auto& cache = **made;
    std::vector<std::future<void>> ends;
    for (unsigned i = 0; i < 12; ++i) ends.push_back(asio::co_spawn(pool, act(&cache, &c, round * 50 + i, 80), asio::use_future));
    std::this_thread::sleep_for(std::chrono::microseconds(200 * round));
    auto first = asio::co_spawn(pool, cache.close(), asio::use_future);
    auto second = asio::co_spawn(pool, cache.close(), asio::use_future);
    first.get();
    second.get();
    for (auto& each : ends) each.get();
    BOOST_TEST(c.disposed + c.never_taken == c.made);
    BOOST_TEST(c.disposed_twice == 0);
    BOOST_TEST(c.used_after_close == 0);
    made->reset();
    pool.join();
    BOOST_TEST(c.living == 0);
  }
}

// CA40
BOOST_AUTO_TEST_CASE(leases_are_released_on_any_thread_while_the_cache_goes) {
  for (int round = 0; round < 50; ++round) {
    counters c;
    asio::thread_pool pool(2);
    auto made = part_cache::make(pool.get_executor(), callbacks_of(c), small());
    BOOST_REQUIRE(made.has_value());
    std::array<std::vector<lease<part_ptr>>, 3> held;
    for (int i = 0; i < 8; ++i) {
      auto const key = std::to_string(i);
      BOOST_TEST((*made)->set(key, make_part(c)).has_value());
      for (auto& each : held) each.push_back((*made)->peek(key));
      if (i % 2 == 0) (*made)->erase(key);
    }
    std::vector<std::thread> threads;
    for (auto& each : held) threads.emplace_back([&each] { each.clear(); });
    threads.emplace_back([&] { made->reset(); });
    for (auto& each : threads) each.join();
    pool.join();
    BOOST_TEST(c.living == 0);
    BOOST_TEST(c.disposed_twice == 0);
  }
}

// CA45: for ThreadSanitizer. A load goes on while the cache is destroyed, and its entry is the one for which the pool of entries has to grow.
BOOST_AUTO_TEST_CASE(a_pool_may_grow_while_the_entries_of_a_destroyed_cache_go) {
  // How far the two are, told without making either see what the other did.
  struct stages {
    std::atomic<bool> is_loading{false};
    std::atomic<bool> are_entries_going{false};
    std::atomic<bool> is_load_over{false};
    static void set(std::atomic<bool>& reached) { reached.store(true, std::memory_order_relaxed); }
    static void await(std::atomic<bool> const& reached) {
      while (!reached.load(std::memory_order_relaxed)) std::this_thread::yield();
    }
  };
  struct witness {
    witness(stages& s, bool loaded) : now(s), is_loaded(loaded) {}
    witness(witness const&) = delete;
    witness& operator=(witness const&) = delete;
    ~witness() {
      stages::set(is_loaded ? now.is_load_over : now.are_entries_going);
      if (!is_loaded) stages::await(now.is_load_over);
    }
    stages& now;
    bool const is_loaded;
  };
  struct bulky {
    bool operator==(bulky const& other) const { return held == other.held; }
    std::shared_ptr<witness> held;
    std::array<char, 1900> rest{};
  };
  constexpr int in_a_block = detail::entry_pool::block_bytes / sizeof(detail::keyed_entry<int, bulky>);

  stages now;
  asio::thread_pool pool(1);
  cache_callbacks<int, bulky> callbacks;
  callbacks.load = [&now](int) -> load_answer<bulky> {
    auto later = [](stages* s) -> awaitable<result<std::optional<bulky>>> {
      stages::set(s->is_loading);
      stages::await(s->are_entries_going);
      bulky made;
      made.held = std::make_shared<witness>(*s, true);
      co_return std::optional(std::move(made));
    };
    return later(&now);
  };
  callbacks.check = [](int, bulky const&) -> check_answer { return verdict::alive; };
  auto made = validating_cache<int, bulky>::make(pool.get_executor(), std::move(callbacks));
  BOOST_REQUIRE(made.has_value());
  for (int i = 0; i < in_a_block; ++i) {
    bulky cached;
    cached.held = std::make_shared<witness>(now, false);
    BOOST_TEST((*made)->set(i, std::move(cached)).has_value());
  }
  auto get = [](validating_cache<int, bulky>* cache) -> awaitable<error_code> {
    auto const got = co_await cache->get(-1);
    co_return got ? error_code() : got.error();
  };
  auto told = asio::co_spawn(pool, get(made->get()), asio::use_future);
  stages::await(now.is_loading);
  made->reset();
  BOOST_TEST((told.get() == errc::closed));
  pool.join();
}

}  // namespace mooring::test
