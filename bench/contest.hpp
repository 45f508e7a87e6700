#pragma once

#include "meter.hpp"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace mooring::bench {

/** What the command line asks of every workload. */
struct bench_options {
  double seconds = 1.0;       ///< How long one timed run of one contestant takes, about.
  std::size_t repeat = 5;     ///< Timed runs; one warm-up comes before them.
  std::size_t threads = 0;    ///< 0: as each workload says.
  std::size_t tasks = 0;      ///< 0: as each workload says.
  bool is_quick = false;      ///< Small sizes: shows that the program works, measures nothing.
  std::uint64_t seed = 42;
  std::string redis_url;      ///< Empty: a server of the workload's own.
};

/** One timed run: its cost, its latencies where single operations were timed, and what else the workload tells. */
struct run_result {
  run_cost cost;
  latencies spread;
  bool has_spread = false;
  std::map<std::string, double> facts;
};

/** Runs about `seconds` and says what it took. What it prepares before its meter starts does not count. */
struct contestant {
  std::string name;
  std::function<run_result(double seconds)> run;
};

/** A question, asked of several contestants that take turns, so that what disturbs the machine disturbs all. The first one is the floor. */
struct contest {
  std::string name;
  /** Makes the contestants and all they need; with them it goes. */
  std::function<std::vector<contestant>()> prepare;
};

/** The runs of one contestant. */
struct measured {
  std::string contest;
  std::string contestant;
  std::vector<run_result> runs;

  double median(std::function<double(run_result const&)> const& of) const;
  double lowest(std::function<double(run_result const&)> const& of) const;
  double highest(std::function<double(run_result const&)> const& of) const;
  double wall_ns() const;
  double fact(std::string const& name) const;
  latencies spread() const;
};

using results = std::vector<measured>;

/** Runs a contest: a warm-up, then `repeat` rounds in which each contestant runs once. Prints a line of progress for each round. */
void hold(contest const& asked, bench_options const& options, results& into);

/** The measured contestant of a contest; null when it was not run. */
measured const* find(results const& all, std::string const& contest, std::string const& contestant);

/** Median over the rounds of one contestant's figure divided by another's in the same round; 0 when one was not run. */
double ratio(results const& all, std::string const& contest, std::string const& contestant, std::string const& floor_contest, std::string const& floor);

std::vector<contest> cache_contests(bench_options const& options);
std::vector<contest> storage_contests(bench_options const& options);
std::vector<contest> manager_contests(bench_options const& options);

}  // namespace mooring::bench
