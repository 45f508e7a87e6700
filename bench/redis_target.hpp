#pragma once

#include "contest.hpp"

#include <mooring/storage/redis_options.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace mooring::test {
class redis_server;
}

namespace mooring::bench {

/** @brief The Redis server that a contest asks: the one that was named, or one of the contest's own, on loopback, that ends with the object. */
class redis_target {
 public:
  explicit redis_target(bench_options const& options);
  ~redis_target();
  redis_target(redis_target const&) = delete;
  redis_target& operator=(redis_target const&) = delete;

  /** For a storage; the prefix is `mooring-bench:`. */
  redis_storage_options const& options() const noexcept { return options_; }

  /** @brief Runs `redis-benchmark` once with this command, from so many clients. In the command, `__rand_int__` is a number of twelve digits below `keys`. */
  run_result benchmark(std::vector<std::string> const& command, std::size_t clients, std::uint64_t requests, std::size_t keys) const;

 private:
  std::unique_ptr<test::redis_server> own_;
  redis_storage_options options_;
};

/** @brief How many requests are in flight in each of the contests of one kind: none where there is no server. */
std::vector<std::size_t> redis_depths(bench_options const& options);

}  // namespace mooring::bench
