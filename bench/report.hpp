#pragma once

#include "goals.hpp"

#include <string>

namespace mooring::bench {

/** The table: one line for each contestant, with the median, lowest and highest run, the latencies, allocations, processor time and the ratio to the floor. */
void print_table(results const& all);

/** One line for each goal. False when one was missed. Goals whose workload did not run are named and do not count. */
bool print_goals(std::vector<goal> const& goals);

/** Everything as JSON, the single runs included, with compiler, date-free and path-free. */
std::string to_json(results const& all, std::vector<goal> const& goals, bench_options const& options);

/** Bars of each contestant's time as a multiple of its contest's floor, as an SVG picture. */
std::string to_svg(results const& all);

}  // namespace mooring::bench
