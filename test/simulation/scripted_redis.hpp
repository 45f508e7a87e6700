#pragma once

#include "simulation/link_options.hpp"
#include "simulation/redis_model.hpp"
#include "simulation/simulation.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace mooring::test {

/** What may befall one request to a Redis server. */
enum class redis_fault {
  none,
  refused,         ///< No connection: never sent.
  cut_before,      ///< Never carried out: the connection is cut, with all that is out on it.
  cut_after,       ///< Carried out; the connection is cut ahead of the reply.
  no_request,      ///< Never carried out; silence.
  no_reply,        ///< Carried out; silence.
  late,            ///< Carried out after the caller's deadline.
  error,           ///< Never carried out: one of `error_texts`.
  strange_undone,  ///< Never carried out: one of `wrong_replies`.
  strange_done,    ///< Carried out: one of `wrong_replies`.
};
inline constexpr std::size_t redis_faults = 10;

/** Refusals, one of each kind that rows RE27 to RE41 tell apart. */
std::span<std::string_view const> error_texts();

/** Replies of kinds that no server gives to this command. */
std::vector<redis_reply> wrong_replies(redis_command const& asked);

/** @brief One replica's link to a Redis server that is a model: takes time, and fails as it is told or as the seed decides.
 *
 *  Requests are numbered from 1 in the order in which they begin. They are not kept in order on their way, so that more may happen than over one connection.
 *  Which of them fail: those named by `fail`, else by `decide`, else by `faults_permille`. Single-threaded, as the simulation is.
 */
class scripted_redis final : public detail::redis_link {
 public:
  scripted_redis(simulation& sim, executor ex, std::shared_ptr<redis_model> server, link_options options = {});

  /** @brief The n-th request from now on meets this fault; `which` counts through its error texts or wrong replies. */
  void fail(std::size_t n, redis_fault fault, std::size_t which = 0);

  /** @brief Decides for each request that `fail` does not name; empty means the seed's choice. */
  void decide(std::function<redis_fault(redis_command const&)> f);

  /** @brief Told of each request at the moment at which it was carried out. */
  void watch(std::function<void(redis_command const&, redis_reply const&)> f);

  std::size_t requests() const;
  /** @brief Faults that requests have met, so that a fail-loop knows when it has run out of requests to fail. */
  std::size_t faults_met() const;
  /** @brief Requests whose caller still waits. */
  std::size_t pending() const;

  awaitable<detail::redis_answer> ask(redis_command command, time_point end, detail::redis_witness_pointer witness) override;
  /** The model has no replicas. */
  awaitable<detail::redis_answer> count_replicas(time_point end) override;
  void drop(std::uint64_t connection) override;
  std::uint64_t epoch() const noexcept override;
  duration pause() const noexcept override { return {}; }
  awaitable<void> close() override;

 private:
  struct call;
  class state;

  std::shared_ptr<state> const state_;
};

}  // namespace mooring::test
