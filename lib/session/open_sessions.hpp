#pragma once

#include <mooring/cache/shared_future.hpp>
#include <mooring/session/principal.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mooring::detail {

class cached_session;

/** @brief The session objects of a replica: how many there are, in all and of each principal, and which of them are leased.
 *
 *  A place is taken before a session is made and given back when the object that owns the place is gone, on whatever path.
 *
 *  @par Thread safety  Any thread. A leaf mutex guards everything.
 */
class open_sessions : public std::enable_shared_from_this<open_sessions> {
 public:
  /** Gives itself back. */
  class place {
   public:
    place() = default;
    place(place&&) noexcept = default;
    place& operator=(place&& other) noexcept {
      place(std::move(other)).swap(*this);
      return *this;
    }
    ~place() {
      if (home_) home_->give_back(number_, key_);
    }
    bool is_taken() const noexcept { return home_ != nullptr; }

   private:
    friend class open_sessions;
    void swap(place& other) noexcept {
      home_.swap(other.home_);
      std::swap(number_, other.number_);
      key_.swap(other.key_);
    }
    std::shared_ptr<open_sessions> home_;
    std::uint64_t number_ = 0;
    std::string key_;
  };

  open_sessions(std::size_t max_sessions, std::optional<std::size_t> max_per_principal) noexcept
      : max_sessions_(max_sessions), max_per_principal_(max_per_principal) {}

  /** A place for a new session; nothing beyond a limit. */
  std::optional<place> take(principal const& owner);

  /** A place for a session that has its record already: limits do not count. */
  place take_unlimited(principal const& owner);

  /** Says who sits on a place. */
  void seat(place const& taken, std::weak_ptr<cached_session> session);

  /** The seated sessions. Linear. */
  std::vector<std::shared_ptr<cached_session>> seated() const;

  std::size_t size() const;

  /** Ready when the next place is given back. */
  shared_future<bool> next_departure();

 private:
  place take_locked(std::string key);
  void give_back(std::uint64_t number, std::string const& key) noexcept;

  std::size_t const max_sessions_;
  std::optional<std::size_t> const max_per_principal_;
  mutable std::mutex mutex_;
  std::map<std::uint64_t, std::weak_ptr<cached_session>> sessions_;
  std::map<std::string, std::size_t> of_principal_;
  std::uint64_t last_number_ = 0;
  std::optional<shared_promise<bool>> departure_;  // where somebody waits for one
};

}  // namespace mooring::detail
