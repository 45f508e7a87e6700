#pragma once

#include "storage/redis_link.hpp"
#include "storage/redis_opening.hpp"

#include <mooring/core/task_scope.hpp>
#include <mooring/storage/redis_options.hpp>

#include <cstdint>
#include <memory>

namespace mooring::detail {

/** @brief A link to one Redis server over Boost.Redis, or to whichever server the Sentinels call the master.
 *
 *  Makes its connection at the first request, and from then on keeps it: one attempt at a time, with growing pauses. A connection is made once it is
 *  authenticated and has answered its first PING. A request that meets an attempt waits for it; one that meets a pause is `unavailable` at once.
 *
 *  Everything is guarded by one strand, on which the connection lives. Requests hold the state, so that they may outlive the link.
 */
class redis_client final : public redis_link {
 public:
  redis_client(executor ex, redis_storage_options options, redis_opening opening = {});
  ~redis_client() override;

  awaitable<redis_answer> ask(redis_command command, time_point end, redis_witness_pointer witness) override;
  awaitable<redis_answer> count_replicas(time_point end) override;
  void drop(std::uint64_t connection) override;
  std::uint64_t epoch() const noexcept override;
  duration pause() const noexcept override;
  awaitable<void> close() override;

 private:
  class state;

  std::shared_ptr<state> const state_;
  std::shared_ptr<task_scope> const tasks_;
};

}  // namespace mooring::detail
