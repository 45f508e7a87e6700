#pragma once

#include "parked_sessions.hpp"
#include "session.hpp"

#include <mooring/session/metadata.hpp>
#include <mooring/session/session_factory.hpp>
#include <mooring/storage/storage.hpp>

#include <memory>
#include <string>

namespace mooring::gateway {

/** @brief Opens, restores and closes the sessions of the gateway for the session manager.
 *
 *  A session that is over takes its backend sessions with it. One that only left this process's cache leaves behind those that its record names, to go on
 *  with.
 */
class factory final : public session_factory<session> {
 public:
  enum class sessions_end { never, with_the_process };

  /** @param on_shutdown  Whether sessions outlive this process: those in memory do not.
   *  @param sweep        How often the end of sessions is looked for that were closed for lack of room. */
  factory(std::shared_ptr<surroundings> around, std::shared_ptr<storage<metadata>> records, sessions_end on_shutdown, duration sweep);

  awaitable<result<opened<session>>> open(session_request request) override;
  awaitable<void> close(std::string id, std::shared_ptr<session> closing, disposal_reason reason) override;

  /** @brief Joins what runs in the background, farewells above all. To be awaited last, when the manager has shut down. */
  awaitable<void> finish();

 private:
  bool ends_with_process() const noexcept { return on_shutdown_ == sessions_end::with_the_process; }
  static awaitable<void> store_hints(std::shared_ptr<storage<metadata>> records, std::string id, hint_map hints);

  std::shared_ptr<surroundings const> const around_;
  std::shared_ptr<storage<metadata>> const records_;
  sessions_end const on_shutdown_;
  std::shared_ptr<task_scope> const background_;  // what ends by itself: farewells, hints on their way to the records
  std::shared_ptr<parked_sessions> const parked_;  // only for sessions that end with the process
  task_scope watching_;
};

}  // namespace mooring::gateway
