#pragma once

#include "scenarios/scenario.hpp"

#include <cstdint>

namespace mooring::test {

/** Random calls on a local storage whose records expire and are swept, each compared with a plain model. */
schedule_result local_storage_against_model(std::uint64_t seed);

/** Clients on several slow and failing links to one store; the history of each id must have an order. */
schedule_result storage_history(std::uint64_t seed);

/** Callers on a small cache whose loads, checks and disposals are slow, fail, throw or hang; each answer must have been true when its get began. */
schedule_result cache_calls(std::uint64_t seed);

/** Clients of one to three replicas on one store, with all troubles; the history of each session must have an order. */
schedule_result manager_calls(std::uint64_t seed);

/** As `storage_history`, with `redis_storage` on links to a model of a server whose replies are lost, late, refusals, or of the wrong kind. */
schedule_result redis_history(std::uint64_t seed);

/** As `manager_calls`, with such storages. */
schedule_result redis_managers(std::uint64_t seed);

}  // namespace mooring::test
