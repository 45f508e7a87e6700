#pragma once

#include "storage/contract_world.hpp"
#include "storage/redis_server.hpp"

#include <mooring/storage/redis_storage.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace mooring::test {

/** Real time and a real server for the contract suite. Each storage has a prefix of its own; being cut off is a server that is stopped. */
template <class T>
class redis_world final : public contract_world<T> {
 public:
  redis_world(std::shared_ptr<redis_server> server, redis_storage_options options) : server_(std::move(server)), options_(std::move(options)) {}
  // Whatever is closed leaves nothing behind that would run for ever.
  ~redis_world() override {
    context_.restart();
    context_.run_for(std::chrono::seconds(5));
    BOOST_TEST(context_.stopped());
  }

  result<std::shared_ptr<storage<T>>> make(contract_options const& options) override {
    auto own = options_;
    own.key_prefix = "contract:" + std::to_string(++last_prefix()) + ":";
    own.ttl = options.ttl;
    own.absolute_lifetime = options.absolute_lifetime;
    own.limits = options.limits;
    auto made = redis_storage<T>::make(get_executor(), own);
    if (!made) return made.error();
    return std::shared_ptr<storage<T>>(*made);
  }

  executor get_executor() override { return context_.get_executor(); }
  void run_until(std::function<bool()> const& is_done) override {
    auto const patience = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    context_.restart();
    while (!is_done()) {
      BOOST_REQUIRE((std::chrono::steady_clock::now() < patience));
      if (context_.stopped()) context_.restart();
      context_.run_one_for(std::chrono::milliseconds(100));
    }
  }
  void advance(duration span) override {
    auto const until = std::chrono::steady_clock::now() + span;
    context_.restart();
    while (std::chrono::steady_clock::now() < until) {
      if (context_.stopped()) context_.restart();
      context_.run_one_until(until);
    }
  }
  duration ttl() const override { return std::chrono::milliseconds(500); }
  duration slack() const override { return std::chrono::milliseconds(100); }
  bool can_be_cut() const override { return true; }
  void cut(bool is_cut) override { is_cut ? server_->pause() : server_->resume(); }

 private:
  static int& last_prefix() {
    static int last = 0;
    return last;
  }

  asio::io_context context_;
  std::shared_ptr<redis_server> const server_;
  redis_storage_options const options_;
};

}  // namespace mooring::test
