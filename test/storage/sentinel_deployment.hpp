#pragma once

#include "storage/contract_world.hpp"
#include "storage/redis_server.hpp"

#include <mooring/storage/redis_storage.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mooring::test {

using namespace std::chrono_literals;

inline std::string monitoring(std::string const& port, std::string const& more = {}) {
  return "sentinel monitor main 127.0.0.1 " + port +
         " 1\nsentinel down-after-milliseconds main 500\nsentinel failover-timeout main 3000\nsentinel parallel-syncs main 1\n" + more;
}

inline void wait_for(std::function<bool()> const& is_so) {
  auto const patience = std::chrono::steady_clock::now() + 30s;
  while (!is_so()) {
    BOOST_REQUIRE((std::chrono::steady_clock::now() < patience));
    asio::io_context idle;
    asio::co_spawn(idle, sleep_for(20ms), [](std::exception_ptr, result<>) {});
    idle.run();
  }
}

/** A context, and storages that it closes. */
struct client_world {
  ~client_world() {
    for (auto const& store : stores) asio::co_spawn(context, store->close(), [](std::exception_ptr) {});
    context.restart();
    context.run_for(10s);
    BOOST_TEST(context.stopped());
  }

  std::shared_ptr<redis_storage<document>> make(redis_storage_options options) {
    options.log = [this](severity, std::string_view line) { log += std::string(line) + "\n"; };
    return stores.emplace_back(redis_storage<document>::make(context.get_executor(), std::move(options)).value());
  }

  void run_until(std::function<bool()> const& is_done) {
    auto const patience = std::chrono::steady_clock::now() + 30s;
    while (!is_done()) {
      BOOST_REQUIRE((std::chrono::steady_clock::now() < patience));
      if (context.stopped()) context.restart();
      context.run_one_for(50ms);
    }
  }

  template <class X>
  X ask(awaitable<X> work) {
    std::optional<X> answer;
    asio::co_spawn(context, std::move(work), [&answer](std::exception_ptr failure, X outcome) {
      if (failure) std::rethrow_exception(failure);
      answer.emplace(std::move(outcome));
    });
    run_until([&answer] { return answer.has_value(); });
    return std::move(*answer);
  }

  void wait(duration span) {
    auto const until = std::chrono::steady_clock::now() + span;
    run_until([until] { return std::chrono::steady_clock::now() >= until; });
  }

  asio::io_context context;
  std::vector<std::shared_ptr<redis_storage<document>>> stores;
  std::string log;
};

/** One master, one replica that follows it, and one Sentinel that knows both. */
struct deployment : client_world {
  deployment() : first({"--repl-diskless-sync-delay", "0"}), second({"--replicaof", "127.0.0.1 " + first.port(), "--repl-diskless-sync-delay", "0"}) {
    wait_for([this] { return second.command({"INFO", "replication"}).find("master_link_status:up") != std::string::npos; });
    sentinel = std::make_unique<redis_server>(monitoring(first.port()), std::vector<std::string>());
    wait_for([this] { return sentinel->command({"INFO", "sentinel"}).find("slaves=1") != std::string::npos; });
  }

  redis_storage_options options() const {
    redis_storage_options made;
    made.sentinel.emplace();
    made.sentinel->addresses = {redis_address{"127.0.0.1", "1"}, redis_address{"127.0.0.1", sentinel->port()}};  // the first is down
    made.sentinel->master_name = "main";
    made.key_prefix = "t:";
    return made;
  }

  bool is_named(redis_server const& server) const {
    return sentinel->command({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main"}) == "127.0.0.1\n" + server.port() + "\n";
  }

  bool follows(redis_server const& server) const { return server.command({"INFO", "replication"}).find("role:slave") != std::string::npos; }

  /** What the first server is told from now on the second does not hear; whoever is connected stays so. */
  void cut_replication() {
    first.command({"CONFIG", "SET", "requirepass", "nobody"});
    second.command({"CLIENT", "KILL", "TYPE", "master"});
    wait_for([this] { return second.command({"INFO", "replication"}).find("master_link_status:down") != std::string::npos; });
  }

  /** Calls go on until the Sentinel names the second server; returns when that was. */
  std::chrono::steady_clock::time_point run_until_second_is_named() {
    std::chrono::steady_clock::time_point next_look;
    run_until([&] {
      if (std::chrono::steady_clock::now() < next_look) return false;
      next_look = std::chrono::steady_clock::now() + 20ms;
      return is_named(second);
    });
    return std::chrono::steady_clock::now();
  }

  redis_server first;
  redis_server second;
  std::unique_ptr<redis_server> sentinel;
};

}  // namespace mooring::test
