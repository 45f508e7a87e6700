#include "contest.hpp"
#include "keys.hpp"
#include "tasks.hpp"

#include <mooring/session/metadata.hpp>
#include <mooring/storage/local_storage.hpp>

#include <memory>
#include <mutex>
#include <stdexcept>
#include <unordered_map>

namespace mooring::bench {
namespace {

using store_type = local_storage<metadata>;

constexpr std::size_t entries = 1000;
constexpr std::size_t query_count = 1 << 16;
constexpr std::size_t batch = 256;

metadata sample_value() {
  metadata value;
  value["tenant"] = "one of a few";
  value["client"] = "a name and a version";
  return value;
}

// What a storage cannot be faster than: the same records in a plain map.
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

  asio::io_context io;
  std::vector<std::string> const keys;
  std::vector<std::uint32_t> const asked;
  std::shared_ptr<store_type> store;
  plain_map floor;
};

enum class operation { peek, touch, update, update_hints, create_and_erase };

awaitable<bool> carry_out(bench_store& on, operation what, std::string const& key) {
  switch (what) {
    case operation::peek: {
      auto const found = co_await on.store->peek(key);
      co_return found && *found;
    }
    case operation::touch: {
      auto const found = co_await on.store->touch(key);
      co_return found && *found;
    }
    case operation::update: {
      auto value = sample_value();
      auto const written = co_await on.store->update(key, std::move(value));
      co_return written.is_written();
    }
    case operation::update_hints: {
      hint_map hints;
      auto const written = co_await on.store->update_hints(key, std::move(hints));
      co_return written && *written;
    }
    case operation::create_and_erase: {
      auto fresh = key + "-new";
      auto value = sample_value();
      auto const written = co_await on.store->create(fresh, std::move(value));
      auto const erased = co_await on.store->erase(fresh);
      co_return written.is_written() && erased && *erased;
    }
  }
  co_return false;
}

awaitable<void> operate(workbench& bench, std::shared_ptr<bench_store> on, operation what, std::size_t start) {
  sampler timed;
  std::uint64_t done = 0;
  std::size_t next = start;
  while (!bench.is_over()) {
    for (std::size_t i = 0; i < batch; ++i) {
      auto const& key = on->keys[on->asked[++next & (query_count - 1)]];
      bool const sampled = timed.is_due();
      if (sampled) timed.begin();
      auto const is_right = co_await carry_out(*on, what, key);
      if (sampled) timed.end();
      // Two threads may create the same new key at once; everything else must succeed.
      if (!is_right && what != operation::create_and_erase) throw std::runtime_error("a storage operation failed");
    }
    done += batch;
  }
  bench.report(done, timed.spread());
}

awaitable<void> load_directly(workbench& bench, std::shared_ptr<bench_store> on, std::size_t start) {
  sampler timed;
  std::uint64_t done = 0;
  std::size_t next = start;
  while (!bench.is_over()) {
    for (std::size_t i = 0; i < batch; ++i) {
      auto const& key = on->keys[on->asked[++next & (query_count - 1)]];
      bool const sampled = timed.is_due();
      if (sampled) timed.begin();
      auto const found = co_await on->store->load(key);
      if (sampled) timed.end();
      if (!found || !*found) throw std::runtime_error("a present record was not found");
    }
    done += batch;
  }
  bench.report(done, timed.spread());
}

contest local_operations(bench_options const& options, std::size_t threads) {
  auto const on = std::make_shared<bench_store>(options.seed);
  contest asks{"local storage, " + std::to_string(threads) + (threads == 1 ? " thread" : " threads"), {}};
  asks.contestants.push_back({"map, mutex: find", [=](double seconds) {
    return run_threads(threads, seconds, [&](workbench& bench, std::size_t i) {
      std::uint64_t done = 0;
      std::size_t next = i * 977;
      while (!bench.is_over()) {
        for (std::size_t k = 0; k < batch; ++k)
          if (!on->floor.find(on->keys[on->asked[++next & (query_count - 1)]])) throw std::runtime_error("a present record was not found");
        done += batch;
      }
      bench.report(done, {});
    });
  }});
  asks.contestants.push_back({"load", [=](double seconds) {
    return run_tasks(on->io, threads, threads, seconds, [&](workbench& bench, std::size_t i) { return load_directly(bench, on, i * 977); });
  }});
  auto add = [&](char const* name, operation what) {
    asks.contestants.push_back({name, [=](double seconds) {
      return run_tasks(on->io, threads, threads, seconds, [&](workbench& bench, std::size_t i) { return operate(bench, on, what, i * 977); });
    }});
  };
  add("peek", operation::peek);
  add("touch", operation::touch);
  add("update", operation::update);
  add("update_hints", operation::update_hints);
  add("create and erase", operation::create_and_erase);
  return asks;
}

}  // namespace

std::vector<contest> storage_contests(bench_options const& options) {
  std::vector<contest> all;
  for (std::size_t const threads : {std::size_t(1), std::size_t(2)})
    if (options.threads == 0 || options.threads == threads) all.push_back(local_operations(options, threads));
  return all;
}

}  // namespace mooring::bench
