#include "cache_table.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <stdexcept>

namespace mooring::bench {
namespace {

awaitable<result<verdict>> ready_check() { co_return verdict::alive; }

awaitable<result<verdict>> suspending_check() {
  auto const ex = co_await asio::this_coro::executor;
  co_await asio::post(ex, asio::use_awaitable);
  co_return verdict::alive;
}

}  // namespace

std::unique_ptr<cache_type> make_cache(asio::io_context& io, std::size_t capacity, check_kind kind) {
  cache_callbacks<std::string, handle> calls;
  calls.load = [](std::string) { return load_answer<handle>(std::make_shared<int>(1)); };
  calls.check = [kind](std::string const&, handle const&) -> check_answer {
    if (kind == check_kind::at_once) return verdict::alive;
    return kind == check_kind::suspends ? suspending_check() : ready_check();
  };
  cache_options options;
  options.capacity_entries = capacity;
  std::string why;
  auto made = cache_type::make(io.get_executor(), std::move(calls), options, &why);
  if (!made) throw std::runtime_error(why);
  return std::move(*made);
}

cache_table::cache_table(std::size_t entries, check_kind kind, std::uint64_t seed)
    : queries(uuid_texts(entries, seed)), cache(make_cache(io, entries, kind)) {
  for (auto const& key : uuid_texts(entries, seed))
    if (!cache->set(key, std::make_shared<int>(1))) throw std::runtime_error("a key could not be set");
  if (cache->size() != entries) throw std::runtime_error("the cache does not hold what it was given");
}

std::vector<contest> cache_contests(bench_options const& options) {
  std::vector<contest> all;
  all.push_back(hits(options, 1000, "hit, 1 000 entries"));
  all.push_back(hits(options, options.is_quick ? 10'000 : 1'000'000, "hit, 1 000 000 entries"));
  for (std::size_t const threads : {std::size_t(1), std::size_t(2)})
    if (options.threads == 0 || options.threads == threads) all.push_back(hits_of_many(options, threads));
  for (std::size_t const tasks : {std::size_t(64), std::size_t(1024)}) all.push_back(hot_key(options, tasks));
  all.push_back(miss_storm(options));
  all.push_back(churn(options));
  all.push_back(memory(options));
  return all;
}

}  // namespace mooring::bench
