#include "cache_table.hpp"

// What it costs to come and to go, and how much room it takes to stay.

namespace mooring::bench {

contest churn(bench_options const& options) {
  return {"churn", [seed = options.seed] {
    std::size_t const entries = 1000;
    auto const keys = std::make_shared<std::vector<std::string> const>(uuid_texts(10 * entries, seed));
    query_order const asked(uniform_queries(10 * entries, query_count, seed + 3));
    auto const flat = std::make_shared<flat_lru>(entries);
    auto const on = std::make_shared<cache_table>(entries, check_kind::at_once, seed + 4);
    std::vector<contestant> all;
    all.push_back({"flat LRU", [=](double seconds) {
      return run_threads(1, seconds, [&](workbench& bench, std::size_t i) {
        call_in_a_loop(bench, start_of(i), [&](std::size_t n) {
          auto const& key = (*keys)[asked(n)];
          auto found = flat->find(key);
          if (!found) flat->insert(key, found = std::make_shared<int>(1));
          return found;
        });
      });
    }});
    auto const add = [&](std::string name, std::size_t threads, std::size_t tasks) {
      all.push_back({std::move(name), [=](double seconds) {
        return run_tasks(on->io, threads, tasks, seconds, [&](workbench& bench, std::size_t i) {
          return await_in_a_loop(bench, start_of(i), [=](std::size_t n) { return on->cache->get_borrowed((*keys)[asked(n)]); });
        });
      }});
    };
    add("get, 1 task", 1, 1);
    add("get, 64 tasks, 2 threads", 2, 64);
    return all;
  }};
}

contest memory(bench_options const& options) {
  return {"memory", [entries = options.is_quick ? std::size_t{10'000} : std::size_t{1'000'000}, seed = options.seed] {
    // One object for all handles, so that what they refer to, which is the user's, does not count.
    auto const weigh = [entries, seed](auto make, auto put) {
      handle const value = std::make_shared<int>(1);
      run_result done;
      auto const before = bytes_in_use();
      auto held = make();
      {
        meter measure;
        for (std::size_t block = 0; block < 100; ++block)
          for (auto const& key : uuid_texts(entries / 100, seed + block)) put(*held, key, value);
        done.cost = measure.stop(entries);
      }
      done.facts["bytes per entry"] = double(bytes_in_use() - before) / double(entries);
      return done;
    };
    std::vector<contestant> all;
    all.push_back({"flat LRU", [=](double) {
      return weigh([&] { return std::make_unique<flat_lru>(entries); }, [](flat_lru& held, std::string const& key, handle const& value) { held.insert(key, value); });
    }});
    all.push_back({"cache", [=](double) {
      auto const io = std::make_shared<asio::io_context>();
      return weigh([&] { return make_cache(*io, entries, check_kind::at_once); },
                   [](cache_type& held, std::string const& key, handle const& value) {
                     if (!held.set(key, value)) throw std::runtime_error("a key could not be set");
                   });
    }});
    return all;
  }};
}

}  // namespace mooring::bench
