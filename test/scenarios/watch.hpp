#pragma once

namespace mooring::test {

/** @brief What the process says of the schedule it is in when it dies: a crash, a sanitizer's finding, or a schedule that does not end.
 *
 *  One per process: signal handlers know no other way to reach it.
 */
class watch {
 public:
  /** @brief Catches fatal signals and gives every schedule at most `seconds` of real time. */
  static void start(unsigned seconds);

  /** @brief Names the schedule that begins, in whole lines. The text stays alive until the next call. */
  static void enter(char const* schedule) noexcept;
};

}  // namespace mooring::test
