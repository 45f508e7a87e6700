#include "cache_table.hpp"

// How much more a hit costs than the plainest look-up: with a check that is a coroutine, one that answers at once, and without a coroutine at all; and what
// remains of that when many tasks ask.

namespace mooring::bench {
namespace {

awaitable<handle> ready_handle(handle held) { co_return held; }

}  // namespace

contest hits(bench_options const& options, std::size_t entries, std::string name) {
  return {std::move(name), [entries, seed = options.seed] {
    query_order const asked(uniform_queries(entries, query_count, seed + 1));
    auto const slow = std::make_shared<cache_table>(entries, check_kind::awaitable_ready, seed);
    auto const quick = std::make_shared<cache_table>(entries, check_kind::at_once, seed);
    std::vector<contestant> all;
    all.push_back(asks_floor("flat LRU", filled_floor<flat_lru>(entries, seed), slow, asked, 1));
    all.push_back(asks_floor("map+list LRU", filled_floor<standard_lru>(entries, seed), slow, asked, 1));
    all.push_back({"ready co_await", [slow](double seconds) {
      auto const held = std::make_shared<int>(1);
      return run_tasks(slow->io, 1, 1, seconds, [&](workbench& bench, std::size_t) {
        return await_in_a_loop(bench, 0, [held](std::size_t) { return ready_handle(held); });
      });
    }});
    all.push_back(asks_cache("get, awaitable check", slow, asked, 1, 1));
    all.push_back(asks_cache("get, check at once", quick, asked, 1, 1));
    all.push_back({"try_get", [quick, asked](double seconds) {
      return run_threads(1, seconds, [&](workbench& bench, std::size_t i) {
        call_in_a_loop(bench, start_of(i), [&](std::size_t n) { return quick->cache->try_get(quick->queries[asked(n)]); });
      });
    }});
    return all;
  }};
}

contest hits_of_many(bench_options const& options, std::size_t threads) {
  std::size_t const entries = 1000;
  std::size_t const tasks = options.tasks ? options.tasks : 64;
  return {"hits of many, " + std::to_string(threads) + (threads == 1 ? " thread" : " threads"), [=, seed = options.seed] {
    query_order const asked(zipf_queries(entries, query_count, 0.99, seed + 2));
    auto const ready = std::make_shared<cache_table>(entries, check_kind::awaitable_ready, seed);
    auto const suspends = std::make_shared<cache_table>(entries, check_kind::suspends, seed);
    std::vector<contestant> all;
    all.push_back(asks_floor("flat LRU, mutex", filled_floor<locked<flat_lru>>(entries, seed), ready, asked, threads));
    all.push_back(asks_cache("get", ready, asked, threads, tasks));
    all.push_back(asks_cache("get, check suspends once", suspends, asked, threads, tasks));
    return all;
  }};
}

}  // namespace mooring::bench
