#pragma once

#include <mooring/core/awaitable.hpp>

#include <boost/asio/post.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace mooring::detail {

/** @brief Takes things over to executors: those for the same executor, one behind the other, share one post until it gets to them, in the order in which they came.
 *
 *  What was not taken over when an executor's context ends dies with it. No executor is held beyond the post: its context may end before this object.
 *  @par Thread safety  Any thread.
 */
template <class T>
class gathering {
 public:
  using things = std::vector<T>;
  using taker = std::function<void(executor const& on, things all)>;

  /** @param take  Called on the executor, with one thing at least. */
  explicit gathering(taker take) : state_(std::make_shared<state>(std::move(take))) {}

  void add(executor const& on, T one) {
    auto fresh = state_->add(on, std::move(one));
    if (!fresh) return;
    asio::post(on, [held = state_, due = std::move(fresh)] { held->take_over(due); });
  }

 private:
  struct load {
    executor on;
    things all;
  };

  struct state {
    explicit state(taker t) : take(std::move(t)) {}

    // What has to be posted, where nothing is on its way there yet. Nobody but the post owns it: the things may own whoever gathers them.
    std::shared_ptr<load> add(executor const& on, T one) {
      std::lock_guard const lock(mutex);
      if (auto const open = underway.lock(); open && open->on == on) {
        open->all.push_back(std::move(one));
        return nullptr;
      }
      auto fresh = std::make_shared<load>();
      fresh->on = on;
      fresh->all.push_back(std::move(one));
      underway = fresh;
      return fresh;
    }

    void take_over(std::shared_ptr<load> const& due) {
      things all;
      {
        std::lock_guard const lock(mutex);
        if (underway.lock() == due) underway.reset();
        all.swap(due->all);
      }
      take(due->on, std::move(all));
    }

    taker const take;
    std::mutex mutex;  // guards what follows, and what it points to; leaf
    std::weak_ptr<load> underway;
  };

  std::shared_ptr<state> const state_;
};

}  // namespace mooring::detail
