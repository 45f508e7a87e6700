#include "report.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/version.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <sstream>

namespace mooring::bench {
namespace {

double wall(run_result const& run) { return run.cost.wall_ns(); }
double cpu(run_result const& run) { return run.cost.cpu_ns(); }
double allocated(run_result const& run) { return run.cost.allocations_each(); }

measured const* floor_of(results const& all, std::string const& contest) {
  auto const found = std::ranges::find_if(all, [&](measured const& one) { return one.contest == contest; });
  return found == all.end() ? nullptr : &*found;
}

char const* compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#else
  return "g++ " __VERSION__;
#endif
}

}  // namespace

void print_table(results const& all) {
  std::string contest;
  for (auto const& one : all) {
    if (one.contest != contest) {
      contest = one.contest;
      std::printf("\n%s\n  %-26s %10s %10s %10s %9s %9s %9s %8s %8s %7s\n", contest.c_str(), "", "ns/op", "min", "max", "p50", "p99", "p99.9", "cpu ns", "allocs", "x floor");
    }
    auto const spread = one.spread();
    auto const* const floor = floor_of(all, contest);
    std::printf("  %-26s %10.1f %10.1f %10.1f %9.0f %9.0f %9.0f %8.1f %8.3f %7.2f\n", one.contestant.c_str(), one.median(wall), one.lowest(wall), one.highest(wall),
                spread.quantile(0.5), spread.quantile(0.99), spread.quantile(0.999), one.median(cpu), one.median(allocated),
                ratio(all, contest, one.contestant, contest, floor->contestant));
    if (one.runs.empty()) continue;
    for (auto const& [name, value] : one.runs.front().facts) std::printf("    %-40s %12.3f\n", name.c_str(), one.fact(name));
  }
}

bool print_goals(std::vector<goal> const& goals) {
  bool all_met = true;
  std::printf("\n%-62s %12s %14s\n", "goal", "limit", "reached");
  for (auto const& one : goals) {
    char const* const verdict = !one.was_run ? "not run" : one.is_met() ? "met" : "missed";
    std::printf("%-62s %s %9.2f %14.3f  %s\n", one.text.c_str(), one.side == goal::direction::at_most ? "<=" : ">=", one.limit, one.reached, verdict);
    if (one.was_run && !one.is_met()) all_met = false;
  }
  return all_met;
}

std::string to_json(results const& all, std::vector<goal> const& goals, bench_options const& options) {
  boost::json::array contestants;
  for (auto const& one : all) {
    boost::json::array runs;
    for (auto const& run : one.runs) {
      boost::json::object facts;
      for (auto const& [name, value] : run.facts) facts[name] = value;
      runs.push_back(boost::json::object{{"operations", run.cost.operations}, {"wall_ns", run.cost.wall_ns()}, {"cpu_ns", run.cost.cpu_ns()},
                                         {"allocations", run.cost.allocations_each()}, {"facts", std::move(facts)}});
    }
    auto const spread = one.spread();
    contestants.push_back(boost::json::object{{"contest", one.contest}, {"contestant", one.contestant}, {"wall_ns_median", one.median(wall)},
                                              {"wall_ns_min", one.lowest(wall)}, {"wall_ns_max", one.highest(wall)}, {"p50_ns", spread.quantile(0.5)},
                                              {"p99_ns", spread.quantile(0.99)}, {"p99_9_ns", spread.quantile(0.999)}, {"runs", std::move(runs)}});
  }
  boost::json::array judged;
  for (auto const& one : goals)
    judged.push_back(boost::json::object{{"goal", one.text}, {"limit", one.limit}, {"reached", one.reached}, {"was_run", one.was_run}, {"is_met", one.is_met()}});
  boost::json::object const whole{{"compiler", compiler()}, {"boost", BOOST_LIB_VERSION}, {"seconds", options.seconds}, {"repeat", options.repeat},
                                  {"seed", options.seed}, {"results", std::move(contestants)}, {"goals", std::move(judged)}};
  return boost::json::serialize(whole);
}

std::string to_svg(results const& all) {
  constexpr int row = 18, left = 330, width = 420;
  double most = 1;
  for (auto const& one : all) most = std::max(most, ratio(all, one.contest, one.contestant, one.contest, floor_of(all, one.contest)->contestant));
  std::ostringstream out;
  out << "<svg xmlns='http://www.w3.org/2000/svg' width='" << left + width + 80 << "' height='" << row * static_cast<int>(all.size() + 2)
      << "' font-family='sans-serif' font-size='11'>\n<text x='8' y='14'>time of one operation, as a multiple of the first bar of its group (logarithmic)</text>\n";
  int y = row;
  for (auto const& one : all) {
    double const times = ratio(all, one.contest, one.contestant, one.contest, floor_of(all, one.contest)->contestant);
    // From a hundredth of the floor to the largest.
    double const share = std::log(std::max(times, 0.01) * 100) / std::log(most * 100);
    bool const is_floor = floor_of(all, one.contest) == &one;
    out << "<text x='8' y='" << y + 12 << "'>" << one.contest << ": " << one.contestant << "</text><rect x='" << left << "' y='" << y + 2 << "' width='"
        << static_cast<int>(share * width) << "' height='" << row - 4 << "' fill='" << (is_floor ? "#999999" : "#3366aa") << "'/><text x='"
        << left + static_cast<int>(share * width) + 6 << "' y='" << y + 12 << "'>" << std::round(times * 100) / 100 << "</text>\n";
    y += row;
  }
  out << "</svg>\n";
  return out.str();
}

}  // namespace mooring::bench
