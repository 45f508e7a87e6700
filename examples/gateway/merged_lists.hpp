#pragma once

#include "catalogue.hpp"
#include "upstream.hpp"

#include <mooring/core/awaitable.hpp>
#include <mooring/core/task_scope.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mooring::gateway {

/** @brief The merged lists of one session, fetched from its backends when they are needed.
 *
 *  A backend that cannot be asked keeps its last known list, so that names stay what they were. At most one fetch of each list runs at each backend, for all who
 *  want it; only a change that the backend announces meanwhile starts another. A fetch that is late delays nobody more than once: it goes on by itself.
 *
 *  @par Thread safety  Any thread, every member.
 */
class merged_lists : public std::enable_shared_from_this<merged_lists> {
 public:
  /** @param deadline  How long a backend's list is waited for; then it is late. */
  merged_lists(std::vector<std::shared_ptr<upstream>> upstreams, std::shared_ptr<task_scope> scope, duration deadline)
      : upstreams_(std::move(upstreams)), scope_(std::move(scope)), deadline_(deadline) {}

  /** @brief Asks every backend for its list anew.  @return The merged list. */
  awaitable<std::shared_ptr<catalogue const>> refresh(listing_kind kind);

  /** Where a name is looked for: among the names of a list, or, `by_template`, among the URIs that its templates stand for. */
  struct place {
    listing_kind kind = listing_kind::tools;
    bool by_template = false;
  };

  /** @brief The backend that offers an item under this name, by the first of the places that has it. Lists that are not fresh are asked for again only when no place
   *         knows the name, and all at once. */
  awaitable<std::optional<origin>> find(std::vector<place> places, std::string name);

  /** @brief The list of what the backends said last; never null. */
  std::shared_ptr<catalogue const> known(listing_kind kind);

  /** @brief Whether a backend was late with a list, the last time or still. */
  bool is_late(std::string_view backend, time_point now) const;

  /** @brief Takes note of a backend's notification: any number of changes are made up for by one refresh, when the list is next needed. */
  void note_change(std::string_view backend, std::string_view notification);

  /** @brief As if every list had changed. */
  void note_all_changed();

 private:
  struct flight;
  class landing;
  using items = std::shared_ptr<std::string const>;  // the text of a JSON array

  /** A fetch that somebody waits for, and how long. */
  struct awaited {
    awaited(std::shared_ptr<flight> f, time_point u) : of(std::move(f)), until(u) {}
    std::shared_ptr<flight> of;
    time_point until;
  };

  /** What one backend lists of one kind. */
  struct share {
    items listed;                    // null: it never answered
    std::uint64_t listed_by = 0;     // the number of the flight that brought it
    std::shared_ptr<flight> flying;  // the last that started, until it ends
    bool is_slow = false;            // the last that ended was late
  };

  struct state {
    std::map<std::string, share, std::less<>> by_backend;
    std::uint64_t version = 0;         // one more with each change of a backend's list
    std::uint64_t merged_version = 0;  // the one that `merged` shows
    std::shared_ptr<catalogue const> merged = std::make_shared<catalogue>();
    bool is_stale = true;
    time_point fetched{};
  };

  std::vector<awaited> start(listing_kind kind, time_point now);
  awaitable<std::shared_ptr<catalogue const>> finish(listing_kind kind, std::vector<awaited> flights);
  static awaitable<void> fly(std::shared_ptr<upstream> from, listing_kind kind, landing end);
  void land(listing_kind kind, std::string const& backend, std::shared_ptr<flight> const& ended, items brought, bool is_slow);
  std::optional<origin> look(place const& at, std::string const& name);
  bool wants_refresh(listing_kind kind, time_point now) const;
  state& of(listing_kind kind) { return states_[static_cast<std::size_t>(kind)]; }

  std::vector<std::shared_ptr<upstream>> const upstreams_;
  std::shared_ptr<task_scope> const scope_;
  duration const deadline_;

  mutable std::mutex mutex_;  // guards all below; leaf. Merging happens outside.
  std::array<state, listings.size()> states_;
  std::uint64_t last_flight_ = 0;
};

}  // namespace mooring::gateway
