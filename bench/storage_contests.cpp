#include "contest.hpp"
#include "keys.hpp"
#include "loops.hpp"

#include <mooring/session/metadata.hpp>
#include <mooring/storage/local_storage.hpp>

#include <memory>
#include <mutex>
#include <stdexcept>
#include <unordered_map>

// What each operation of the local storage costs, beside the same records in a plain map.

namespace mooring::bench {
namespace {

using store_type = local_storage<metadata>;

metadata sample_value() {
  metadata value;
  value["tenant"] = "one of a few";
  value["client"] = "a name and a version";
  return value;
}

struct plain_map {
  std::optional<stored<metadata>> find(std::string const& key) {
    std::lock_guard lock(mutex);
    auto const place = records.find(key);
    if (place == records.end()) return std::nullopt;
    return place->second;
  }
  std::mutex mutex;
  std::unordered_map<std::string, stored<metadata>> records;
};

struct bench_store {
  static constexpr std::size_t entries = 1000;

  explicit bench_store(std::uint64_t seed) : keys(uuid_texts(entries, seed)), asked(uniform_queries(entries, query_count, seed + 1)) {
    local_storage_options options;
    options.is_sweeping = false;
    auto made = store_type::make(io.get_executor(), options);
    if (!made) throw std::runtime_error("the storage was refused");
    store = std::move(*made);
    for (auto const& key : keys) {
      floor.records.emplace(key, stored<metadata>(revision(1, 1), sample_value(), {}));
      asio::co_spawn(io, store->store(key, sample_value()), [](std::exception_ptr, write_outcome) {});
    }
    io.run();
  }

  std::string const& key_of(std::size_t query) const { return keys[asked[query & (query_count - 1)]]; }

  asio::io_context io;
  std::vector<std::string> const keys;
  std::vector<std::uint32_t> const asked;
  std::shared_ptr<store_type> store;
  plain_map floor;
};

// Two threads may create the same new key at once: what becomes of it does not count.
awaitable<bool> create_and_erase(std::shared_ptr<bench_store> on, std::size_t query) {
  auto fresh = on->key_of(query) + "-new";
  auto value = sample_value();
  auto const written = co_await on->store->create(fresh, std::move(value));
  auto const erased = co_await on->store->erase(fresh);
  co_return erased.has_value() && (written.has_value() || written.error() == errc::exists);
}

contest local_operations(bench_options const& options, std::size_t threads) {
  return {"local storage, " + std::to_string(threads) + (threads == 1 ? " thread" : " threads"), [threads, seed = options.seed] {
    auto const on = std::make_shared<bench_store>(seed);
    std::vector<contestant> all;
    all.push_back({"map, mutex: find", [=](double seconds) {
      return run_threads(threads, seconds, [&](workbench& bench, std::size_t i) {
        call_in_a_loop(bench, i * 977, [&](std::size_t n) { return on->floor.find(on->key_of(n)).has_value(); });
      });
    }});
    auto const add = [&](char const* name, auto step) {
      all.push_back({name, [=](double seconds) {
        return run_tasks(on->io, threads, threads, seconds, [&](workbench& bench, std::size_t i) { return await_in_a_loop(bench, i * 977, step); });
      }});
    };
    add("load", [on](std::size_t n) { return on->store->load(on->key_of(n)); });
    add("peek", [on](std::size_t n) { return on->store->peek(on->key_of(n)); });
    add("touch", [on](std::size_t n) { return on->store->touch(on->key_of(n)); });
    add("update", [on](std::size_t n) { return on->store->update(on->key_of(n), sample_value()); });
    add("update_hints", [on](std::size_t n) { return on->store->update_hints(on->key_of(n), {}); });
    add("create and erase", [on](std::size_t n) { return create_and_erase(on, n); });
    return all;
  }};
}

}  // namespace

std::vector<contest> storage_contests(bench_options const& options) {
  std::vector<contest> all;
  for (std::size_t const threads : {std::size_t(1), std::size_t(2)})
    if (options.threads == 0 || options.threads == threads) all.push_back(local_operations(options, threads));
  return all;
}

}  // namespace mooring::bench
