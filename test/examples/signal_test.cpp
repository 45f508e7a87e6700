#include "examples/http_fixture.hpp"
#include "http/signal.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <optional>

using namespace http_test;

namespace {

awaitable<error_code> outcome_of(std::shared_ptr<http::signal> flag, std::optional<duration> patience = std::nullopt) {
  auto const ex = co_await asio::this_coro::executor;
  std::optional<time_point> until;
  if (patience) until = clock_of(ex).now() + *patience;
  auto const waited = co_await flag->wait(until);
  co_return waited ? error_code() : waited.error();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(signals)

BOOST_AUTO_TEST_CASE(a_raised_flag_lets_everybody_pass_until_it_is_lowered) {
  world w;
  auto const flag = std::make_shared<http::signal>();
  std::vector<std::future<error_code>> waiting;
  for (int i = 0; i < 10; ++i) waiting.push_back(w.start(outcome_of(flag)));
  flag->raise();
  for (auto& each : waiting) BOOST_TEST(!each.get().failed());
  BOOST_TEST(flag->is_raised());
  BOOST_TEST(!w.run(outcome_of(flag)).failed());
  flag->lower();
  BOOST_TEST((w.run(outcome_of(flag, 20ms)) == errc::deadline_exceeded));
  flag->raise();
  BOOST_TEST(!w.run(outcome_of(flag, duration(0))).failed());
}

BOOST_AUTO_TEST_CASE(a_cancelled_waiter_leaves_and_the_others_stay) {
  world w;
  auto const flag = std::make_shared<http::signal>();
  auto other = w.start(outcome_of(flag));
  asio::cancellation_signal leave;
  std::promise<error_code> seen;
  auto const strand = asio::make_strand(w.get_executor());
  auto done = [&](std::exception_ptr, error_code outcome) { seen.set_value(outcome); };
  asio::co_spawn(strand, outcome_of(flag), asio::bind_cancellation_slot(leave.slot(), done));
  asio::post(strand, [&] { leave.emit(asio::cancellation_type::terminal); });
  BOOST_TEST((seen.get_future().get() == errc::cancelled));
  BOOST_TEST((other.wait_for(20ms) == std::future_status::timeout));
  flag->raise();
  BOOST_TEST(!other.get().failed());
}

BOOST_AUTO_TEST_CASE(a_signal_that_dies_cancels_its_waiters) {
  world w;
  auto flag = std::make_unique<http::signal>();
  auto work = [held = flag.get()]() -> awaitable<error_code> {
    auto const waited = co_await held->wait();
    co_return waited ? error_code() : waited.error();
  };
  auto waiting = w.start(work());  // `work` lives to the end of the test
  BOOST_TEST((waiting.wait_for(50ms) == std::future_status::timeout));
  flag.reset();
  BOOST_TEST((waiting.get() == errc::cancelled));
}

BOOST_AUTO_TEST_CASE(no_wake_up_is_lost_between_threads) {
  world w(4);
  for (int round = 0; round < 300; ++round) {
    auto const flag = std::make_shared<http::signal>();
    std::vector<std::future<error_code>> waiting;
    for (int i = 0; i < 4; ++i) waiting.push_back(w.start(outcome_of(flag, i % 2 == 0 ? std::nullopt : std::optional<duration>(10s))));
    asio::post(w.get_executor(), [flag] { flag->raise(); });
    for (auto& each : waiting) {
      BOOST_REQUIRE((each.wait_for(10s) == std::future_status::ready));
      BOOST_TEST(!each.get().failed());
    }
  }
}

BOOST_AUTO_TEST_CASE(a_context_that_dies_takes_its_waiters_with_it) {
  auto const flag = std::make_shared<http::signal>();
  {
    asio::io_context context;
    // The waiter's frame holds the flag, and the flag knows the waiter: only the context may own it.
    for (int i = 0; i < 3; ++i) asio::co_spawn(context, outcome_of(flag, i == 0 ? std::nullopt : std::optional<duration>(1h)), [](std::exception_ptr, error_code) { BOOST_ERROR("resumed"); });
    context.run_for(20ms);
  }
  BOOST_TEST(flag.use_count() == 1);
  flag->raise();
}

BOOST_AUTO_TEST_SUITE_END()
