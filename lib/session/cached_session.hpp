#pragma once

#include <mooring/cache/disposal_reason.hpp>
#include <mooring/cache/shared_future.hpp>
#include <mooring/core/clock.hpp>
#include <mooring/session/metadata.hpp>
#include <mooring/session/principal.hpp>
#include <mooring/storage/revision.hpp>

#include "session/open_sessions.hpp"
#include "session/sighting.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace mooring::detail {

/** @brief A session object with the record that it was built from: the value that the cache keeps.
 *
 *  The object in it changes only by decoration, and only until it is closed; the record's id and owner never change.
 *
 *  @par Thread safety  Any thread. A leaf mutex guards what may change.
 */
class cached_session {
 public:
  cached_session(std::string id, principal owner, mooring::revision built_from, metadata stored, std::shared_ptr<void> session,
                 std::optional<time_point> rebuild_at, open_sessions::place place, sighting seen);

  std::string const id;
  principal const owner;
  /** When a partial session is to be rebuilt; the end of time for a whole one. */
  time_point const rebuild_at;

  /** Is found at its place from now on. */
  void sit_down(open_sessions& where, std::weak_ptr<cached_session> self);

  /** Closed: gives the place back, leased or not. */
  void vacate();
  bool has_place() const;

  /** The session as it is now; null once closed. */
  std::shared_ptr<void> session() const;

  /** Whether it was built from the record at this revision, or from one with equal metadata. */
  bool is_built_from(mooring::revision const& stored) const;

  /** Whether a record that has another revision is what the session was built from. Remembers the revision of an equal one, so that later checks compare
   *  tokens again. */
  bool agrees_with(mooring::revision const& stored, metadata const& value);

  /** Whether the record that it was built from lists a backend. */
  bool has_backend(std::string const& backend) const;

  /** The revision that it was built from. Where that changed while a record was read, the record may be older than the session. */
  mooring::revision built_from() const;

  /** As `agrees_with`, and remembers nothing. */
  bool is_current(mooring::revision const& stored, metadata const& value) const;

  /** A decoration announces what it is about to write and when it ends, so that a check that finds it written waits for that, and does not evict the session. */
  void expect(std::shared_ptr<metadata const> const& next, shared_future<bool> ended);
  void expect_no_more(std::shared_ptr<metadata const> const& next) noexcept;

  /** The end of a running decoration that makes the record this; nothing when there is none. */
  std::optional<shared_future<bool>> decoration_to(metadata const& value) const;

  /** Puts a decorated session in place of `before`, as built from what was written. False when that is no longer there: closed, or decorated by another. */
  bool decorate(std::shared_ptr<void> const& before, std::shared_ptr<void> after, mooring::revision written, metadata const& next);

  /** As above, of a session that was built from the decorated record already. */
  bool decorate(std::shared_ptr<void> const& before, std::shared_ptr<void> after);

  /** The session to close, given out once; null for everybody else. */
  std::shared_ptr<void> take_for_closing();

  /** The record is there. Of two checks that end at once either may be the one remembered: then the session is asked for once more. */
  void confirm(sighting seen) noexcept {
    seen_at_.store(seen.at, std::memory_order_relaxed);
    seen_under_.store(seen.epoch, std::memory_order_relaxed);
    is_unconfirmed_.store(false, std::memory_order_relaxed);
  }

  /** The last step of its making, which was to show that the record is there, failed: that was last known before it. */
  void set_unconfirmed() noexcept { is_unconfirmed_.store(true, std::memory_order_relaxed); }

  /** Whether nothing has shown the record since its making failed to. */
  bool is_unconfirmed() const noexcept { return is_unconfirmed_.load(std::memory_order_relaxed); }
  bool was_seen_within(duration limit, time_point now) const noexcept { return now - seen_at_.load(std::memory_order_relaxed) <= limit; }
  bool was_seen_under(std::uint64_t epoch) const noexcept { return seen_under_.load(std::memory_order_relaxed) >= epoch; }

  void add_lease() noexcept { leases_.fetch_add(1, std::memory_order_relaxed); }
  void drop_lease() noexcept { leases_.fetch_sub(1, std::memory_order_relaxed); }
  bool is_leased() const noexcept { return leases_.load(std::memory_order_relaxed) > 0; }

 private:
  std::atomic<std::size_t> leases_{0};  // a count for the touching of leased records only: nothing is ordered by it
  std::atomic<time_point> seen_at_;  // this and the next two are facts to compare only: nothing is ordered by them
  std::atomic<std::uint64_t> seen_under_;
  std::atomic<bool> is_unconfirmed_{false};
  mutable std::mutex mutex_;
  open_sessions::place place_;
  mooring::revision built_from_;
  metadata stored_;
  struct expected {
    std::shared_ptr<metadata const> next;
    shared_future<bool> ended;
  };
  std::vector<expected> expected_;
  std::shared_ptr<void> session_;
};

}  // namespace mooring::detail
