#include <mooring/core/clock.hpp>
#include <mooring/core/task_scope.hpp>

#include "simulation/simulation.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/test/unit_test.hpp>
#include <boost/asio/detached.hpp>

using namespace mooring;
using namespace std::chrono_literals;

awaitable<void> nap(duration span, int& woken) {
  auto r = co_await sleep_for(span);
  if (r) ++woken; else woken += 100;
}
awaitable<void> closer(task_scope& s, bool& done) { co_await s.close(); done = true; }

BOOST_AUTO_TEST_CASE(a) {
  asio::io_context io;
  int woken = 0;
  { auto scope = std::make_unique<task_scope>(io.get_executor());
  scope->spawn(nap(5ms, woken));
  scope->spawn(nap(1ms, woken));
  scope->spawn(nap(1h, woken));
  io.run_for(50ms);
  BOOST_TEST(woken == 2);
  bool done = false;
  asio::co_spawn(io, closer(*scope, done), asio::detached);
  io.restart(); io.run();
  BOOST_TEST(woken == 102);
  BOOST_TEST(done);
  }
}
BOOST_AUTO_TEST_CASE(b) {
  for (int seed = 0; seed < 1000; ++seed) for (int cut = 0; cut < 40; ++cut) {
  test::simulation sim(seed);
  int woken = 0;
  task_scope scope(sim.get_executor());
  scope.spawn(nap(5ms, woken));
  scope.spawn(nap(1h, woken));
  bool done = false;
  asio::co_spawn(sim, closer(scope, done), asio::detached);
  for (int i = 0; i < cut; ++i) sim.step();
  if (cut==39) { BOOST_TEST(done); BOOST_TEST(scope.size()==0); }
  }
}
