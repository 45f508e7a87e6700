#include "contest.hpp"
#include "floors.hpp"
#include "keys.hpp"
#include "tasks.hpp"

#include <mooring/cache/validating_cache.hpp>
#include <mooring/core/clock.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>

namespace mooring::bench {
namespace {

using cache_type = validating_cache<std::string, handle>;

constexpr std::size_t query_count = 1 << 16;  // a power of two, so that the next query is a mask away
constexpr std::size_t batch = 256;            // operations between two looks at the clock

enum class check_kind { awaitable_ready, at_once, suspends };

awaitable<result<verdict>> ready_check() { co_return verdict::alive; }

awaitable<result<verdict>> suspending_check() {
  auto const ex = co_await asio::this_coro::executor;
  co_await asio::post(ex, asio::use_awaitable);
  co_return verdict::alive;
}

[[noreturn]] void stop(std::string const& why) { throw std::runtime_error(why); }

// A cache with its context, keys and queries: all that outlives the single runs.
struct table {
  table(std::size_t entries, check_kind kind, std::uint64_t seed) : queries(uuid_texts(entries, seed)) {
    cache_callbacks<std::string, handle> calls;
    calls.load = [](std::string) { return load_answer<handle>(std::make_shared<int>(1)); };
    calls.check = [kind](std::string const&, handle const&) -> check_answer {
      if (kind == check_kind::at_once) return verdict::alive;
      return kind == check_kind::suspends ? suspending_check() : ready_check();
    };
    cache_options options;
    options.capacity_entries = entries;
    std::string why;
    auto made = cache_type::make(io.get_executor(), std::move(calls), options, &why);
    if (!made) stop(why);
    cache = std::move(*made);
    for (auto const& key : uuid_texts(entries, seed))
      if (!cache->set(key, std::make_shared<int>(1))) stop("a key could not be set");
    if (cache->size() != entries) stop("the cache does not hold what it was given");
  }

  asio::io_context io;
  std::vector<std::string> queries;
  std::unique_ptr<cache_type> cache;
};

template <class Lru>
std::shared_ptr<Lru> filled_floor(std::size_t entries, std::uint64_t seed) {
  auto floor = std::make_shared<Lru>(entries);
  for (auto const& key : uuid_texts(entries, seed)) floor->insert(key, std::make_shared<int>(1));
  return floor;
}

using shared_table = std::shared_ptr<table>;
using shared_queries = std::shared_ptr<std::vector<std::uint32_t> const>;

awaitable<void> hit(workbench& bench, shared_table on, shared_queries asked, std::size_t start) {
  sampler timed;
  std::uint64_t done = 0;
  std::size_t next = start;
  while (!bench.is_over()) {
    for (std::size_t i = 0; i < batch; ++i) {
      std::string_view const key = on->queries[(*asked)[++next & (query_count - 1)]];
      bool const sampled = timed.is_due();
      if (sampled) timed.begin();
      auto got = co_await on->cache->get_borrowed(key);
      if (sampled) timed.end();
      if (!got || !*got) stop("a present key was not found");
    }
    done += batch;
  }
  bench.report(done, timed.spread());
}

awaitable<void> try_hit(workbench& bench, shared_table on, shared_queries asked) {
  sampler timed;
  std::uint64_t done = 0;
  std::size_t next = 0;
  while (!bench.is_over()) {
    for (std::size_t i = 0; i < batch; ++i) {
      std::string_view const key = on->queries[(*asked)[++next & (query_count - 1)]];
      bool const sampled = timed.is_due();
      if (sampled) timed.begin();
      auto const got = on->cache->try_get(key);
      if (sampled) timed.end();
      if (!got) stop("a present key was not found");
    }
    done += batch;
  }
  bench.report(done, timed.spread());
  co_return;
}

template <class Lru>
void floor_hit(workbench& bench, Lru& floor, std::vector<std::string> const& keys, std::vector<std::uint32_t> const& asked, std::size_t start) {
  sampler timed;
  std::uint64_t done = 0;
  std::size_t next = start;
  while (!bench.is_over()) {
    for (std::size_t i = 0; i < batch; ++i) {
      auto const& key = keys[asked[++next & (query_count - 1)]];
      bool const sampled = timed.is_due();
      if (sampled) timed.begin();
      auto const got = floor.find(key);
      if (sampled) timed.end();
      if (!got) stop("a present key was not found");
    }
    done += batch;
  }
  bench.report(done, timed.spread());
}

awaitable<handle> ready_handle(handle held) { co_return held; }

awaitable<void> ready_awaits(workbench& bench, handle held) {
  std::uint64_t done = 0;
  while (!bench.is_over()) {
    for (std::size_t i = 0; i < batch; ++i) {
      auto const got = co_await ready_handle(held);
      if (!got) stop("nothing came back");
    }
    done += batch;
  }
  bench.report(done, {});
}

contest hits(bench_options const& options, std::size_t entries, std::string const& name) {
  auto const seed = options.seed;
  auto const asked = std::make_shared<std::vector<std::uint32_t> const>(uniform_queries(entries, query_count, seed + 1));
  auto const flat = filled_floor<flat_lru>(entries, seed);
  auto const standard = filled_floor<standard_lru>(entries, seed);
  auto const slow = std::make_shared<table>(entries, check_kind::awaitable_ready, seed);
  auto const quick = std::make_shared<table>(entries, check_kind::at_once, seed);
  contest asks{name, {}};
  asks.contestants.push_back({"flat LRU", [=](double seconds) {
    return run_threads(1, seconds, [&](workbench& bench, std::size_t) { floor_hit(bench, *flat, slow->queries, *asked, 0); });
  }});
  asks.contestants.push_back({"map+list LRU", [=](double seconds) {
    return run_threads(1, seconds, [&](workbench& bench, std::size_t) { floor_hit(bench, *standard, slow->queries, *asked, 0); });
  }});
  asks.contestants.push_back({"ready co_await", [=](double seconds) {
    auto const held = std::make_shared<int>(1);
    return run_tasks(slow->io, 1, 1, seconds, [&](workbench& bench, std::size_t) { return ready_awaits(bench, held); });
  }});
  asks.contestants.push_back({"get, awaitable check", [=](double seconds) {
    return run_tasks(slow->io, 1, 1, seconds, [&](workbench& bench, std::size_t) { return hit(bench, slow, asked, 0); });
  }});
  asks.contestants.push_back({"get, check at once", [=](double seconds) {
    return run_tasks(quick->io, 1, 1, seconds, [&](workbench& bench, std::size_t) { return hit(bench, quick, asked, 0); });
  }});
  asks.contestants.push_back({"try_get", [=](double seconds) {
    return run_tasks(quick->io, 1, 1, seconds, [&](workbench& bench, std::size_t) { return try_hit(bench, quick, asked); });
  }});
  return asks;
}

contest hits_of_many(bench_options const& options, std::size_t threads) {
  std::size_t const entries = 1000;
  std::size_t const tasks = options.tasks ? options.tasks : 64;
  auto const asked = std::make_shared<std::vector<std::uint32_t> const>(zipf_queries(entries, query_count, 0.99, options.seed + 2));
  auto const flat = filled_floor<locked<flat_lru>>(entries, options.seed);
  auto const ready = std::make_shared<table>(entries, check_kind::awaitable_ready, options.seed);
  auto const suspends = std::make_shared<table>(entries, check_kind::suspends, options.seed);
  contest asks{"hits of many, " + std::to_string(threads) + (threads == 1 ? " thread" : " threads"), {}};
  asks.contestants.push_back({"flat LRU, mutex", [=](double seconds) {
    return run_threads(threads, seconds, [&](workbench& bench, std::size_t i) { floor_hit(bench, *flat, ready->queries, *asked, i * 977); });
  }});
  auto add = [&](char const* name, shared_table on) {
    asks.contestants.push_back({name, [=](double seconds) {
      return run_tasks(on->io, threads, tasks, seconds, [&](workbench& bench, std::size_t i) { return hit(bench, on, asked, i * 977); });
    }});
  };
  add("get", ready);
  add("get, check suspends once", suspends);
  return asks;
}

// One key, a check of one millisecond: everybody who comes meanwhile joins it.
struct hot_table {
  explicit hot_table(std::uint64_t seed) : key(uuid_texts(1, seed)[0]) {
    cache_callbacks<std::string, handle> calls;
    calls.load = [](std::string) { return load_answer<handle>(std::make_shared<int>(1)); };
    calls.check = [this](std::string const&, handle const&) -> check_answer {
      ++checks;
      return slow_check(*this);
    };
    auto made = cache_type::make(io.get_executor(), std::move(calls), {});
    if (!made) stop("the cache was refused");
    cache = std::move(*made);
    if (!cache->set(key, std::make_shared<int>(1))) stop("the key could not be set");
  }

  static awaitable<result<verdict>> slow_check(hot_table& on) {
    auto const start = std::chrono::steady_clock::now();
    auto const slept = co_await sleep_for(std::chrono::milliseconds(1));
    on.checking += std::chrono::steady_clock::now() - start;
    if (!slept) co_return slept.error();
    co_return verdict::alive;
  }

  asio::io_context io;
  std::string key;
  std::unique_ptr<cache_type> cache;
  std::uint64_t checks = 0;
  std::chrono::nanoseconds checking{};
};

awaitable<void> get_hot(workbench& bench, std::shared_ptr<hot_table> on) {
  latencies spread;
  std::uint64_t done = 0;
  while (!bench.is_over()) {
    auto const start = std::chrono::steady_clock::now();
    auto got = co_await on->cache->get_borrowed(on->key);
    spread.record(std::chrono::steady_clock::now() - start);
    if (!got || !*got) stop("the hot key was not found");
    ++done;
  }
  bench.report(done, spread);
}

contest hot_key(bench_options const& options, std::size_t tasks) {
  contest asks{"hot key, " + std::to_string(tasks) + " tasks", {}};
  auto const on = std::make_shared<hot_table>(options.seed);
  asks.contestants.push_back({"get", [=](double seconds) {
    on->checks = 0;
    on->checking = {};
    auto done = run_tasks(on->io, 1, tasks, seconds, [&](workbench& bench, std::size_t) { return get_hot(bench, on); });
    auto const gets = double(done.cost.operations);
    // The ceiling is what checks of this length allow: all tasks answered by each check, and the next one begun at once.
    auto const ceiling = double(tasks) * double(on->checks) / (double(on->checking.count()) * 1e-9);
    done.facts["gets per check"] = gets / double(on->checks);
    done.facts["share of ceiling"] = gets / (double(done.cost.wall.count()) * 1e-9) / ceiling;
    return done;
  }});
  return asks;
}

struct storm_table {
  storm_table() {
    cache_callbacks<std::string, handle> calls;
    calls.load = [this](std::string) -> load_answer<handle> {
      ++loads;
      return slow_load(*this);
    };
    calls.check = [](std::string const&, handle const&) -> check_answer { return verdict::alive; };
    auto made = cache_type::make(io.get_executor(), std::move(calls), {});
    if (!made) stop("the cache was refused");
    cache = std::move(*made);
  }

  static awaitable<result<std::optional<handle>>> slow_load(storm_table& on) {
    auto const start = std::chrono::steady_clock::now();
    auto const slept = co_await sleep_for(std::chrono::milliseconds(10));
    on.loading = std::chrono::steady_clock::now() - start;
    if (!slept) co_return slept.error();
    co_return std::optional<handle>(std::make_shared<int>(1));
  }

  asio::io_context io;
  std::unique_ptr<cache_type> cache;
  std::uint64_t loads = 0;
  std::chrono::nanoseconds loading{};
};

awaitable<void> get_once(workbench& bench, std::shared_ptr<storm_table> on, std::string const& key) {
  auto const start = std::chrono::steady_clock::now();
  auto got = co_await on->cache->get_borrowed(key);
  if (!got || !*got) stop("the loaded key was not found");
  latencies spread;
  spread.record(std::chrono::steady_clock::now() - start);
  bench.report(1, spread);
}

contest miss_storm(bench_options const& options) {
  std::size_t const tasks = options.tasks ? options.tasks : 1000;
  contest asks{"miss storm", {}};
  auto const on = std::make_shared<storm_table>();
  auto const seeds = std::make_shared<generator>(options.seed);
  asks.contestants.push_back({"get", [=](double) {
    auto const key = uuid_texts(1, (*seeds)())[0];
    on->loads = 0;
    auto done = run_tasks(on->io, 1, tasks, 60, [&](workbench& bench, std::size_t) { return get_once(bench, on, key); });
    done.facts["loads"] = double(on->loads);
    done.facts["total / load time"] = double(done.cost.wall.count()) / double(on->loading.count());
    return done;
  }});
  return asks;
}

awaitable<void> churn(workbench& bench, shared_table on, std::shared_ptr<std::vector<std::string> const> keys, shared_queries asked, std::size_t start) {
  sampler timed;
  std::uint64_t done = 0;
  std::size_t next = start;
  while (!bench.is_over()) {
    for (std::size_t i = 0; i < batch; ++i) {
      std::string_view const key = (*keys)[(*asked)[++next & (query_count - 1)]];
      bool const sampled = timed.is_due();
      if (sampled) timed.begin();
      auto got = co_await on->cache->get_borrowed(key);
      if (sampled) timed.end();
      if (!got || !*got) stop("a loaded key was not found");
    }
    done += batch;
  }
  bench.report(done, timed.spread());
}

contest churning(bench_options const& options) {
  std::size_t const entries = 1000;
  auto const keys = std::make_shared<std::vector<std::string> const>(uuid_texts(10 * entries, options.seed));
  auto const asked = std::make_shared<std::vector<std::uint32_t> const>(uniform_queries(10 * entries, query_count, options.seed + 3));
  auto const flat = std::make_shared<flat_lru>(entries);
  auto const on = std::make_shared<table>(entries, check_kind::at_once, options.seed + 4);
  contest asks{"churn", {}};
  asks.contestants.push_back({"flat LRU", [=](double seconds) {
    return run_threads(1, seconds, [&](workbench& bench, std::size_t) {
      std::uint64_t done = 0;
      std::size_t next = 0;
      while (!bench.is_over()) {
        for (std::size_t i = 0; i < batch; ++i) {
          auto const& key = (*keys)[(*asked)[++next & (query_count - 1)]];
          if (!flat->find(key)) flat->insert(key, std::make_shared<int>(1));
        }
        done += batch;
      }
      bench.report(done, {});
    });
  }});
  asks.contestants.push_back({"get, 1 task", [=](double seconds) {
    return run_tasks(on->io, 1, 1, seconds, [&](workbench& bench, std::size_t) { return churn(bench, on, keys, asked, 0); });
  }});
  asks.contestants.push_back({"get, 64 tasks, 2 threads", [=](double seconds) {
    return run_tasks(on->io, 2, 64, seconds, [&](workbench& bench, std::size_t i) { return churn(bench, on, keys, asked, i * 977); });
  }});
  return asks;
}

contest memory(bench_options const& options) {
  std::size_t const entries = options.is_quick ? 10'000 : 1'000'000;
  contest asks{"memory", {}};
  auto weigh = [entries, seed = options.seed](auto make, auto put) {
    run_result done;
    auto const before = bytes_in_use();
    auto held = make();
    {
      meter measure;
      for (std::size_t block = 0; block < 100; ++block)
        for (auto const& key : uuid_texts(entries / 100, seed + block)) put(held, key);
      done.cost = measure.stop(entries);
    }
    done.facts["bytes per entry"] = double(bytes_in_use() - before) / double(entries);
    return done;
  };
  asks.contestants.push_back({"flat LRU", [=](double) {
    return weigh([&] { return std::make_unique<flat_lru>(entries); }, [](auto& held, std::string const& key) { held->insert(key, std::make_shared<int>(1)); });
  }});
  asks.contestants.push_back({"cache", [=](double) {
    auto const io = std::make_shared<asio::io_context>();
    return weigh(
        [&] {
          cache_callbacks<std::string, handle> calls;
          calls.load = [](std::string) { return load_answer<handle>(std::make_shared<int>(1)); };
          calls.check = [](std::string const&, handle const&) -> check_answer { return verdict::alive; };
          cache_options wide;
          wide.capacity_entries = entries;
          auto made = cache_type::make(io->get_executor(), std::move(calls), wide);
          if (!made) stop("the cache was refused");
          return std::move(*made);
        },
        [](auto& held, std::string const& key) {
          if (!held->set(key, std::make_shared<int>(1))) stop("a key could not be set");
        });
  }});
  return asks;
}

}  // namespace

std::vector<contest> cache_contests(bench_options const& options) {
  std::vector<contest> all;
  all.push_back(hits(options, 1000, "hit, 1 000 entries"));
  all.push_back(hits(options, options.is_quick ? 10'000 : 1'000'000, "hit, 1 000 000 entries"));
  for (std::size_t const threads : {std::size_t(1), std::size_t(2)})
    if (options.threads == 0 || options.threads == threads) all.push_back(hits_of_many(options, threads));
  for (std::size_t const tasks : {std::size_t(64), std::size_t(1024)}) all.push_back(hot_key(options, tasks));
  all.push_back(miss_storm(options));
  all.push_back(churning(options));
  all.push_back(memory(options));
  return all;
}

}  // namespace mooring::bench
