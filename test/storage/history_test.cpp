#include "storage/redis_server.hpp"
#include "storage/simulated_world.hpp"
#include "storage/storage_clients.hpp"

#include <mooring/storage/local_storage.hpp>
#include <mooring/storage/redis_storage.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace mooring;
using namespace mooring::test;

namespace {

using call = storage_model::call;
using verb = storage_model::verb;
using seen = storage_model::seen;

// Four clients of one id behind a link each; true when an order explains what they saw.
std::string simulate(std::uint64_t seed, unsigned faults_permille, std::size_t& lost) {
  simulation sim(seed);
  local_storage_options options;
  auto const store = std::make_shared<simulated_store<document>>(options);
  auto const history = std::make_shared<storage_history>();
  link_options link;
  link.faults_permille = faults_permille;
  for (unsigned client = 0; client < 4; ++client) {
    std::shared_ptr<storage<document>> way = std::make_shared<faulty_storage<document>>(sim, sim.get_executor(), store, link);
    asio::co_spawn(sim.get_executor(), storage_client<document>(way, history, "a", static_cast<std::uint32_t>(sim.random(1U << 31)), 6), [](std::exception_ptr failure) {
      BOOST_TEST(!failure);
    });
  }
  BOOST_TEST(sim.run());
  auto const entries = history->take();
  for (auto const& entry : entries) lost += !entry.is_certain();
  return unexplained<storage_model>(entries);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(storage_history_)

BOOST_AUTO_TEST_CASE(a_lost_update_and_a_life_after_erase_are_not_explained) {
  using entry = storage_history::entry;
  entry const made{1, 2, call{verb::create, seen::done, "", "r1", 0}};
  std::vector<entry> const lost_update{made, {3, 6, call{verb::update_if, seen::done, "r1", "r2", 0}}, {4, 5, call{verb::update_if, seen::done, "r1", "r3", 0}}};
  BOOST_TEST(!unexplained<storage_model>(lost_update).empty());
  std::vector<entry> const after_erase{made, {3, 4, call{verb::erase, seen::done, "", "", 0}}, {5, 6, call{verb::update_if, seen::done, "r1", "r2", 0}}};
  BOOST_TEST(!unexplained<storage_model>(after_erase).empty());
  std::vector<entry> const undone_hint{made, {3, 4, call{verb::hint, seen::done, "", "", 7}}, {5, 6, call{verb::read, seen::done, "", "r1", 0}}};
  BOOST_TEST(!unexplained<storage_model>(undone_hint).empty());
  std::vector<entry> const good{made, {3, 6, call{verb::update_if, seen::done, "r1", "r2", 0}}, {4, 5, call{verb::update_if, seen::conflict, "r1", "r3", 0}}};
  BOOST_TEST(unexplained<storage_model>(good).empty());
}

// ST04, ST11, ST29
BOOST_AUTO_TEST_CASE(simulated_histories_of_one_id_have_an_order) {
  std::size_t lost = 0;
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    BOOST_TEST_INFO_SCOPE("seed " << seed);
    BOOST_REQUIRE_EQUAL(simulate(seed, 0, lost), "");
  }
  BOOST_TEST(lost == 0U);
}

// ST24, ST27, ST28, ST29, RA29, RA41: an ambiguous write counts either way, and not twice
BOOST_AUTO_TEST_CASE(histories_with_faults_have_an_order) {
  std::size_t lost = 0;
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    BOOST_TEST_INFO_SCOPE("seed " << seed);
    BOOST_REQUIRE_EQUAL(simulate(seed, 300, lost), "");
  }
  BOOST_TEST(lost > 1000U);
}

// ST29
BOOST_AUTO_TEST_CASE(histories_on_a_pool_have_an_order) {
  asio::io_context context;
  std::shared_ptr<storage<document>> const store = local_storage<document>::make(context.get_executor()).value();
  run_clients_on_threads(context, store, 300, executors::plain);
}

// ST29
BOOST_AUTO_TEST_CASE(histories_on_a_pool_with_strands_have_an_order) {
  asio::io_context context;
  std::shared_ptr<storage<document>> const store = local_storage<document>::make(context.get_executor()).value();
  run_clients_on_threads(context, store, 300, executors::strands);
}

// ST29, RE18
BOOST_AUTO_TEST_CASE(histories_on_redis_have_an_order, *boost::unit_test::precondition([](boost::unit_test::test_unit_id) {
  return boost::test_tools::assertion_result(redis_server::is_available());
})) {
  redis_server server;
  asio::io_context context;
  redis_storage_options options;
  options.unix_socket = server.socket();
  options.key_prefix = "t:";
  std::shared_ptr<storage<document>> const store = redis_storage<document>::make(context.get_executor(), options).value();
  run_clients_on_threads(context, store, 50, executors::plain);
  run_clients_on_threads(context, store, 50, executors::strands);
}

BOOST_AUTO_TEST_SUITE_END()
