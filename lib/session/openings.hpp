#pragma once

#include <mooring/cache/shared_future.hpp>
#include <mooring/session/principal.hpp>

#include "session/operation.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mooring::detail {

/** @brief The creations that run on this replica: who asks for such an id waits for its end.
 *  @par Thread safety  Any thread. A leaf mutex guards everything.
 */
class openings : public std::enable_shared_from_this<openings> {
 public:
  struct running {
    principal owner;
    shared_future<bool> ended;
    std::shared_ptr<operation_base> work;
  };

  /** Held by a creation; its end wakes who waits. */
  class mark {
   public:
    mark(mark&&) noexcept = default;
    mark& operator=(mark&&) = delete;
    ~mark() {
      if (home_) home_->end(id_);
    }

   private:
    friend class openings;
    mark(std::shared_ptr<openings> home, std::string id) noexcept : home_(std::move(home)), id_(std::move(id)) {}
    std::shared_ptr<openings> home_;
    std::string id_;
    shared_promise<bool> ended_;  // dropped after the id has left the table
  };

  /** Nothing: a creation of that id runs already. */
  std::optional<mark> begin(std::string const& id, principal const& owner, std::shared_ptr<operation_base> work);

  std::optional<running> find(std::string_view id) const;

  /** Those that run now, to be stopped. */
  std::vector<std::shared_ptr<operation_base>> all() const;

  std::size_t size() const;

 private:
  void end(std::string const& id) noexcept;

  mutable std::mutex mutex_;
  std::map<std::string, running, std::less<>> running_;
};

}  // namespace mooring::detail
