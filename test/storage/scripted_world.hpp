#pragma once

#include "simulation/scripted_redis.hpp"
#include "storage/simulated_world.hpp"

#include <mooring/storage/detail/redis_records.hpp>
#include <mooring/storage/redis_options.hpp>
#include <mooring/storage/redis_storage.hpp>

#include <iterator>
#include <memory>
#include <utility>

namespace mooring::test {

/** A `redis_storage` on a link that is not its own. */
template <class T>
std::shared_ptr<redis_storage<T>> redis_storage_on(std::shared_ptr<detail::redis_link> link, executor ex, redis_storage_options options) {
  return std::make_shared<redis_storage<T>>(detail::redis_records(std::move(link), std::move(ex), std::move(options)));
}

/** Virtual time and a model of a Redis server for the contract suite. Being cut off is every fault that leaves a request without a reply, as the seed decides. */
template <class T>
class scripted_world final : public simulated_world<T> {
 public:
  using simulated_world<T>::simulated_world;

  result<std::shared_ptr<storage<T>>> make(contract_options const& options) override {
    redis_storage_options made;
    made.address = redis_address{"nowhere", "1"};
    made.key_prefix = "contract:";
    made.ttl = options.ttl;
    made.absolute_lifetime = options.absolute_lifetime;
    made.limits = options.limits;
    if (auto checked = check(made, nullptr); !checked) return checked.error();
    auto link = std::make_shared<scripted_redis>(this->sim_, this->get_executor(), std::make_shared<redis_model>());
    link->decide([this](redis_command const&) {
      if (!is_cut_) return redis_fault::none;
      constexpr redis_fault silent[] = {redis_fault::no_request, redis_fault::no_reply, redis_fault::late, redis_fault::cut_before, redis_fault::cut_after};
      return silent[this->sim_.random(std::size(silent))];
    });
    return std::shared_ptr<storage<T>>(redis_storage_on<T>(std::move(link), this->get_executor(), std::move(made)));
  }
  duration slack() const override { return std::chrono::milliseconds(100); }  // some operations take two or three requests
  bool can_be_cut() const override { return true; }
  void cut(bool is_cut) override { is_cut_ = is_cut; }

 private:
  bool is_cut_ = false;
};

}  // namespace mooring::test
