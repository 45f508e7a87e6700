#include <mooring/cache/validating_cache.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>

// Counts every allocation of this program.

namespace {

std::atomic<std::size_t> allocations{0};

}  // namespace

void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* const made = std::malloc(size == 0 ? 1 : size)) return made;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, std::nothrow_t const&) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size == 0 ? 1 : size);
}
void operator delete(void* gone) noexcept { std::free(gone); }
void operator delete(void* gone, std::size_t) noexcept { std::free(gone); }

namespace mooring::test {
namespace {

using number_cache = validating_cache<std::string, std::shared_ptr<int>>;

// Counts what is asked of the clock.
class watched_clock final : public clock_service {
 public:
  using clock_service::clock_service;
  alarm schedule(time_point when, executor on, asio::any_completion_handler<void()> handler) override {
    ++alarms;
    return clock_service::schedule(when, std::move(on), std::move(handler));
  }
  int alarms = 0;
};

struct figures {
  std::size_t allocated = 0;
  std::size_t handlers = 0;
  int alarms = 0;
  int hits = 0;
};

enum class check_kind { at_once, awaitable };
enum class get_kind { get, get_with_deadline, try_get, get_by_value };

awaitable<result<verdict>> ready() { co_return verdict::alive; }

awaitable<void> hit(number_cache* cache, get_kind kind, std::string key, int times, int* hits) {
  call_options with;
  if (kind == get_kind::get_with_deadline) with.deadline = std::chrono::hours(1);
  for (int i = 0; i < times; ++i) {
    if (kind == get_kind::try_get) {
      auto const got = cache->try_get(key);
      *hits += got ? 1 : 0;
    } else if (kind == get_kind::get_by_value) {
      auto const got = co_await cache->get("short", with);
      *hits += got && *got ? 1 : 0;
    } else {
      auto const got = co_await cache->get_borrowed(key, with);
      *hits += got && *got ? 1 : 0;
    }
  }
}

figures measure(check_kind check, get_kind kind) {
  asio::io_context context;
  auto& clock = asio::make_service<watched_clock>(context);
  cache_callbacks<std::string, std::shared_ptr<int>> callbacks;
  callbacks.load = [](std::string) -> load_answer<std::shared_ptr<int>> { return std::nullopt; };
  callbacks.check = [check](std::string const&, std::shared_ptr<int> const&) -> check_answer {
    if (check == check_kind::awaitable) return ready();
    return verdict::alive;
  };
  auto const made = number_cache::make(context.get_executor(), callbacks);
  auto& cache = **made;
  std::string const key = "7f9c24e5-2a0b-4c1e-9d3a-5b6c7d8e9f00";
  BOOST_TEST(cache.set(key, std::make_shared<int>(1)).has_value());
  BOOST_TEST(cache.set("short", std::make_shared<int>(2)).has_value());
  figures seen;
  auto one = [&](figures* into) -> awaitable<void> {
    int ignored = 0;
    co_await hit(&cache, kind, key, 4, &ignored);  // until the pools are warm
    std::string copy = key;
    auto const before = allocations.load();
    co_await hit(&cache, kind, std::move(copy), 100, &into->hits);
    into->allocated = allocations.load() - before;
  };
  asio::co_spawn(context, one(&seen), [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  });
  seen.handlers = context.run();
  seen.alarms = clock.alarms;
  return seen;
}

}  // namespace

// CA16
BOOST_AUTO_TEST_CASE(a_ready_hit_allocates_posts_spawns_and_arms_nothing) {
  auto const kinds = {get_kind::get, get_kind::get_with_deadline, get_kind::try_get, get_kind::get_by_value};
  for (auto const kind : kinds) {
    auto const seen = measure(check_kind::at_once, kind);
    BOOST_TEST_CONTEXT("kind " << static_cast<int>(kind)) {
      BOOST_TEST(seen.hits == 100);
      BOOST_TEST(seen.allocated == 0U);
      BOOST_TEST(seen.alarms == 0);
      BOOST_TEST(seen.handlers == 1U);  // the coroutine that asked, in one go
    }
  }
}

// CA16: a ready awaitable costs its own frame only, which asio recycles
BOOST_AUTO_TEST_CASE(a_ready_awaitable_check_allocates_nothing_either) {
  auto const seen = measure(check_kind::awaitable, get_kind::get);
  BOOST_TEST(seen.hits == 100);
  BOOST_TEST(seen.alarms == 0);
  BOOST_TEST(seen.handlers == 1U);
  BOOST_TEST(seen.allocated == 0U);
}

}  // namespace mooring::test
