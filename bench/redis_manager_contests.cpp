#include "instant_factory.hpp"
#include "keys.hpp"
#include "loops.hpp"
#include "redis_contests.hpp"
#include "redis_target.hpp"

#include <mooring/session/metadata.hpp>
#include <mooring/session/session_manager.hpp>
#include <mooring/storage/redis_storage.hpp>

#include <memory>
#include <stdexcept>

// What a replica adds to the one load that each of its gets is checked by.

namespace mooring::bench {
namespace {

using manager_type = session_manager<empty_session>;

constexpr std::size_t session_count = 1000;
constexpr std::size_t batch = 16;

struct redis_replica {
  explicit redis_replica(bench_options const& options) : target(options), asked(uniform_queries(session_count, query_count, options.seed)) {
    std::string why;
    auto made = redis_storage<metadata>::make(io.get_executor(), target.options(), &why);
    if (!made) throw std::runtime_error(why);
    store = std::move(*made);
    manager_options kept;
    kept.closes_storage = false;
    kept.max_sessions = 1'000'000;
    auto sessions = manager_type::make(io.get_executor(), store, std::make_shared<instant_factory>(), kept, &why);
    if (!sessions) throw std::runtime_error(why);
    manager = std::move(*sessions);
    asio::co_spawn(io, fill(), [this](std::exception_ptr failure) {
      if (failure) std::rethrow_exception(failure);
      io.stop();
    });
    io.run();
  }

  awaitable<void> fill() {
    for (std::size_t i = 0; i < session_count; ++i) {
      open_parameters parameters;
      auto got = co_await manager->open(principal::anonymous(), std::move(parameters));
      if (!got) throw std::runtime_error("no session could be opened in Redis: " + got.error().message());
      ids.push_back(got->id);
    }
  }

  std::string const& id_of(std::size_t query) const { return ids[asked[query & (query_count - 1)]]; }

  redis_target const target;
  asio::io_context io;
  std::vector<std::uint32_t> const asked;
  std::vector<std::string> ids;
  std::shared_ptr<redis_storage<metadata>> store;
  std::unique_ptr<manager_type> manager;
};

awaitable<bool> open_and_terminate(std::shared_ptr<redis_replica> on) {
  open_parameters parameters;
  auto got = co_await on->manager->open(principal::anonymous(), std::move(parameters));
  if (!got) co_return false;
  auto const id = got->id;
  got->lease.release();
  auto const ended = co_await on->manager->terminate(id, principal::anonymous());
  co_return ended.has_value();
}

contest gets(bench_options const& options, std::size_t in_flight) {
  return {"Redis manager, " + std::to_string(in_flight) + " in flight", [options, in_flight] {
    auto const on = std::make_shared<redis_replica>(options);
    std::vector<contestant> all;
    auto const add = [&](char const* name, auto step) {
      all.push_back({name, [=](double seconds) {
        return run_tasks(on->io, 1, in_flight, seconds, [&](workbench& bench, std::size_t i) { return await_in_a_loop(bench, i * 977, step, batch); });
      }});
    };
    add("load", [on](std::size_t n) { return on->store->load(on->id_of(n)); });
    add("get", [on](std::size_t n) { return on->manager->get(on->id_of(n), principal::anonymous()); });
    add("open and terminate", [on](std::size_t) { return open_and_terminate(on); });
    return all;
  }};
}

}  // namespace

std::vector<contest> redis_manager_contests(bench_options const& options) {
  std::vector<contest> all;
  for (auto const in_flight : redis_depths(options)) all.push_back(gets(options, in_flight));
  return all;
}

}  // namespace mooring::bench
