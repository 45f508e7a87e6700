#include <mooring/storage/local_storage.hpp>
#include <mooring/storage/text_map.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <optional>

// Sanitizers put their own function in this place.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#if !defined(__has_feature)
#define MOORING_OWNS_THE_WALL_CLOCK 1
#elif !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
#define MOORING_OWNS_THE_WALL_CLOCK 1
#endif
#endif

#if defined(MOORING_OWNS_THE_WALL_CLOCK)

namespace {

std::atomic<long> wall_clock_step = 0;  // seconds

}  // namespace

// The program's own definition comes before the C library's: what reads the wall clock in this process reads it shifted.
extern "C" int clock_gettime(clockid_t which, timespec* out) noexcept {
  auto const failed = ::syscall(SYS_clock_gettime, which, out);
  if (failed == 0 && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) out->tv_sec += wall_clock_step;
  return static_cast<int>(failed);
}

using namespace mooring;

// LO05
BOOST_AUTO_TEST_CASE(a_step_of_the_wall_clock_expires_nothing_and_extends_nothing) {
  asio::io_context context;
  local_storage_options options;
  options.ttl = std::chrono::milliseconds(300);
  options.is_sweeping = false;
  auto const store = local_storage<text_map>::make(context.get_executor(), options).value();
  auto const is_there = [&] {
    std::optional<bool> answer;
    asio::co_spawn(context, store->peek("a"), [&answer](std::exception_ptr, result<std::optional<stored<text_map>>> found) { answer = found->has_value(); });
    while (!answer) context.run_one();
    context.restart();
    return *answer;
  };
  auto const create = [&] {
    std::optional<bool> made;
    asio::co_spawn(context, store->create("a", text_map()), [&made](std::exception_ptr, write_outcome outcome) { made = outcome.is_written(); });
    while (!made) context.run_one();
    context.restart();
    return *made;
  };
  auto const wait = [&](std::chrono::milliseconds span) {
    auto const until = std::chrono::steady_clock::now() + span;
    while (std::chrono::steady_clock::now() < until) {}
  };
  for (long const step : {86'400L, -86'400L}) {
    auto const before = std::chrono::system_clock::now();
    BOOST_TEST(create());
    wall_clock_step = step;
    BOOST_TEST((std::chrono::abs(std::chrono::system_clock::now() - before) > std::chrono::hours(23)));
    BOOST_TEST(is_there());
    wait(std::chrono::milliseconds(310));
    BOOST_TEST(!is_there());
    wall_clock_step = 0;
  }
}

#endif
