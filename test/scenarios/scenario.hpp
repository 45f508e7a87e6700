#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace mooring::test {

/** What one schedule came to. */
struct schedule_result {
  std::string violation;    ///< Empty when every promise held; else what was broken.
  std::uint64_t trace = 0;  ///< The digest of the schedule: equal seeds give equal digests, in every process (RA53).
  std::uint64_t steps = 0;
};

/** One family of schedules: a small world, built and run to its end from a seed alone. */
struct scenario {
  std::string_view name;
  schedule_result (*run)(std::uint64_t seed);
};

/** All of them, in the order in which `simulate` takes turns. */
std::span<scenario const> scenarios();

/** Keeps the first violation that a schedule meets; the later ones usually follow from it. */
class verdicts {
 public:
  void expect(bool holds, std::string_view broken) {
    if (!holds && first_.empty()) first_ = broken;
  }
  void fail(std::string broken) {
    if (first_.empty()) first_ = std::move(broken);
  }
  bool is_clean() const noexcept { return first_.empty(); }
  std::string const& first() const noexcept { return first_; }

 private:
  std::string first_;
};

}  // namespace mooring::test
