#include "examples/http_fixture.hpp"

#include "http/look_up.hpp"

#include <functional>
#include <mutex>

using namespace http_test;

namespace {

using http::look_up;

// A resolver that answers when the test says so.
struct slow_system {
  void answer(look_up::addresses const& found) {
    std::vector<std::function<void(look_up::addresses)>> asked;
    {
      std::lock_guard lock(mutex);
      asked.swap(waiting);
    }
    for (auto const& then : asked) then(found);
  }

  std::size_t asked() {
    std::lock_guard lock(mutex);
    return questions;
  }

  look_up::system get() {
    return [this](http::endpoint const&, std::function<void(look_up::addresses)> then) {
      std::lock_guard lock(mutex);
      ++questions;
      waiting.push_back(std::move(then));
    };
  }

  std::mutex mutex;
  std::size_t questions = 0;
  std::vector<std::function<void(look_up::addresses)>> waiting;
};

time_point within(world& w, duration span) { return saturating_add(clock_of(w.get_executor()).now(), span); }

}  // namespace

BOOST_AUTO_TEST_SUITE(look_up_of_a_name)

BOOST_AUTO_TEST_CASE(is_one_for_all_who_want_it_and_the_next_asks_anew) {
  slow_system system;
  world w;
  look_up names({"server.example", 80}, system.get());
  asio::ip::tcp::endpoint const place(asio::ip::make_address("192.0.2.1"), 80);
  std::vector<std::future<result<look_up::addresses>>> calls;
  for (int i = 0; i < 50; ++i) calls.push_back(w.start(names.find(within(w, 20s))));
  auto const late = w.run(names.find(within(w, 20ms)));  // after it, all have asked
  BOOST_TEST((late.error() == errc::deadline_exceeded));
  BOOST_TEST(becomes_true([&] { return system.asked() == 1; }));
  system.answer({place});
  for (auto& call : calls) {
    auto const found = call.get();
    BOOST_REQUIRE(found.has_value());
    BOOST_TEST((*found == look_up::addresses{place}));
  }
  auto again = w.start(names.find(within(w, 20s)));
  BOOST_TEST(becomes_true([&] { return system.asked() == 2; }));
  system.answer({});
  BOOST_TEST((again.get().error() == errc::unavailable));
}

BOOST_AUTO_TEST_CASE(is_none_for_an_address) {
  slow_system system;
  world w;
  look_up names({"::1", 80}, system.get());
  auto const found = w.run(names.find(within(w, 20s)));
  BOOST_REQUIRE(found.has_value());
  BOOST_TEST((found->front().address() == asio::ip::make_address("::1")));
  BOOST_TEST(system.asked() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
