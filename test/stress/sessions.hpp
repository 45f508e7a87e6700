#pragma once

#include <mooring/session/session_factory.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace mooring::test {

/** What all threads count. A violation is counted by its sentence. */
class tally {
 public:
  void count(std::string what) {
    std::lock_guard lock(mutex_);
    ++counts_[std::move(what)];
  }
  void expect(bool holds, std::string rule) {
    if (holds) return;
    std::lock_guard lock(mutex_);
    ++violations_[std::move(rule)];
  }
  std::uint64_t of(std::string const& what) const {
    std::lock_guard lock(mutex_);
    auto const found = counts_.find(what);
    return found == counts_.end() ? 0 : found->second;
  }
  std::map<std::string, std::uint64_t> counts() const {
    std::lock_guard lock(mutex_);
    return counts_;
  }
  std::map<std::string, std::uint64_t> violations() const {
    std::lock_guard lock(mutex_);
    return violations_;
  }

 private:
  mutable std::mutex mutex_;  // guards both maps
  std::map<std::string, std::uint64_t> counts_;
  std::map<std::string, std::uint64_t> violations_;
};

/** The same numbers on any machine for one seed; one generator for each thread of work. */
class dice {
 public:
  explicit dice(std::uint64_t seed) noexcept : state_(seed * 0x9E3779B97F4A7C15ull + 1) {}
  std::uint64_t below(std::uint64_t bound) noexcept {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return (state_ >> 11) % bound;
  }

 private:
  std::uint64_t state_;
};

/** A session that knows whether it was closed, and how many of its kind exist. */
struct stressed_session {
  stressed_session(std::string i, std::atomic<int>& count) : id(std::move(i)), living(count) { ++living; }
  ~stressed_session() { --living; }
  stressed_session(stressed_session const&) = delete;
  stressed_session& operator=(stressed_session const&) = delete;

  std::string const id;
  std::atomic<int>& living;
  std::atomic<int> closed{0};
};

/** Opens at once or a little later, and fails now and then. */
class stressed_factory final : public session_factory<stressed_session> {
 public:
  stressed_factory(tally& seen, std::atomic<int>& living, std::uint64_t seed) : seen_(seen), living_(living), seed_(seed) {}

  awaitable<result<opened<stressed_session>>> open(session_request request) override;
  awaitable<void> close(std::string id, std::shared_ptr<stressed_session> session, disposal_reason reason) override;

  std::uint64_t opened_count() const noexcept { return opened_; }
  std::uint64_t closed_count() const noexcept { return closed_; }

 private:
  std::uint64_t draw(std::uint64_t bound) { return dice(seed_ + ++drawn_).below(bound); }

  tally& seen_;
  std::atomic<int>& living_;
  std::uint64_t const seed_;
  std::atomic<std::uint64_t> drawn_{0};
  std::atomic<std::uint64_t> opened_{0};
  std::atomic<std::uint64_t> closed_{0};
};

}  // namespace mooring::test
