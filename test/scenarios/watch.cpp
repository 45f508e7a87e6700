#include "scenarios/watch.hpp"

#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstring>

#include <sys/time.h>
#include <unistd.h>

// Of the sanitizers' run-time library, where one is linked in.
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace mooring::test {
namespace {

// Written by the one thread, read by its own signal handlers.
std::atomic<char const*> current{"before the first schedule\n"};
std::atomic<std::uint64_t> entered{0};
std::uint64_t entered_at_last_tick = 0;

void say(char const* text) {
  // Nothing can be done in a dying process if its standard error is gone.
  static_cast<void>(!::write(STDERR_FILENO, text, std::strlen(text)));
}

void say_where(char const* what) {
  say("simulate: VIOLATION in ");
  say(current.load());
  say("  violated: ");
  say(what);
  say("\n");
}

void on_death() { say_where("a sanitizer stopped the schedule (its report is above)"); }

void on_fatal(int number) {
  say_where(number == SIGABRT ? "the schedule aborted" : "the schedule crashed");
  ::_exit(1);
}

void on_tick(int) {
  auto const now = entered.load();
  if (now == entered_at_last_tick) {
    say_where("the schedule does not end");
    ::_exit(1);
  }
  entered_at_last_tick = now;
}

}  // namespace

void watch::start(unsigned seconds) {
  if (__sanitizer_set_death_callback) {
    __sanitizer_set_death_callback(on_death);
  } else {
    for (int const number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) std::signal(number, on_fatal);
  }
  std::signal(SIGALRM, on_tick);
  itimerval span{};
  span.it_interval.tv_sec = span.it_value.tv_sec = static_cast<time_t>(seconds);
  ::setitimer(ITIMER_REAL, &span, nullptr);
}

void watch::enter(char const* schedule) noexcept {
  current = schedule;
  ++entered;
}

}  // namespace mooring::test
