#pragma once

#include <mooring/storage/detail/admit.hpp>
#include <mooring/storage/storage.hpp>

#include <boost/asio/this_coro.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace mooring::test {

enum class storage_operation { create, update, update_if, store, update_hints, load, peek, touch, erase, erase_if, erase_expired };
inline constexpr std::size_t storage_operations = 11;

/** Told of one call when its caller has the outcome: whether what it named was there and, if it is a write on a condition, was as expected. Empty: not known. */
using call_watch = std::function<void(std::optional<bool> is_found)>;

/** @brief Another storage, of whose calls somebody is told: of each as it begins, unless it is refused at once, and by what that returned of its end, also when
 *  its caller dies.
 */
template <class T>
class watched_storage final : public storage<T> {
 public:
  using watcher = std::function<call_watch(storage_operation, std::string const& id)>;

  watched_storage(std::shared_ptr<storage<T>> inner, watcher watch) : inner_(std::move(inner)), watch_(std::make_shared<watcher>(std::move(watch))) {}

  awaitable<write_outcome> create(std::string id, T value, create_options call = {}) override {
    auto work = inner_->create(id, std::move(value), call);
    return follow(watch_, storage_operation::create, std::move(id), call.deadline, std::move(work));
  }
  awaitable<write_outcome> update(std::string id, T value, call_options call = {}) override {
    auto work = inner_->update(id, std::move(value), call);
    return follow(watch_, storage_operation::update, std::move(id), call.deadline, std::move(work));
  }
  awaitable<write_outcome> update(std::string id, T value, revision expected, call_options call = {}) override {
    auto work = inner_->update(id, std::move(value), expected, call);
    return follow(watch_, storage_operation::update_if, std::move(id), call.deadline, std::move(work));
  }
  awaitable<write_outcome> store(std::string id, T value, call_options call = {}) override {
    auto work = inner_->store(id, std::move(value), call);
    return follow(watch_, storage_operation::store, std::move(id), call.deadline, std::move(work));
  }
  awaitable<result<bool>> update_hints(std::string id, hint_map hints, call_options call = {}) override {
    auto work = inner_->update_hints(id, std::move(hints), call);
    return follow(watch_, storage_operation::update_hints, std::move(id), call.deadline, std::move(work));
  }
  awaitable<result<std::optional<stored<T>>>> load(std::string id, call_options call = {}) override {
    auto work = inner_->load(id, call);
    return follow(watch_, storage_operation::load, std::move(id), call.deadline, std::move(work));
  }
  awaitable<result<std::optional<stored<T>>>> peek(std::string id, call_options call = {}) override {
    auto work = inner_->peek(id, call);
    return follow(watch_, storage_operation::peek, std::move(id), call.deadline, std::move(work));
  }
  awaitable<result<bool>> touch(std::string id, call_options call = {}) override {
    auto work = inner_->touch(id, call);
    return follow(watch_, storage_operation::touch, std::move(id), call.deadline, std::move(work));
  }
  awaitable<result<bool>> erase(std::string id, call_options call = {}) override {
    auto work = inner_->erase(id, call);
    return follow(watch_, storage_operation::erase, std::move(id), call.deadline, std::move(work));
  }
  awaitable<result<bool>> erase(std::string id, revision expected, call_options call = {}) override {
    auto work = inner_->erase(id, expected, call);
    return follow(watch_, storage_operation::erase_if, std::move(id), call.deadline, std::move(work));
  }
  awaitable<result<std::size_t>> erase_expired(call_options call = {}) override {
    auto work = inner_->erase_expired(call);
    return follow(watch_, storage_operation::erase_expired, "any", call.deadline, std::move(work));
  }
  awaitable<void> close() override { return inner_->close(); }
  std::optional<duration> ttl() const noexcept override { return inner_->ttl(); }
  std::uint64_t epoch() const noexcept override { return inner_->epoch(); }

 private:
  // The frame's: tells whoever watches how the call ended, however its frame ends.
  class watched {
   public:
    watched() = default;
    ~watched() {
      if (end_) end_(is_found_);
    }
    watched(watched const&) = delete;
    watched& operator=(watched const&) = delete;

    void begin(call_watch end) { end_ = std::move(end); }

    void answer(write_outcome const& outcome) {
      if (outcome.has_value()) is_found_ = outcome.is_written();
      else if (outcome.error() == errc::conflict) is_found_ = false;
    }
    void answer(result<bool> const& outcome) {
      if (outcome) is_found_ = *outcome;
    }
    void answer(result<std::optional<stored<T>>> const& outcome) {
      if (outcome) is_found_ = outcome->has_value();
    }
    void answer(result<std::size_t> const&) {}

   private:
    call_watch end_;
    std::optional<bool> is_found_;
  };

  template <class Outcome>
  static awaitable<Outcome> follow(std::shared_ptr<watcher> watch, storage_operation what, std::string id, std::optional<duration> deadline, awaitable<Outcome> work) {
    auto const state = co_await asio::this_coro::cancellation_state;
    watched call;
    if (detail::admit(id, deadline, state.cancelled())) call.begin((*watch)(what, id));
    auto outcome = co_await std::move(work);
    call.answer(outcome);
    co_return outcome;
  }

  std::shared_ptr<storage<T>> const inner_;
  std::shared_ptr<watcher> const watch_;
};

}  // namespace mooring::test
