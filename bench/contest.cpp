#include "contest.hpp"

#include <algorithm>
#include <cstdio>

namespace mooring::bench {
namespace {

double middle(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  auto const half = values.size() / 2;
  return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

std::vector<double> each(std::vector<run_result> const& runs, std::function<double(run_result const&)> const& of) {
  std::vector<double> values;
  for (auto const& run : runs) values.push_back(of(run));
  return values;
}

}  // namespace

double measured::median(std::function<double(run_result const&)> const& of) const { return middle(each(runs, of)); }

double measured::lowest(std::function<double(run_result const&)> const& of) const { return std::ranges::min(each(runs, of)); }

double measured::highest(std::function<double(run_result const&)> const& of) const { return std::ranges::max(each(runs, of)); }

double measured::wall_ns() const {
  return median([](run_result const& run) { return run.cost.wall_ns(); });
}

double measured::fact(std::string const& name) const {
  return median([&](run_result const& run) {
    auto const found = run.facts.find(name);
    return found == run.facts.end() ? 0.0 : found->second;
  });
}

latencies measured::spread() const {
  latencies all;
  for (auto const& run : runs) all.add(run.spread);
  return all;
}

void hold(contest const& asked, bench_options const& options, results& into) {
  std::vector<measured> seen;
  auto const contestants = asked.prepare();
  for (auto const& one : contestants) seen.push_back({asked.name, one.name, {}});
  for (std::size_t round = 0; round <= options.repeat; ++round) {
    std::fprintf(stderr, "%-28s %s\n", asked.name.c_str(), round == 0 ? "warm-up" : ("run " + std::to_string(round) + " of " + std::to_string(options.repeat)).c_str());
    for (std::size_t i = 0; i < seen.size(); ++i) {
      auto took = contestants[i].run(round == 0 ? options.seconds / 4 : options.seconds);
      if (round > 0) seen[i].runs.push_back(std::move(took));
    }
  }
  for (auto& one : seen) into.push_back(std::move(one));
}

measured const* find(results const& all, std::string const& contest, std::string const& contestant) {
  for (auto const& one : all)
    if (one.contest == contest && one.contestant == contestant) return &one;
  return nullptr;
}

double ratio(results const& all, std::string const& contest, std::string const& contestant, std::string const& floor_contest, std::string const& floor) {
  auto const* const one = find(all, contest, contestant);
  auto const* const other = find(all, floor_contest, floor);
  if (!one || !other) return 0;
  std::vector<double> rounds;
  for (std::size_t i = 0; i < std::min(one->runs.size(), other->runs.size()); ++i) rounds.push_back(one->runs[i].cost.wall_ns() / other->runs[i].cost.wall_ns());
  return middle(rounds);
}

}  // namespace mooring::bench
