#include "redis_contests.hpp"

#include "keys.hpp"
#include "loops.hpp"
#include "redis_target.hpp"

#include <mooring/session/metadata.hpp>
#include <mooring/storage/redis_storage.hpp>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/redis/connection.hpp>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <stdexcept>

// How much of Boost.Redis's throughput is left once every load has a deadline, and how far one pipelined connection gets beyond one connection for each caller.

namespace mooring::bench {
namespace {

namespace redis = boost::redis;
using store_type = redis_storage<metadata>;

constexpr std::size_t entries = 1000;
constexpr std::size_t batch = 16;  // with many in flight, operations between two looks at the clock add up

metadata sample_value() {
  metadata value;
  value["tenant"] = "one of a few";
  value["client"] = "a name and a version";
  return value;
}

// As redis-benchmark makes them: numbers of twelve digits.
std::vector<std::string> twelve_digits() {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < entries; ++i) {
    auto const number = std::to_string(i);
    all.push_back(std::string(12 - number.size(), '0') + number);
  }
  return all;
}

// Records in a server, and a storage that reaches them.
struct redis_records_bench {
  redis_records_bench(bench_options const& options, std::uint64_t seed)
      : target(options), ids(twelve_digits()), asked(uniform_queries(entries, query_count, seed)) {
    std::string why;
    auto made = store_type::make(io.get_executor(), target.options(), &why);
    if (!made) throw std::runtime_error(why);
    store = std::move(*made);
    asio::co_spawn(io, fill(), [this](std::exception_ptr failure) {
      if (failure) std::rethrow_exception(failure);
      io.stop();
    });
    io.run();
  }

  awaitable<void> fill() {
    for (auto const& id : ids) {
      auto value = sample_value();
      auto const written = co_await store->store(id, std::move(value));
      if (!written.is_written()) throw std::runtime_error("the Redis server takes no records: " + written.error().message());
    }
  }

  std::string const& id_of(std::size_t query) const { return ids[asked[query & (query_count - 1)]]; }

  redis_target const target;
  asio::io_context io;
  std::vector<std::string> const ids;
  std::vector<std::uint32_t> const asked;
  std::shared_ptr<store_type> store;
};

using shared_records = std::shared_ptr<redis_records_bench>;

std::string ttl_of(redis_storage_options const& options) { return std::to_string(options.ttl / std::chrono::milliseconds(1)); }

// Boost.Redis as its documentation shows it, with nothing round it.
struct plain_redis {
  explicit plain_redis(redis_storage_options const& to) : prefix(to.key_prefix), ttl(ttl_of(to)) {
    redis::config made;
    if (to.address) made.addr = {to.address->host, to.address->port};
    made.unix_socket = to.unix_socket;
    if (!to.username.empty()) made.username = to.username;
    made.password = std::string(to.password.text());
    if (to.database != 0) made.database_index = to.database;
    made.health_check_interval = std::chrono::seconds::zero();
    connection.async_run(made, [](boost::system::error_code) {});  // its end is the end of what is measured
  }

  awaitable<bool> load(std::string id) {
    redis::request sent;
    sent.push("GETEX", prefix + id, "PX", ttl);
    redis::response<std::optional<std::string>> got;
    boost::system::error_code ec;
    auto token = asio::redirect_error(asio::use_awaitable, ec);
    co_await connection.async_exec(sent, got, token);
    auto const& text = std::get<0>(got);
    co_return !ec && text.has_value() && text.value().has_value();
  }

  asio::io_context io;
  std::string const prefix;
  std::string const ttl;
  redis::connection connection{io, redis::logger(redis::logger::level::disabled)};
};

// Runs about as long as asked, by how fast it was the last time.
contestant benchmark_contestant(shared_records on, std::size_t in_flight) {
  auto const rate = std::make_shared<double>(20'000);
  return {"redis-benchmark -P 1", [=](double seconds) {
    auto const requests = std::max<std::uint64_t>(2 * in_flight, static_cast<std::uint64_t>(seconds * *rate));
    auto const& options = on->target.options();
    std::vector<std::string> const command{"GETEX", options.key_prefix + "__rand_int__", "PX", ttl_of(options)};
    auto done = on->target.benchmark(command, in_flight, requests, entries);
    *rate = 1e9 / done.cost.wall_ns();
    return done;
  }};
}

std::string in_flight_text(std::size_t number) { return std::to_string(number) + " in flight"; }

contest loads(bench_options const& options, std::size_t in_flight) {
  return {"Redis load, " + in_flight_text(in_flight), [options, in_flight] {
    auto const on = std::make_shared<redis_records_bench>(options, options.seed);
    auto const plain = std::make_shared<plain_redis>(on->target.options());
    std::vector<contestant> all;
    all.push_back({"Boost.Redis, no deadline", [=](double seconds) {
      return run_tasks(plain->io, 1, in_flight, seconds, [&](workbench& bench, std::size_t i) {
        return await_in_a_loop(bench, i * 977, [=](std::size_t n) { return plain->load(on->id_of(n)); }, batch);
      });
    }});
    all.push_back({"load", [=](double seconds) {
      return run_tasks(on->io, 1, in_flight, seconds, [&](workbench& bench, std::size_t i) {
        return await_in_a_loop(bench, i * 977, [=](std::size_t n) { return on->store->load(on->id_of(n)); }, batch);
      });
    }});
    all.push_back(benchmark_contestant(on, in_flight));
    return all;
  }};
}

awaitable<bool> create_and_erase(shared_records on, std::string id) {
  auto value = sample_value();
  auto const written = co_await on->store->create(id, std::move(value));
  auto const erased = co_await on->store->erase(id);
  co_return written.is_written() && erased.has_value() && *erased;
}

contest operations(bench_options const& options, std::size_t in_flight) {
  return {"Redis storage, " + in_flight_text(in_flight), [options, in_flight] {
    auto const on = std::make_shared<redis_records_bench>(options, options.seed);
    std::vector<contestant> all;
    auto const add = [&](char const* name, auto step) {
      all.push_back({name, [=](double seconds) {
        return run_tasks(on->io, 1, in_flight, seconds, [&](workbench& bench, std::size_t i) {
          return await_in_a_loop(bench, i * 977, [=](std::size_t n) { return step(n, i); }, batch);
        });
      }});
    };
    add("load", [on](std::size_t n, std::size_t) { return on->store->load(on->id_of(n)); });
    add("peek", [on](std::size_t n, std::size_t) { return on->store->peek(on->id_of(n)); });
    add("touch", [on](std::size_t n, std::size_t) { return on->store->touch(on->id_of(n)); });
    add("update", [on](std::size_t n, std::size_t) { return on->store->update(on->id_of(n), sample_value()); });
    add("update_hints", [on](std::size_t n, std::size_t) { return on->store->update_hints(on->id_of(n), {}); });
    // Each task has an id of its own.
    add("create and erase", [on](std::size_t, std::size_t task) { return create_and_erase(on, "new-" + std::to_string(task)); });
    return all;
  }};
}

}  // namespace

std::vector<contest> redis_storage_contests(bench_options const& options) {
  std::vector<contest> all;
  for (auto const in_flight : redis_depths(options)) all.push_back(loads(options, in_flight));
  if (!all.empty()) all.push_back(operations(options, options.tasks != 0 ? options.tasks : 64));
  return all;
}

}  // namespace mooring::bench
