#include "scenarios/scenarios.hpp"

namespace mooring::test {

std::span<scenario const> scenarios() {
  static constexpr scenario all[] = {
      {"local-storage", local_storage_against_model},
      {"storage-history", storage_history},
      {"cache", cache_calls},
      {"managers", manager_calls},
      {"redis-history", redis_history},
      {"redis-managers", redis_managers},
  };
  return all;
}

}  // namespace mooring::test
