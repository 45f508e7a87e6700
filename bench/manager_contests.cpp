#include "contest.hpp"
#include "floors.hpp"
#include "instant_factory.hpp"
#include "keys.hpp"
#include "loops.hpp"

#include <mooring/cache/validating_cache.hpp>
#include <mooring/session/session_manager.hpp>
#include <mooring/storage/local_storage.hpp>

#include <memory>
#include <stdexcept>

namespace mooring::bench {
namespace {

constexpr std::size_t session_count = 1000;

using manager_type = session_manager<empty_session>;

// A replica, its storage, and a second replica on the same storage; and a bare cache of the same ids, as the floor.
struct replicas {
  explicit replicas(std::uint64_t seed) : asked(uniform_queries(session_count, query_count, seed)) {
    local_storage_options stored;
    stored.is_sweeping = false;
    auto made = local_storage<metadata>::make(io.get_executor(), stored);
    if (!made) throw std::runtime_error("the storage was refused");
    store = std::move(*made);
    first = make_manager();
    asio::co_spawn(io, fill(), [this](std::exception_ptr failure) {
      if (failure) std::rethrow_exception(failure);
      io.stop();
    });
    io.run();
    cache_callbacks<std::string, handle> calls;
    calls.load = [](std::string) { return load_answer<handle>(std::make_shared<int>(1)); };
    calls.check = [](std::string const&, handle const&) -> check_answer { return verdict::alive; };
    auto cache = validating_cache<std::string, handle>::make(io.get_executor(), std::move(calls), {});
    if (!cache) throw std::runtime_error("the cache was refused");
    floor = std::move(*cache);
    for (auto const& id : ids)
      if (!floor->set(id, std::make_shared<int>(1))) throw std::runtime_error("a key could not be set");
  }

  std::unique_ptr<manager_type> make_manager() {
    manager_options options;
    options.closes_storage = false;
    options.max_sessions = 1'000'000;
    std::string why;
    auto made = manager_type::make(io.get_executor(), store, std::make_shared<instant_factory>(), options, &why);
    if (!made) throw std::runtime_error(why);
    return std::move(*made);
  }

  awaitable<void> fill() {
    for (std::size_t i = 0; i < session_count; ++i) {
      open_parameters parameters;
      auto got = co_await first->open(principal::anonymous(), std::move(parameters));
      if (!got) throw std::runtime_error(got.error().message());
      ids.push_back(got->id);
    }
  }

  std::string const& id_of(std::size_t query) const { return ids[asked[query & (query_count - 1)]]; }

  asio::io_context io;
  std::vector<std::uint32_t> const asked;
  std::vector<std::string> ids;
  std::shared_ptr<local_storage<metadata>> store;
  std::unique_ptr<manager_type> first;
  std::unique_ptr<validating_cache<std::string, handle>> floor;
};

using shared_replicas = std::shared_ptr<replicas>;

awaitable<bool> validate(shared_replicas on, std::size_t query) {
  auto const known = co_await on->first->validate(on->id_of(query), principal::anonymous());
  co_return known && *known == validity::live;
}

awaitable<bool> open_and_terminate(shared_replicas on) {
  open_parameters parameters;
  auto got = co_await on->first->open(principal::anonymous(), std::move(parameters));
  if (!got) co_return false;
  auto const id = got->id;
  got->lease.release();
  auto const ended = co_await on->first->terminate(id, principal::anonymous());
  co_return ended.has_value();
}

// Each get of this replica restores: its cache holds one session, and two are asked for in turn.
struct restorer {
  explicit restorer(replicas& on) {
    manager_options options;
    options.closes_storage = false;
    options.cache_capacity = 1;
    options.max_sessions = 1'000'000;
    auto made = manager_type::make(on.io.get_executor(), on.store, std::make_shared<instant_factory>(), options);
    if (!made) throw std::runtime_error("the manager was refused");
    manager = std::move(*made);
  }
  std::unique_ptr<manager_type> manager;
};

}  // namespace

std::vector<contest> manager_contests(bench_options const& options) {
  contest asks{"manager, local storage", [seed = options.seed] {
    auto const on = std::make_shared<replicas>(seed);
    auto const with = std::make_shared<restorer>(*on);
    std::vector<contestant> all;
    auto const add = [&](char const* name, auto step, std::size_t batch) {
      all.push_back({name, [=](double seconds) {
        return run_tasks(on->io, 1, 1, seconds, [&](workbench& bench, std::size_t) { return await_in_a_loop(bench, 0, step, batch); });
      }});
    };
    add("cache get", [on](std::size_t n) { return on->floor->get(on->id_of(n)); }, usual_batch);
    add("get", [on](std::size_t n) { return on->first->get(on->id_of(n), principal::anonymous()); }, usual_batch);
    add("validate", [on](std::size_t n) { return validate(on, n); }, usual_batch);
    add("open and terminate", [on](std::size_t) { return open_and_terminate(on); }, 16);
    add("restore", [on, with](std::size_t n) { return with->manager->get(on->ids[n % 2], principal::anonymous()); }, 16);
    return all;
  }};
  return {std::move(asks)};
}

}  // namespace mooring::bench
