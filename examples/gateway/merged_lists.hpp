#pragma once

#include "catalogue.hpp"
#include "upstream.hpp"

#include <mooring/core/awaitable.hpp>
#include <mooring/core/task_scope.hpp>

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mooring::gateway {

/** @brief The merged lists of one session, fetched from its backends when they are needed.
 *
 *  A backend that cannot be asked keeps its last known list, so that names stay what they were.
 *
 *  @par Thread safety  Any thread, every member.
 */
class merged_lists : public std::enable_shared_from_this<merged_lists> {
 public:
  merged_lists(std::vector<std::shared_ptr<upstream>> upstreams, std::shared_ptr<task_scope> scope, duration deadline)
      : upstreams_(std::move(upstreams)), scope_(std::move(scope)), deadline_(deadline) {}

  /** @brief Asks every backend for its list anew.  @return The merged list. */
  awaitable<std::shared_ptr<catalogue const>> refresh(listing_kind kind);

  /** @brief The backend that offers an item under this name; asks again when the name is
   *         unknown and the list is not fresh. */
  awaitable<std::optional<origin>> find(listing_kind kind, std::string name);

  /** @brief For a URI that no list names: the backend with a template that it fits. */
  awaitable<std::optional<origin>> find_matching(std::string uri);

  /** @brief The list as it was merged last; never null. */
  std::shared_ptr<catalogue const> known(listing_kind kind) const;

  /** @brief Takes note of a notification: any number of changes are made up for by one refresh, when the list is next needed. */
  void note_change(std::string_view notification);

  /** @brief As if every list had changed. */
  void note_all_changed();

 private:
  struct state {
    std::map<std::string, boost::json::array> by_backend;
    std::shared_ptr<catalogue const> merged = std::make_shared<catalogue>();
    bool is_stale = true;
    time_point fetched{};
  };

  static awaitable<void> fetch(std::shared_ptr<merged_lists> self, std::shared_ptr<upstream> from, listing_kind kind);
  bool wants_refresh(listing_kind kind, bool is_found, time_point now) const;

  std::vector<std::shared_ptr<upstream>> const upstreams_;
  std::shared_ptr<task_scope> const scope_;
  duration const deadline_;

  mutable std::mutex mutex_;  // guards states_; leaf. Merging happens outside.
  std::array<state, listings.size()> states_;
};

}  // namespace mooring::gateway
