#include "storage/contract.hpp"
#include "storage/scripted_world.hpp"
#include "storage/simulated_world.hpp"

#include <memory>

// The contract suite under virtual time. Another implementation joins with a world and one such line.

namespace mooring::test {
namespace {

template <class World>
contract_subject<typename World::value_type> subject(char const* name, std::uint64_t seeds) {
  return {name, [](std::uint64_t seed) { return std::make_unique<World>(seed); }, seeds};
}

bool const is_local_registered = register_contract(subject<local_world<document>>("local_storage", 10));
bool const is_shared_registered = register_contract(subject<local_world<std::shared_ptr<document const>>>("local_storage_of_pointers", 3));
// ST32: a storage that nobody had in mind when the suite was written.
bool const is_linked_registered = register_contract(subject<linked_world<document>>("linked_storage", 20));
// RE15 without a server: every seed another order of what is on its way.
bool const is_scripted_registered = register_contract(subject<scripted_world<document>>("redis_storage_on_a_scripted_link", 20));

}  // namespace
}  // namespace mooring::test
