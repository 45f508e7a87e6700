#include "goals.hpp"

namespace mooring::bench {
namespace {

using side = goal::direction;

goal at_most(std::string text, double limit, double reached, bool was_run) { return {std::move(text), limit, side::at_most, reached, was_run}; }
goal at_least(std::string text, double limit, double reached, bool was_run) { return {std::move(text), limit, side::at_least, reached, was_run}; }

}  // namespace

std::vector<goal> judge(results const& all) {
  std::vector<goal> goals;
  auto ratio_goal = [&](std::string const& text, double limit, std::string const& contest, std::string const& one, std::string const& floor) {
    goals.push_back(at_most(text, limit, ratio(all, contest, one, contest, floor), find(all, contest, one) != nullptr));
  };
  auto allocation_goal = [&](std::string const& contest, std::string const& one) {
    auto const* const seen = find(all, contest, one);
    // A context's own start and end allocate a few times in millions of operations.
    goals.push_back(at_most(contest + ": " + one + ", allocations per get", 0.001,
                            seen ? seen->median([](run_result const& run) { return run.cost.allocations_each(); }) : 0, seen != nullptr));
  };
  auto fact_goal = [&](bool is_least, std::string const& text, double limit, std::string const& contest, std::string const& one, std::string const& fact) {
    auto const* const seen = find(all, contest, one);
    goals.push_back((is_least ? at_least : at_most)(text, limit, seen ? seen->fact(fact) : 0, seen != nullptr));
  };
  auto cpu_goal = [&](std::string const& text, double limit, std::string const& contest, std::string const& one) {
    auto const* const seen = find(all, contest, one);
    goals.push_back(at_most(text, limit, seen ? seen->median([](run_result const& run) { return run.cost.cpu_ns(); }) : 0, seen != nullptr));
  };

  std::string const small = "hit, 1 000 entries", large = "hit, 1 000 000 entries";
  ratio_goal("hit, 1 000 entries, awaitable check / flat LRU", 2.8, small, "get, awaitable check", "flat LRU");
  ratio_goal("hit, 1 000 entries, check at once / flat LRU", 2.0, small, "get, check at once", "flat LRU");
  ratio_goal("hit, 1 000 entries, try_get / flat LRU", 1.2, small, "try_get", "flat LRU");
  allocation_goal(small, "get, awaitable check");
  allocation_goal(small, "get, check at once");
  allocation_goal(small, "try_get");
  ratio_goal("hit, 1 000 000 entries, awaitable check / flat LRU", 1.2, large, "get, awaitable check", "flat LRU");
  for (std::string const threads : {"1 thread", "2 threads"}) {
    std::string const contest = "hits of many, " + threads;
    auto const slower = ratio(all, contest, "flat LRU, mutex", contest, "get");
    goals.push_back(at_least("64 tasks zipf, " + threads + ": throughput / flat LRU with a mutex", 0.6, slower, find(all, contest, "get") != nullptr));
  }
  goals.push_back(at_least("64 tasks zipf: throughput of 2 threads / of 1", 1.0, ratio(all, "hits of many, 1 thread", "get", "hits of many, 2 threads", "get"),
                           find(all, "hits of many, 1 thread", "get") && find(all, "hits of many, 2 threads", "get")));
  fact_goal(true, "hot key, 1024 tasks: gets per check", 1023.5, "hot key, 1024 tasks", "get", "gets per check");
  fact_goal(true, "hot key, 1024 tasks: share of the ceiling", 0.95, "hot key, 1024 tasks", "get", "share of ceiling");
  cpu_goal("hot key, 1024 tasks: CPU ns per get", 200, "hot key, 1024 tasks", "get");
  fact_goal(false, "miss storm: loads", 1, "miss storm", "get", "loads");
  fact_goal(false, "miss storm: total / load time", 1.08, "miss storm", "get", "total / load time");
  cpu_goal("miss storm: CPU ns per waiter", 650, "miss storm", "get");
  ratio_goal("churn, 1 task / flat LRU", 2.0, "churn", "get, 1 task", "flat LRU");
  ratio_goal("churn, 64 tasks on 2 threads / flat LRU on one", 2.5, "churn", "get, 64 tasks, 2 threads", "flat LRU");
  fact_goal(false, "memory: bytes per entry at 1 000 000", 128, "memory", "cache", "bytes per entry");
  ratio_goal("local storage load / plain map", 2.0, "local storage, 1 thread", "load", "map, mutex: find");
  ratio_goal("manager get, local storage / the cache's own hit", 1.5, "manager, local storage", "get", "cache get");
  auto faster_goal = [&](std::string const& text, double limit, std::string const& contest, std::string const& one, std::string const& floor) {
    goals.push_back(at_least(text, limit, ratio(all, contest, floor, contest, one), find(all, contest, one) && find(all, contest, floor)));
  };
  std::string const loads = "Redis load, 64 in flight";
  faster_goal("Redis load, 64 in flight: throughput / Boost.Redis alone", 0.85, loads, "load", "Boost.Redis, no deadline");
  faster_goal("Redis load, 64 in flight: throughput / redis-benchmark -P 1", 2.5, loads, "load", "redis-benchmark -P 1");
  faster_goal("Redis manager get, 64 in flight: throughput / storage load", 0.8, "Redis manager, 64 in flight", "get", "load");
  return goals;
}

}  // namespace mooring::bench
