#pragma once

#include "tasks.hpp"

#include <stdexcept>

namespace mooring::bench {

/** How many queries are drawn beforehand, to be repeated in order: a power of two, so that the next one is a mask away. */
inline constexpr std::size_t query_count = 1 << 16;

/** Operations between two looks at the clock. */
inline constexpr std::size_t usual_batch = 256;

/** Whether an answer is one that the workload expects: neither an error nor absent. */
template <class Answer>
bool is_right(Answer const& got) {
  if constexpr (requires { got.is_written(); }) return got.is_written();
  else if constexpr (requires { *got ? 1 : 0; }) return got && *got;
  else return static_cast<bool>(got);
}

/** One task of a workload: awaits `step(n)`, an operation's own awaitable, for n = start + 1, start + 2, ... until the time is over. */
template <class Step>
awaitable<void> await_in_a_loop(workbench& bench, std::size_t start, Step step, std::size_t batch = usual_batch) {
  sampler timed;
  std::uint64_t done = 0;
  std::size_t next = start;
  while (!bench.is_over()) {
    for (std::size_t i = 0; i < batch; ++i) {
      bool const is_sampled = timed.is_due();
      if (is_sampled) timed.begin();
      auto got = co_await step(++next);
      if (is_sampled) timed.end();
      if (!is_right(got)) throw std::runtime_error("an operation of a workload failed");
    }
    done += batch;
  }
  bench.report(done, timed.spread());
}

/** As above, for what needs no coroutine. */
template <class Step>
void call_in_a_loop(workbench& bench, std::size_t start, Step const& step) {
  sampler timed;
  std::uint64_t done = 0;
  std::size_t next = start;
  while (!bench.is_over()) {
    for (std::size_t i = 0; i < usual_batch; ++i) {
      bool const is_sampled = timed.is_due();
      if (is_sampled) timed.begin();
      auto const got = step(++next);
      if (is_sampled) timed.end();
      if (!is_right(got)) throw std::runtime_error("an operation of a workload failed");
    }
    done += usual_batch;
  }
  bench.report(done, timed.spread());
}

}  // namespace mooring::bench
