#pragma once

#include "simulation/faulty_storage.hpp"
#include "simulation/simulation.hpp"
#include "storage/contract_world.hpp"

#include <mooring/storage/local_storage.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace mooring::test {

inline local_storage_options local_options(contract_options const& options) {
  local_storage_options made;
  made.ttl = options.ttl;
  made.absolute_lifetime = options.absolute_lifetime;
  made.limits = options.limits;
  return made;
}

/** Virtual time and seeded order for the contract suite. */
template <class T>
class simulated_world : public contract_world<T> {
 public:
  explicit simulated_world(std::uint64_t seed) : sim_(seed) {}
  // Whatever is closed leaves nothing behind that would run for ever.
  ~simulated_world() override { BOOST_TEST(sim_.run(10'000)); }

  executor get_executor() override { return sim_.get_executor(); }
  void run_until(std::function<bool()> const& is_done) override {
    while (!is_done()) BOOST_REQUIRE(sim_.step());
  }
  void advance(duration span) override { sim_.run_for(span); }
  duration ttl() const override { return std::chrono::minutes(30); }
  duration slack() const override { return duration(1); }

 protected:
  simulation sim_;
};

template <class T>
class local_world final : public simulated_world<T> {
 public:
  using simulated_world<T>::simulated_world;

  result<std::shared_ptr<storage<T>>> make(contract_options const& options) override {
    auto made = local_storage<T>::make(this->get_executor(), local_options(options));
    if (!made) return made.error();
    return std::shared_ptr<storage<T>>(*made);
  }
  bool is_at_once() const override { return true; }
};

/** A store behind links that take time, and that can be cut off in every way the seed knows. */
template <class T>
class linked_world final : public simulated_world<T> {
 public:
  using simulated_world<T>::simulated_world;

  result<std::shared_ptr<storage<T>>> make(contract_options const& options) override {
    auto const local = local_options(options);
    if (auto checked = detail::check_local_options(local, nullptr); !checked) return checked.error();
    auto made = std::make_shared<faulty_storage<T>>(this->sim_, this->get_executor(), std::make_shared<simulated_store<T>>(local));
    made->decide([this](storage_operation, std::size_t) {
      if (!is_cut_) return storage_fault::none;
      constexpr storage_fault silent[] = {storage_fault::no_request, storage_fault::no_reply, storage_fault::late, storage_fault::lost_request, storage_fault::lost_reply};
      return silent[this->sim_.random(std::size(silent))];
    });
    return std::shared_ptr<storage<T>>(made);
  }
  duration slack() const override { return std::chrono::milliseconds(20); }
  bool can_be_cut() const override { return true; }
  void cut(bool is_cut) override { is_cut_ = is_cut; }

 private:
  bool is_cut_ = false;
};

}  // namespace mooring::test
