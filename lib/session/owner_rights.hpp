#pragma once

#include <mooring/session/principal.hpp>

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace mooring::detail {

/** @brief On whose behalf a session may be restored now: the verified owners of the gets that run.
 *
 *  A load knows its key only. It acts for the owner that its gets were verified to be, and makes up none; all verified owners of an id are the same principal.
 *
 *  @par Thread safety  Any thread. A leaf mutex guards everything.
 */
class owner_rights {
 public:
  /** Held by a get, from its owner check to its end. */
  class right {
   public:
    right(owner_rights& home, std::string id, principal const& owner) : home_(home), id_(std::move(id)) { home_.grant(id_, owner); }
    ~right() { home_.withdraw(id_); }
    right(right const&) = delete;
    right& operator=(right const&) = delete;

   private:
    owner_rights& home_;
    std::string const id_;
  };

  /** Nothing: no get of that id runs. */
  std::optional<principal> find(std::string_view id) const;

 private:
  struct holders {
    principal owner;
    std::size_t count = 0;
  };
  void grant(std::string const& id, principal const& owner);
  void withdraw(std::string const& id) noexcept;

  mutable std::mutex mutex_;
  std::map<std::string, holders, std::less<>> holders_;
};

}  // namespace mooring::detail
