#pragma once

#include "factory.hpp"

#include <mooring/core/awaitable.hpp>
#include <mooring/core/error.hpp>
#include <mooring/session/metadata.hpp>
#include <mooring/storage/local_storage.hpp>
#include <mooring/storage/redis_options.hpp>
#include <mooring/storage/storage.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace mooring::gateway {

/** Where the gateway keeps its records: in its own memory, or in Redis, shared by all replicas. Both get their lifetimes and limits from `memory`. */
struct record_options {
  local_storage_options memory;
  std::optional<redis_storage_options> redis;
};

/** An open storage, and what follows from its kind. */
struct record_store {
  std::shared_ptr<storage<metadata>> records;
  factory::sessions_end at_end = factory::sessions_end::with_the_process;
  std::string name;  ///< for `/healthz`
  std::function<awaitable<result<>>()> ping;  ///< Whether a server can be reached, lets us in and lets us write; empty where there is none.
};

/** @brief Opens the storage; a server is connected to at the first operation.
 *  @param why  Is set to a sentence when the options are refused.
 *  @par Errors  `errc::invalid_argument`.
 */
result<record_store> open_records(executor home, record_options chosen, std::string& why);

}  // namespace mooring::gateway
