// Runs many schedules of every scenario and stops at the first that breaks a promise. See `usage`.

#include "scenarios/scenario.hpp"
#include "scenarios/watch.hpp"

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace mooring::test;

constexpr char const* usage =
    "usage: simulate [--schedules N] [--seed S] [--scenario NAME] [--jobs J] [--patience P] [--trace] [--list]\n"
    "Runs N schedules (100000), spread over all scenarios or of one, with the seeds S, S+1, ... (1), in J processes (1).\n"
    "Each must keep every promise, and end within P seconds (20). --trace prints the digest of all schedules run: equal for equal arguments, in any process.\n"
    "The first violation is printed with the command that replays it, and ends the run with status 1; bad arguments: 2.\n";

struct settings {
  std::uint64_t schedules = 100'000;
  std::uint64_t seed = 1;
  std::uint64_t jobs = 1;
  std::uint64_t patience = 20;
  std::string_view only;
  bool has_trace = false;
};

struct summary {
  std::uint64_t schedules = 0;
  std::uint64_t steps = 0;
  std::uint64_t trace = 0;
};

struct bad_arguments {
  std::string why;
};

std::uint64_t number(std::string_view option, char const* text, std::uint64_t least) {
  std::uint64_t value = 0;
  auto const* const end = text + std::strlen(text);
  auto const [stop, error] = std::from_chars(text, end, value);
  if (error != std::errc() || stop != end || value < least) throw bad_arguments{std::string(option) + " needs a number from " + std::to_string(least) + " on"};
  return value;
}

void list_scenarios() {
  for (auto const& one : scenarios()) std::printf("%s\n", std::string(one.name).c_str());
}

settings parse(int count, char** words) {
  settings chosen;
  for (int i = 1; i < count; ++i) {
    std::string_view const option = words[i];
    if (option == "--help") {
      std::fputs(usage, stdout);
      std::exit(0);
    }
    if (option == "--list") {
      list_scenarios();
      std::exit(0);
    }
    if (option == "--trace") {
      chosen.has_trace = true;
      continue;
    }
    if (i + 1 == count) throw bad_arguments{std::string(option) + " is no option, or lacks its value"};
    char const* const value = words[++i];
    if (option == "--schedules") {
      chosen.schedules = number(option, value, 1);
    } else if (option == "--seed") {
      chosen.seed = number(option, value, 0);
    } else if (option == "--jobs") {
      chosen.jobs = number(option, value, 1);
    } else if (option == "--patience") {
      chosen.patience = number(option, value, 1);
    } else if (option == "--scenario") {
      chosen.only = value;
    } else {
      throw bad_arguments{std::string(option) + " is no option"};
    }
  }
  return chosen;
}

std::vector<scenario> choose(std::string_view only) {
  std::vector<scenario> chosen;
  for (auto const& one : scenarios())
    if (only.empty() || one.name == only) chosen.push_back(one);
  if (chosen.empty()) throw bad_arguments{"there is no scenario '" + std::string(only) + "' (see --list)"};
  return chosen;
}

schedule_result run_one(scenario const& chosen, std::uint64_t seed) {
  try {
    return chosen.run(seed);
  } catch (std::exception const& thrown) {
    return {std::string("an exception left a handler: ") + thrown.what(), 0, 0};
  }
}

std::string describe(std::uint64_t index, std::string_view name, std::uint64_t seed) {
  auto const scenario = std::string(name);
  auto const number = std::to_string(seed);
  return "schedule " + std::to_string(index + 1) + "\n  scenario: " + scenario + "\n  seed:     " + number +
         "\n  replay:   test/simulate --schedules 1 --scenario " + scenario + " --seed " + number + "\n";
}

// Runs every schedule whose number is `first` modulo `stride`. Empty at the first violation.
std::optional<summary> run_share(settings const& chosen, std::vector<scenario> const& list, std::uint64_t first, std::uint64_t stride) {
  summary total;
  watch::start(static_cast<unsigned>(chosen.patience));
  for (std::uint64_t i = first; i < chosen.schedules; i += stride) {
    auto const& one = list[i % list.size()];
    auto const seed = chosen.seed + i / list.size();
    auto const where = describe(i, one.name, seed);
    watch::enter(where.c_str());
    auto const ended = run_one(one, seed);
    if (!ended.violation.empty()) {
      std::fprintf(stderr, "simulate: VIOLATION in %s  violated: %s\n", where.c_str(), ended.violation.c_str());
      return std::nullopt;
    }
    ++total.schedules;
    total.steps += ended.steps;
    // A sum, so that the digest does not depend on how the schedules were spread over processes.
    total.trace += (ended.trace ^ i) * 0x9e3779b97f4a7c15ULL;
  }
  return total;
}

// The same in `jobs` processes: a crash of one is told apart from a crash of all, and nothing is shared that could change a schedule.
std::optional<summary> run_in_processes(settings const& chosen, std::vector<scenario> const& list) {
  struct child {
    pid_t process;
    int report;
  };
  std::vector<child> children;
  for (std::uint64_t k = 0; k < chosen.jobs; ++k) {
    int ends[2];
    if (::pipe(ends) != 0) throw bad_arguments{"no pipe for another process"};
    auto const process = ::fork();
    if (process == 0) {
      ::close(ends[0]);
      auto const mine = run_share(chosen, list, k, chosen.jobs);
      bool const is_told = mine && ::write(ends[1], &*mine, sizeof *mine) == static_cast<ssize_t>(sizeof *mine);
      std::exit(is_told ? 0 : 1);
    }
    ::close(ends[1]);
    if (process < 0) throw bad_arguments{"cannot start another process"};
    children.push_back({process, ends[0]});
  }
  summary total;
  bool is_clean = true;
  for (auto const& one : children) {
    summary share;
    bool const is_told = ::read(one.report, &share, sizeof share) == static_cast<ssize_t>(sizeof share);
    ::close(one.report);
    int status = 0;
    ::waitpid(one.process, &status, 0);
    is_clean = is_clean && is_told && status == 0;
    total.schedules += share.schedules;
    total.steps += share.steps;
    total.trace += share.trace;
  }
  return is_clean ? std::optional(total) : std::nullopt;
}

}  // namespace

int main(int count, char** words) {
  try {
    auto const chosen = parse(count, words);
    auto const list = choose(chosen.only);
    auto const begun = std::chrono::steady_clock::now();
    auto const total = chosen.jobs == 1 ? run_share(chosen, list, 0, 1) : run_in_processes(chosen, list);
    if (!total) return 1;
    if (chosen.has_trace) std::printf("trace %016llx\n", static_cast<unsigned long long>(total->trace));
    auto const seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    std::fprintf(stderr, "simulate: %llu schedules of %zu scenarios, %llu steps, %.1f s, seeds from %llu: no violation\n",
                 static_cast<unsigned long long>(total->schedules), list.size(), static_cast<unsigned long long>(total->steps), seconds,
                 static_cast<unsigned long long>(chosen.seed));
    return 0;
  } catch (bad_arguments const& refused) {
    std::fprintf(stderr, "simulate: %s\n%s", refused.why.c_str(), usage);
    return 2;
  }
}
