#pragma once

#include "session.hpp"

#include <mooring/session/metadata.hpp>
#include <mooring/storage/storage.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace mooring::gateway {

/** @brief Sessions whose records live on though this process has closed their objects for lack of room: when such a record ends, its backends are told.
 *
 *  For records that no other process has.
 *
 *  @par Thread safety  Any thread, every member. The mutex guards the maps; nothing is awaited under it.
 */
class parked_sessions {
 public:
  parked_sessions(std::shared_ptr<surroundings const> around, std::shared_ptr<storage<metadata>> records)
      : around_(std::move(around)), records_(std::move(records)) {}

  /** @brief The session is opened or restored, and looks after its backends itself. */
  void hand_over(std::string const& id, session const* restored);

  /** @brief The session's object is closed. */
  void leave(std::string const& id, session const* closing);

  /** @brief Keeps the hints of a session whose object has left, unless another object has taken its place meanwhile. */
  void park(std::string id, hint_map hints);

  /** How many are parked. */
  std::size_t size() const;

  /** @brief Every `interval`, says farewell for the sessions that are over. Ends when cancelled. */
  static awaitable<void> watch(std::shared_ptr<parked_sessions> self, duration interval);

  /** @brief Says farewell for all of them, over or not: the process ends, and the records with it. Takes no longer than two farewells, whatever hangs. */
  awaitable<void> end_all();

 private:
  awaitable<void> end(std::vector<hint_map> sessions);
  std::optional<hint_map> take(std::string const& id);
  std::optional<std::string> next_after(std::string const& id) const;

  std::shared_ptr<surroundings const> const around_;
  std::shared_ptr<storage<metadata>> const records_;
  mutable std::mutex mutex_;  // guards both; leaf
  std::map<std::string, hint_map> parked_;
  std::map<std::string, session const*> live_;  // never followed: only to tell one object from another
};

}  // namespace mooring::gateway
