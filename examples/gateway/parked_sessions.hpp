#pragma once

#include "session.hpp"

#include <mooring/session/metadata.hpp>
#include <mooring/storage/storage.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace mooring::gateway {

/** @brief Sessions whose records live on though this process has closed their objects for lack of room: when such a record ends, its backends are told.
 *
 *  For records that no other process has.
 *
 *  @par Thread safety  Any thread, every member. The mutex guards the map; nothing is awaited under it.
 */
class parked_sessions {
 public:
  parked_sessions(std::shared_ptr<surroundings const> around, std::shared_ptr<storage<metadata>> records)
      : around_(std::move(around)), records_(std::move(records)) {}

  void park(std::string id, hint_map hints);

  /** @brief The session is restored, and looks after its backends itself again. */
  void unpark(std::string const& id);

  /** @brief Every `interval`, says farewell for the sessions that are over. Ends when cancelled. */
  static awaitable<void> watch(std::shared_ptr<parked_sessions> self, duration interval);

  /** @brief Says farewell for all of them, over or not: the process ends, and the records with it. */
  awaitable<void> end_all();

 private:
  awaitable<void> end(hint_map hints);
  std::optional<hint_map> take(std::string const& id);
  std::optional<std::string> next_after(std::string const& id) const;

  std::shared_ptr<surroundings const> const around_;
  std::shared_ptr<storage<metadata>> const records_;
  mutable std::mutex mutex_;  // guards parked_; leaf
  std::map<std::string, hint_map> parked_;
};

}  // namespace mooring::gateway
