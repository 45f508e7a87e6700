#pragma once

#include <mooring/cache/lease.hpp>
#include <mooring/core/error.hpp>

#include <memory>
#include <utility>

namespace mooring::detail {

class cached_session;
using cached_session_ptr = std::shared_ptr<cached_session>;

/** A cache lease, the session object that it was taken for, and its place in the count of what has to be kept from expiring. */
class held_session {
 public:
  held_session() = default;
  explicit held_session(lease<cached_session_ptr> held);
  held_session(held_session&& other) noexcept : held_(std::move(other.held_)), session_(std::move(other.session_)), is_replicated_(other.is_replicated_) {}
  held_session& operator=(held_session&& other) noexcept {
    if (this != &other) {
      release();
      held_ = std::move(other.held_);
      session_ = std::move(other.session_);
      is_replicated_ = other.is_replicated_;
    }
    return *this;
  }
  ~held_session() {
    if (session_) release();
  }

  explicit operator bool() const noexcept { return session_ != nullptr; }
  std::shared_ptr<void> const& session() const noexcept { return session_; }
  error_code status() const noexcept;
  void release() noexcept;

  /** Of what a creation gave: whether enough servers of the storage know. */
  bool is_replicated() const noexcept { return is_replicated_; }
  void set_replicated(bool is_so) noexcept { is_replicated_ = is_so; }

  /** @pre Not empty. */
  cached_session& entry() const noexcept;
  cached_session_ptr const& entry_pointer() const noexcept;

 private:
  lease<cached_session_ptr> held_;
  std::shared_ptr<void> session_;  // null: empty
  bool is_replicated_ = true;
};

}  // namespace mooring::detail
