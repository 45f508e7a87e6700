#pragma once

#include "contest.hpp"
#include "floors.hpp"
#include "keys.hpp"
#include "loops.hpp"

#include <mooring/cache/validating_cache.hpp>

#include <memory>
#include <string>
#include <vector>

namespace mooring::bench {

using cache_type = validating_cache<std::string, handle>;

/** What a check does: it is a coroutine that is ready, answers without one, or is a coroutine that suspends once. */
enum class check_kind { awaitable_ready, at_once, suspends };

/** A cache whose loads answer at once. Throws when it is refused. */
std::unique_ptr<cache_type> make_cache(asio::io_context& io, std::size_t capacity, check_kind kind);

/** A full cache with its context and the texts of its keys, which share no memory with the keys. */
struct cache_table {
  cache_table(std::size_t entries, check_kind kind, std::uint64_t seed);

  asio::io_context io;
  std::vector<std::string> const queries;
  std::unique_ptr<cache_type> const cache;
};

/** Which key the n-th query is about. */
class query_order {
 public:
  explicit query_order(std::vector<std::uint32_t> drawn) : drawn_(std::make_shared<std::vector<std::uint32_t> const>(std::move(drawn))) {}
  std::size_t operator()(std::size_t n) const noexcept { return (*drawn_)[n & (query_count - 1)]; }

 private:
  std::shared_ptr<std::vector<std::uint32_t> const> drawn_;
};

/** Where the queries of the i-th task begin: apart from each other. */
constexpr std::size_t start_of(std::size_t task) noexcept { return task * 977; }

template <class Lru>
std::shared_ptr<Lru> filled_floor(std::size_t entries, std::uint64_t seed) {
  auto floor = std::make_shared<Lru>(entries);
  for (auto const& key : uuid_texts(entries, seed)) floor->insert(key, std::make_shared<int>(1));
  return floor;
}

/** Plain threads that ask a floor. */
template <class Lru>
contestant asks_floor(std::string name, std::shared_ptr<Lru> floor, std::shared_ptr<cache_table> keys, query_order asked, std::size_t threads) {
  return {std::move(name), [=](double seconds) {
    return run_threads(threads, seconds, [&](workbench& bench, std::size_t i) {
      call_in_a_loop(bench, start_of(i), [&](std::size_t n) { return floor->find(keys->queries[asked(n)]); });
    });
  }};
}

/** Tasks that get from a cache. */
inline contestant asks_cache(std::string name, std::shared_ptr<cache_table> on, query_order asked, std::size_t threads, std::size_t tasks) {
  return {std::move(name), [=](double seconds) {
    return run_tasks(on->io, threads, tasks, seconds, [&](workbench& bench, std::size_t i) {
      return await_in_a_loop(bench, start_of(i), [on, asked](std::size_t n) { return on->cache->get_borrowed(on->queries[asked(n)]); });
    });
  }};
}

contest hits(bench_options const& options, std::size_t entries, std::string name);
contest hits_of_many(bench_options const& options, std::size_t threads);
contest hot_key(bench_options const& options, std::size_t tasks);
contest miss_storm(bench_options const& options);
contest churn(bench_options const& options);
contest memory(bench_options const& options);

}  // namespace mooring::bench
