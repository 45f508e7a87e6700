#pragma once

#include "http/address.hpp"
#include "http/client.hpp"

#include <mooring/core/awaitable.hpp>
#include <mooring/core/clock.hpp>
#include <mooring/core/error.hpp>
#include <mooring/core/log.hpp>

#include <mutex>
#include <string>
#include <utility>

namespace mooring::gateway {

/** @brief Whether a backend may be contacted: after a failure not before a pause has passed, which doubles from one failure to the next.
 *
 *  When the pause has passed, one caller may try, and the next failure or success decides for the others.
 *
 *  @par Thread safety  Any thread, every member.
 */
class circuit {
 public:
  static constexpr duration first_pause = std::chrono::milliseconds(500);
  static constexpr duration longest_pause = std::chrono::seconds(5);

  /** @brief Whether the caller may contact the backend now. */
  bool may_try(time_point now);

  /** @return Whether that is news: the last contact failed. */
  bool succeeded();

  /** @return Whether that is news: the last contact succeeded, or there was none. */
  bool failed(time_point now);

  /** @brief Whether nobody may contact the backend now. Unlike `may_try`, asking takes nothing. */
  bool is_paused(time_point now) const;

  /** @brief Whether the last contact succeeded, or there was none. */
  bool is_closed() const;

 private:
  mutable std::mutex mutex_;  // guards the two below; leaf
  duration pause_{};          // zero: healthy
  time_point next_try_{};
};

/** @brief One configured backend, for all sessions: where it is, its connections, its circuit. Immutable but for the parts that guard themselves. */
class backend {
 public:
  backend(executor ex, std::string name, http::url where, http::client_options options, log_sink log = {})
      : name_(std::move(name)),
        target_(where.target),
        executor_(ex),
        log_(std::move(log)),
        client_(ex, where.place, options),
        listening_client_(ex, where.place, options) {}

  std::string const& name() const noexcept { return name_; }
  std::string const& target() const noexcept { return target_; }
  http::client& client() noexcept { return client_; }

  /** For the streams that stand open as long as a session, with a limit of connections of their own: they leave calls the whole of theirs. */
  http::client& listening_client() noexcept { return listening_client_; }

  /** @brief Ends all connections, and refuses new ones. */
  void close();

  gateway::circuit& circuit() noexcept { return circuit_; }
  gateway::circuit const& circuit() const noexcept { return circuit_; }

  /** @brief A contact succeeded, or failed for the backend's own reasons. Changes from one to the other are logged. */
  void note_success();
  void note_failure(error_code const& error);

  /** @brief The backend is there and opens no session, for the reason said. Logged, unless it is the reason of the time before. */
  void note_refusal(std::string why);

  /** @brief The backend has opened a session. */
  void note_opened();

 private:
  std::string const name_;
  std::string const target_;
  executor const executor_;
  log_sink const log_;
  http::client client_;
  http::client listening_client_;
  gateway::circuit circuit_;

  std::mutex mutex_;  // guards the one below; leaf
  std::string refusal_;  // why no session was opened last; empty where one was
};

}  // namespace mooring::gateway
