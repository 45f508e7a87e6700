#pragma once

#include "storage/contract_ends.hpp"
#include "storage/contract_limits.hpp"
#include "storage/contract_time.hpp"
#include "storage/contract_world.hpp"
#include "storage/contract_writes.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace mooring::test {

/** An implementation of `storage<T>` to be put through the suite. */
template <class T>
struct contract_subject {
  std::string name;
  std::function<std::unique_ptr<contract_world<T>>(std::uint64_t seed)> make_world;
  std::uint64_t seeds = 1;  ///< Each test runs with the seeds 1 to this.
};

/** @brief Adds the contract suite for one implementation to the test program, as the suite `contract_of_<name>`. Call it at static initialization.
 *
 *  What `storage<T>` promises is written once; an implementation brings its world, and with it one factory function.
 */
template <class T>
bool register_contract(contract_subject<T> subject) {
  namespace unit = boost::unit_test;
  auto* const suite = BOOST_TEST_SUITE("contract_of_" + subject.name);
  auto const add = [&](auto const& cases) {
    for (auto const& [name, run] : cases) {
      auto const body = [subject, run = run] {
        for (std::uint64_t seed = 1; seed <= subject.seeds; ++seed) {
          BOOST_TEST_INFO_SCOPE("seed " << seed);
          auto const world = subject.make_world(seed);
          run(*world);
        }
      };
      suite->add(unit::make_test_case(body, name, __FILE__, __LINE__));
    }
  };
  add(contract_writes<T>::cases());
  add(contract_time<T>::cases());
  add(contract_limits<T>::cases());
  add(contract_ends<T>::cases());
  unit::framework::master_test_suite().add(suite);
  return true;
}

}  // namespace mooring::test
