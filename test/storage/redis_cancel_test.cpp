#include "storage/contract_world.hpp"
#include "storage/redis_server.hpp"

#include <mooring/storage/redis_storage.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <utility>

using namespace mooring;
using namespace mooring::test;
using namespace std::chrono_literals;

namespace {

boost::test_tools::assertion_result has_redis(boost::unit_test::test_unit_id) { return redis_server::is_available(); }

document doc(std::string text) {
  document made;
  made["k"] = std::move(text);
  return made;
}

/** Callers of one storage who leave early: whatever they ask, they know the one right answer to it. */
class leavers {
 public:
  leavers(asio::io_context& context, std::shared_ptr<storage<document>> store, std::uint64_t calls) : context_(context), store_(std::move(store)), most_(calls) {}

  static constexpr unsigned ids = 50;

  std::uint64_t begun = 0, ended = 0, answered = 0, cancelled = 0, late = 0, ambiguous = 0, lost = 0, wrong = 0;
  std::string first_wrong;

  void begin_all() {
    for (std::size_t i = 0; i < places_.size(); ++i) begin(i);
  }

  /** One of those who wait leaves, if anybody waits there. (A coroutine that is spawned hears no other type of cancellation.) */
  void cancel_one() { places_[random_() % places_.size()].emit(asio::cancellation_type::terminal); }

  std::uint64_t draw() { return random_(); }

 private:
  void begin(std::size_t place) {
    if (begun == most_) return;
    ++begun;
    auto const id = std::to_string(random_() % ids);
    call_options call;
    if (random_() % 3 == 0) call.deadline = std::chrono::microseconds(1 + random_() % 1000);
    switch (random_() % 5) {
      case 0: return spawn(place, store_->peek("nobody", call), [](auto const& found) { return !*found; });
      case 1: return spawn(place, store_->erase("nobody", call), [](auto const& erased) { return !*erased; });
      case 2: return spawn(place, store_->touch(id, call), [](auto const& touched) { return *touched; });
      case 3: return spawn(place, store_->store(id, doc(id), call), [](auto const& stored) { return stored.is_written(); });
      default: return spawn(place, store_->load(id, call), [id](auto const& found) { return *found && (*found)->value == doc(id); });
    }
  }

  template <class X, class IsRight>
  void spawn(std::size_t place, awaitable<X> work, IsRight is_right) {
    auto end = [this, place, is_right](std::exception_ptr failure, X outcome) {
      ++ended;
      bool is_away = false;
      if (failure) ++cancelled;  // before its first step
      else if (!outcome.has_error() && is_right(outcome)) ++answered;
      else if (!outcome.has_error()) note_wrong("an answer to something else");
      else is_away = note(outcome.error());
      if (!is_away) return begin(place);
      asio::co_spawn(context_, sleep_for(50ms), [this, place](std::exception_ptr, result<>) { begin(place); });
    };
    asio::co_spawn(context_, std::move(work), asio::bind_cancellation_slot(places_[place].slot(), std::move(end)));
  }

  // Whether the connection is away.
  bool note(error_code error) {
    if (error == errc::cancelled) ++cancelled;
    else if (error == errc::deadline_exceeded) ++late;
    else if (error == errc::ambiguous) ++ambiguous;
    else if (error == errc::unavailable) ++lost;
    else note_wrong(error.message());
    return error == errc::unavailable;
  }

  void note_wrong(std::string what) {
    if (wrong++ == 0) first_wrong = std::move(what);
  }

  asio::io_context& context_;
  std::shared_ptr<storage<document>> const store_;
  std::uint64_t const most_;
  std::mt19937_64 random_{1};
  std::array<asio::cancellation_signal, 200> places_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(redis_cancel_, *boost::unit_test::precondition(has_redis))

// RA47, RE22: cancellations and deadlines at any moment, and lost connections; how many calls: MOORING_CANCELS
BOOST_AUTO_TEST_CASE(whoever_leaves_early_shifts_no_replies) {
  auto const* const wanted = std::getenv("MOORING_CANCELS");
  std::uint64_t const calls = wanted ? std::strtoull(wanted, nullptr, 10) : 30'000;
  redis_server server;
  asio::io_context context;
  redis_storage_options options;
  options.unix_socket = server.socket();
  options.key_prefix = "t:";
  auto const store = redis_storage<document>::make(context.get_executor(), options).value();
  unsigned stored = 0;
  for (unsigned i = 0; i < leavers::ids; ++i) {
    auto const id = std::to_string(i);
    asio::co_spawn(context, store->create(id, doc(id)), [&stored](std::exception_ptr, write_outcome made) { stored += made.is_written(); });
  }
  leavers crowd(context, store, calls);
  auto const patience = std::chrono::steady_clock::now() + 60s + std::chrono::milliseconds(calls);
  while (stored < leavers::ids && std::chrono::steady_clock::now() < patience) context.run_one_for(100ms);
  BOOST_REQUIRE(stored == leavers::ids);

  auto const begun = std::chrono::steady_clock::now();
  auto const between_losses = std::min<std::uint64_t>(calls / 4, 100'000);
  auto next_loss = between_losses;
  crowd.begin_all();
  while (crowd.ended < calls && std::chrono::steady_clock::now() < patience) {
    context.run_one_for(100ms);
    if (crowd.draw() % 2 == 0) crowd.cancel_one();
    if (crowd.ended < next_loss) continue;
    next_loss += between_losses;
    server.command({"CLIENT", "KILL", "TYPE", "normal"});
  }
  std::chrono::duration<double> const took = std::chrono::steady_clock::now() - begun;
  BOOST_TEST(crowd.ended == calls);
  BOOST_TEST(crowd.wrong == 0U, crowd.first_wrong);
  for (auto const some : {crowd.answered, crowd.cancelled, crowd.late, crowd.ambiguous}) BOOST_TEST(some > calls / 50);
  BOOST_TEST(crowd.lost > 0U);
  if (wanted)
    std::cout << calls << " calls in " << took.count() << " s: " << crowd.answered << " answered, " << crowd.cancelled << " cancelled, " << crowd.late << " at their deadline, "
              << crowd.ambiguous << " ambiguous, " << crowd.lost << " without a connection, " << crowd.wrong << " wrong\n";
  asio::co_spawn(context, store->close(), [](std::exception_ptr) {});
  context.restart();
  context.run_for(10s);
  BOOST_TEST(context.stopped());
}

BOOST_AUTO_TEST_SUITE_END()
