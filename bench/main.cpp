// mooring-bench: how fast the parts of the library are, beside the plainest thing that could do the same.

#include "redis_contests.hpp"
#include "report.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <fstream>

namespace {

using namespace mooring::bench;

void write_file(std::string const& path, std::string const& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  if (!out.flush()) throw std::runtime_error("cannot write " + path);
}

}  // namespace

int main(int argc, char** argv) {
  bench_options options;
  std::string what = "all", json_path, plot_path;
  bool judges_goals = false;

  CLI::App app("Measures mooring. Every figure stands beside its floor, measured in turn in the same run: compare the ratios, not the nanoseconds.", "mooring-bench");
  app.add_option("workloads", what, "cache, storage, manager or all")->check(CLI::IsMember({"cache", "storage", "manager", "all"}));
  app.add_option("--threads", options.threads, "only workloads of this many threads (default: as each workload says)")->check(CLI::Range(1, 64));
  app.add_option("--tasks", options.tasks, "tasks of the workloads with many (default: as each workload says)")->check(CLI::Range(1, 100'000));
  app.add_option("--seconds", options.seconds, "length of one timed run")->check(CLI::Range(0.001, 3600.0))->capture_default_str();
  app.add_option("--repeat", options.repeat, "timed runs of each contestant, after one warm-up")->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--redis", options.redis_url, "redis:// or unix:// URL of the server to use (default: one of its own for each contest)");
  app.add_flag("--quick", options.is_quick, "small sizes: shows that everything runs, measures nothing");
  app.add_flag("--goals", judges_goals, "print each goal and what was reached; exit status 1 when one is missed");
  app.add_option("--json", json_path, "write all figures to this file");
  app.add_option("--plot", plot_path, "draw the ratios into this SVG file");
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& refused) {
    return app.exit(refused) == 0 ? 0 : 2;
  }

  try {
    results all;
    auto run = [&](char const* name, std::vector<contest> (*contests)(bench_options const&)) {
      if (what != "all" && what != name) return;
      for (auto const& asked : contests(options)) hold(asked, options, all);
    };
    run("cache", cache_contests);
    run("storage", storage_contests);
    run("storage", redis_storage_contests);
    run("manager", manager_contests);
    run("manager", redis_manager_contests);
    print_table(all);
    auto const goals = judge(all);
    if (!json_path.empty()) write_file(json_path, to_json(all, goals, options));
    if (!plot_path.empty()) write_file(plot_path, to_svg(all));
    if (judges_goals && !print_goals(goals)) return 1;
  } catch (std::exception const& failure) {
    std::fprintf(stderr, "mooring-bench: %s\n", failure.what());
    return 1;
  }
  return 0;
}
