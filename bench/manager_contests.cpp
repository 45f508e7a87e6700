#include "contest.hpp"
#include "floors.hpp"
#include "keys.hpp"
#include "tasks.hpp"

#include <mooring/cache/validating_cache.hpp>
#include <mooring/session/session_manager.hpp>
#include <mooring/storage/local_storage.hpp>

#include <memory>
#include <stdexcept>

namespace mooring::bench {
namespace {

constexpr std::size_t session_count = 1000;
constexpr std::size_t query_count = 1 << 16;
constexpr std::size_t batch = 64;

struct empty_session {};

class instant_factory final : public session_factory<empty_session> {
 public:
  awaitable<result<opened<empty_session>>> open(session_request) override { co_return opened<empty_session>(std::make_shared<empty_session>()); }
  awaitable<void> close(std::string, std::shared_ptr<empty_session>, disposal_reason) override { co_return; }
};

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

  asio::io_context io;
  std::vector<std::uint32_t> const asked;
  std::vector<std::string> ids;
  std::shared_ptr<local_storage<metadata>> store;
  std::unique_ptr<manager_type> first;
  std::unique_ptr<validating_cache<std::string, handle>> floor;
};

using shared_replicas = std::shared_ptr<replicas>;

template <class Step>
awaitable<void> repeat(workbench& bench, shared_replicas on, Step step) {
  sampler timed;
  std::uint64_t done = 0;
  std::size_t next = 0;
  while (!bench.is_over()) {
    for (std::size_t i = 0; i < batch; ++i) {
      auto const& id = on->ids[on->asked[++next & (query_count - 1)]];
      bool const sampled = timed.is_due();
      if (sampled) timed.begin();
      auto const is_right = co_await step(*on, id);
      if (sampled) timed.end();
      if (!is_right) throw std::runtime_error("an operation of the manager failed");
    }
    done += batch;
  }
  bench.report(done, timed.spread());
}

awaitable<void> get_from_cache(workbench& bench, shared_replicas on) {
  sampler timed;
  std::uint64_t done = 0;
  std::size_t next = 0;
  while (!bench.is_over()) {
    for (std::size_t i = 0; i < batch; ++i) {
      auto const& id = on->ids[on->asked[++next & (query_count - 1)]];
      bool const sampled = timed.is_due();
      if (sampled) timed.begin();
      auto const got = co_await on->floor->get(id);
      if (sampled) timed.end();
      if (!got || !*got) throw std::runtime_error("a present key was not found");
    }
    done += batch;
  }
  bench.report(done, timed.spread());
}

awaitable<void> get_from_manager(workbench& bench, shared_replicas on) {
  sampler timed;
  std::uint64_t done = 0;
  std::size_t next = 0;
  while (!bench.is_over()) {
    for (std::size_t i = 0; i < batch; ++i) {
      auto const& id = on->ids[on->asked[++next & (query_count - 1)]];
      bool const sampled = timed.is_due();
      if (sampled) timed.begin();
      auto const got = co_await on->first->get(id, principal::anonymous());
      if (sampled) timed.end();
      if (!got || !*got) throw std::runtime_error("a live session was not found");
    }
    done += batch;
  }
  bench.report(done, timed.spread());
}

awaitable<bool> validate(replicas& on, std::string const& id) {
  auto const known = co_await on.first->validate(id, principal::anonymous());
  co_return known && *known == validity::live;
}

awaitable<bool> open_and_terminate(replicas& on, std::string const&) {
  open_parameters parameters;
  auto got = co_await on.first->open(principal::anonymous(), std::move(parameters));
  if (!got) co_return false;
  auto const id = got->id;
  got->lease.release();
  auto const ended = co_await on.first->terminate(id, principal::anonymous());
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

awaitable<void> restore(workbench& bench, shared_replicas on, std::shared_ptr<restorer> with) {
  latencies spread;
  std::uint64_t done = 0;
  while (!bench.is_over()) {
    for (std::size_t i = 0; i < 2; ++i) {
      auto const start = std::chrono::steady_clock::now();
      auto const got = co_await with->manager->get(on->ids[i], principal::anonymous());
      spread.record(std::chrono::steady_clock::now() - start);
      if (!got || !*got) throw std::runtime_error("a session was not restored");
    }
    done += 2;
  }
  bench.report(done, spread);
}

}  // namespace

std::vector<contest> manager_contests(bench_options const& options) {
  auto const on = std::make_shared<replicas>(options.seed);
  auto const with = std::make_shared<restorer>(*on);
  contest asks{"manager, local storage", {}};
  auto run_one = [on](double seconds, auto make) {
    return run_tasks(on->io, 1, 1, seconds, [&](workbench& bench, std::size_t) { return make(bench); });
  };
  asks.contestants.push_back({"cache get", [=](double s) { return run_one(s, [&](workbench& b) { return get_from_cache(b, on); }); }});
  asks.contestants.push_back({"get", [=](double s) { return run_one(s, [&](workbench& b) { return get_from_manager(b, on); }); }});
  asks.contestants.push_back({"validate", [=](double s) { return run_one(s, [&](workbench& b) { return repeat(b, on, validate); }); }});
  asks.contestants.push_back({"open and terminate", [=](double s) { return run_one(s, [&](workbench& b) { return repeat(b, on, open_and_terminate); }); }});
  asks.contestants.push_back({"restore", [=](double s) { return run_one(s, [&](workbench& b) { return restore(b, on, with); }); }});
  return {std::move(asks)};
}

}  // namespace mooring::bench
