#pragma once

#include <mooring/cache/disposal_reason.hpp>
#include <mooring/core/clock.hpp>
#include <mooring/session/manager_event.hpp>
#include <mooring/session/manager_stats.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mooring::gateway {

/** What is measured at the moment of writing, besides the counters. */
struct gauges {
  manager_stats manager;
  std::size_t connections = 0;
  std::size_t open_streams = 0;
  std::vector<std::pair<std::string, bool>> backends;  ///< name, and whether it is thought to be up
};

/** @brief Counts what the gateway does. Labels come from the configuration and from fixed sets only: never an id, a principal or a secret.
 *  @par Thread safety  Any thread, every member.
 */
struct metrics {
  /** Why a backend had to be asked for something besides the client's request. */
  std::atomic<std::uint64_t> reinitializations{0};
  std::atomic<std::uint64_t> replays{0};
  std::atomic<std::uint64_t> dropped_messages{0};  ///< No stream stood open, and the backlog was full.

  /** @brief One answered HTTP request. Methods other than POST, GET and DELETE are counted as "other". */
  void count_response(std::string_view method, unsigned status);

  /** @brief One request at a backend. `outcome`: "answered", "refused", "failed". */
  void count_backend_request(std::string_view backend, char const* outcome);

  /** @brief What the session manager tells its observer. */
  void observe(manager_event const& event);

  /** The last storage operation failed for a reason that lies with the storage. */
  bool is_storage_failing() const noexcept { return is_storage_failing_; }

  /** @brief Everything in Prometheus' text format, version 0.0.4. */
  std::string text(gauges const& now) const;

 private:
  // Upper bounds of the storage latency buckets, in microseconds.
  static constexpr std::array<std::int64_t, 8> bounds{10, 100, 1'000, 5'000, 25'000, 100'000, 1'000'000, 5'000'000};

  struct latency {
    std::array<std::uint64_t, bounds.size() + 1> buckets{};
    std::uint64_t count = 0;
    double seconds = 0;
  };

  std::atomic<bool> is_storage_failing_{false};

  mutable std::mutex mutex_;  // guards all below; leaf
  std::map<std::pair<std::string, unsigned>, std::uint64_t> responses_;
  std::map<std::pair<std::string, std::string>, std::uint64_t> backend_requests_;
  std::map<std::string, std::uint64_t> disposals_;
  std::map<std::string, std::uint64_t> refusals_;
  std::map<std::string, latency> storage_;
  std::map<std::pair<std::string, std::string>, std::uint64_t> storage_errors_;
};

}  // namespace mooring::gateway
