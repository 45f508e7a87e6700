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
// Asio takes the memory of coroutines here, where it has none to recycle.
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* made = nullptr;
  return ::posix_memalign(&made, alignment < sizeof(void*) ? sizeof(void*) : alignment, size) == 0 ? made : nullptr;
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

// A few that do not count come first: what is recycled has to be there.
awaitable<void> hit(number_cache* cache, get_kind kind, std::string key, int times, figures* into) {
  call_options with;
  if (kind == get_kind::get_with_deadline) with.deadline = std::chrono::hours(1);
  int all = 0;
  constexpr int warm = 4;
  std::size_t before = 0;
  for (int i = 0; i < warm + times; ++i) {
    if (i == warm) {
      before = allocations.load();
      all = 0;
    }
    if (kind == get_kind::try_get) {
      auto const got = cache->try_get(key);
      all += got ? 1 : 0;
    } else if (kind == get_kind::get_by_value) {
      auto const got = co_await cache->get("short", with);
      all += got && *got ? 1 : 0;
    } else {
      auto const got = co_await cache->get_borrowed(key, with);
      all += got && *got ? 1 : 0;
    }
  }
  into->allocated = allocations.load() - before;
  into->hits = all;
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
  asio::co_spawn(context, hit(&cache, kind, key, 100, &seen), [](std::exception_ptr failure) {
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
