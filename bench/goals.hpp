#pragma once

#include "contest.hpp"

#include <string>
#include <vector>

namespace mooring::bench {

/** One goal: a figure of this run, and the limit that it keeps or misses. */
struct goal {
  enum class direction { at_most, at_least };
  std::string text;
  double limit;
  direction side;
  double reached;
  bool was_run;

  bool is_met() const noexcept { return was_run && (side == direction::at_most ? reached <= limit : reached >= limit); }
};

/** Every goal, judged by what was run. */
std::vector<goal> judge(results const& all);

}  // namespace mooring::bench
