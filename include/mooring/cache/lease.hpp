#pragma once

#include <mooring/cache/detail/cache_entry.hpp>
#include <mooring/core/error.hpp>

#include <utility>

namespace mooring {

namespace detail {
template <class Key, class Value, class Hash, class Equal>
class cache_core;
}  // namespace detail

template <class Key, class Value, class Hash, class Equal>
class validating_cache;

/** @brief The right to use a cached value: while a lease lives, its value is not closed, unless the drain deadline passes.
 *
 *  Move-only, one pointer; an empty one (default-made, moved from or released) leases nothing. The value stays readable as long as the lease lives, also
 *  after it was evicted, replaced, erased or revoked, and after the cache is gone.
 *
 *  @par Thread safety  A lease has one owner at a time; different leases of one value are independent. It may be released on any thread.
 */
template <class Value>
class lease {
 public:
  using value_type = Value;

  lease() = default;
  lease(lease&& other) noexcept : entry_(std::exchange(other.entry_, nullptr)) {}
  lease& operator=(lease&& other) noexcept {
    if (this != &other) {
      release();
      entry_ = std::exchange(other.entry_, nullptr);
    }
    return *this;
  }
  ~lease() { release(); }

  /** @brief Whether a value is leased. */
  explicit operator bool() const noexcept { return entry_ != nullptr; }

  /** @brief The leased value. Requires: not empty. Valid until the lease is released. */
  Value const& value() const noexcept { return entry_->value; }
  Value const& operator*() const noexcept { return entry_->value; }
  Value const* operator->() const noexcept { return &entry_->value; }

  /** @brief Whether the value was closed under this lease, because its drain deadline passed. Once true it stays true. */
  bool is_revoked() const noexcept { return entry_ && entry_->is_revoked(); }

  /** @brief Success while the value is open; `errc::revoked` afterwards. An empty lease: success. */
  error_code status() const noexcept { return is_revoked() ? make_error_code(errc::revoked) : error_code(); }

  /** @brief Gives the lease back; it is empty then. The last lease of a value that left the cache has it closed, on the cache's executor. */
  void release() noexcept {
    if (auto* const mine = std::exchange(entry_, nullptr)) mine->release();
  }

  /** @brief Another lease of the same value. An empty lease gives an empty one. */
  lease share() const noexcept {
    if (entry_) entry_->add_lease();
    return lease(entry_);
  }

 private:
  template <class, class, class, class>
  friend class validating_cache;
  template <class, class, class, class>
  friend class detail::cache_core;
  using entry_type = detail::value_entry<Value>;

  // Takes over one lease that was counted already.
  explicit lease(entry_type* counted) noexcept : entry_(counted) {}

  entry_type* entry_ = nullptr;
};

}  // namespace mooring
