#include "cache_table.hpp"

#include <mooring/core/clock.hpp>

#include <stdexcept>

// What it costs to wait: many tasks on one key whose check, or whose load, takes its time.

namespace mooring::bench {
namespace {

// A cache of one key, whose checks and loads sleep.
struct crowded_key {
  crowded_key(std::uint64_t seed, std::size_t waiters) : key(uuid_texts(1, seed)[0]) {
    cache_callbacks<std::string, handle> calls;
    calls.load = [this](std::string) -> load_answer<handle> { return load(); };
    calls.check = [this](std::string const&, handle const&) -> check_answer { return check(); };
    cache_options options;
    options.max_waiters = waiters;
    std::string why;
    auto made = cache_type::make(io.get_executor(), std::move(calls), options, &why);
    if (!made) throw std::runtime_error(why);
    cache = std::move(*made);
  }

  awaitable<result<verdict>> check() {
    ++checks;
    auto const start = std::chrono::steady_clock::now();
    auto const slept = co_await sleep_for(std::chrono::milliseconds(1));
    checking += std::chrono::steady_clock::now() - start;
    if (!slept) co_return slept.error();
    co_return verdict::alive;
  }

  awaitable<result<std::optional<handle>>> load() {
    ++loads;
    auto const start = std::chrono::steady_clock::now();
    auto const slept = co_await sleep_for(std::chrono::milliseconds(10));
    loading = std::chrono::steady_clock::now() - start;
    if (!slept) co_return slept.error();
    co_return std::optional<handle>(std::make_shared<int>(1));
  }

  asio::io_context io;
  std::string key;
  std::unique_ptr<cache_type> cache;
  std::uint64_t checks = 0;
  std::uint64_t loads = 0;
  std::chrono::nanoseconds checking{};
  std::chrono::nanoseconds loading{};
};

// The tasks of a storm ask once; one of every 64 is timed.
awaitable<void> get_once(workbench& bench, std::shared_ptr<crowded_key> on, bool is_timed) {
  std::chrono::steady_clock::time_point start;
  if (is_timed) start = std::chrono::steady_clock::now();
  auto got = co_await on->cache->get_borrowed(on->key);
  if (!is_right(got)) throw std::runtime_error("the loaded key was not found");
  if (is_timed) bench.report(1, std::chrono::steady_clock::now() - start);
  else bench.report(1);
}

}  // namespace

contest hot_key(bench_options const& options, std::size_t tasks) {
  return {"hot key, " + std::to_string(tasks) + " tasks", [tasks, seed = options.seed] {
    auto const on = std::make_shared<crowded_key>(seed, tasks);
    if (!on->cache->set(on->key, std::make_shared<int>(1))) throw std::runtime_error("the key could not be set");
    std::vector<contestant> all;
    all.push_back({"get", [=](double seconds) {
      on->checks = 0;
      on->checking = {};
      auto done = run_tasks(on->io, 1, tasks, seconds, [&](workbench& bench, std::size_t) {
        return await_in_a_loop(bench, 0, [on](std::size_t) { return on->cache->get_borrowed(on->key); }, 8);
      });
      auto const gets = double(done.cost.operations);
      // The ceiling is what checks of this length allow: all tasks answered by each check, and the next one begun at once.
      auto const ceiling = double(tasks) * double(on->checks) / (double(on->checking.count()) * 1e-9);
      done.facts["gets per check"] = gets / double(on->checks);
      done.facts["share of ceiling"] = gets / (double(done.cost.wall.count()) * 1e-9) / ceiling;
      return done;
    }});
    return all;
  }};
}

contest miss_storm(bench_options const& options) {
  std::size_t const tasks = options.tasks ? options.tasks : 1000;
  return {"miss storm", [tasks, seed = options.seed] {
    auto const on = std::make_shared<crowded_key>(seed, tasks);
    auto const seeds = std::make_shared<generator>(seed);
    std::vector<contestant> all;
    all.push_back({"get", [=](double) {
      on->key = uuid_texts(1, (*seeds)())[0];
      on->loads = 0;
      auto done = run_tasks(on->io, 1, tasks, 60, [&](workbench& bench, std::size_t i) { return get_once(bench, on, i % 64 == 0); });
      done.facts["loads"] = double(on->loads);
      done.facts["total / load time"] = double(done.cost.wall.count()) / double(on->loading.count());
      return done;
    }});
    return all;
  }};
}

}  // namespace mooring::bench
