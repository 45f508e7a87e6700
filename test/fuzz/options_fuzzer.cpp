// Options of cache and storage: any figures are taken, or refused with a sentence that says why. What is taken works.

#include "fuzz/fuzzing.hpp"
#include "simulation/simulation.hpp"

#include <mooring/cache/validating_cache.hpp>
#include <mooring/session/binding.hpp>
#include <mooring/storage/local_storage.hpp>

#include <boost/asio/co_spawn.hpp>

#include <memory>

namespace {

using namespace mooring;
using test::demand;

void run(test::simulation& sim, awaitable<void> work) {
  asio::co_spawn(sim.get_executor(), std::move(work), [](std::exception_ptr thrown) { demand(!thrown, "a call threw"); });
  sim.run_for(std::chrono::milliseconds(1));
}

awaitable<void> use(storage<text_map>& store) {
  text_map const value{{"key", "value"}};
  auto const made = co_await store.create("id", value);
  demand(made.is_written() || made.error() == errc::too_large, "an accepted storage does not store");
  co_await store.close();
}

void try_storage(test::decisions& input) {
  test::simulation sim(1);
  local_storage_options options;
  options.ttl = duration(input.number());
  if (input.below(2) == 1) options.absolute_lifetime = duration(input.number());
  if (input.below(2) == 1) options.sweep_interval = duration(input.number());
  options.max_entries = static_cast<std::size_t>(input.number());
  options.limits.max_entries = input.below(4);
  options.limits.max_key_bytes = input.below(8);
  options.limits.max_value_bytes = input.below(8);
  options.limits.max_total_bytes = input.below(32);
  // So short a sweep would be all that the virtual time is spent on.
  options.is_sweeping = options.sweep_interval.value_or(options.ttl / 2) > std::chrono::milliseconds(1) && input.below(2) == 1;
  std::string why;
  auto const made = local_storage<text_map>::make(sim.get_executor(), options, &why);
  bool const is_right = options.ttl > duration::zero() && (!options.absolute_lifetime || *options.absolute_lifetime >= options.ttl) && options.max_entries > 0 &&
                        (!options.sweep_interval || *options.sweep_interval >= std::chrono::milliseconds(1));
  demand(made.has_value() == is_right, "storage options are judged by another rule (ST22)");
  demand(why.empty() == made.has_value(), "storage options are refused without a reason");
  if (made) run(sim, use(**made));
}

void try_cache(test::decisions& input) {
  test::simulation sim(1);
  cache_options options;
  options.capacity_entries = static_cast<std::size_t>(input.number());
  options.max_stale = duration(input.number());
  options.check_interval = duration(input.number());
  options.negative_ttl = duration(input.number());
  options.negative_entries = static_cast<std::size_t>(input.number());
  options.failure_backoff = duration(input.number());
  options.failure_backoff_limit = duration(input.number());
  options.load_timeout = duration(input.number());
  options.drain_deadline = duration(input.number());
  options.max_flights = static_cast<std::size_t>(input.number());
  options.max_waiters = static_cast<std::size_t>(input.number());
  auto const sentence = explain(options);
  cache_callbacks<std::string, int> callbacks;
  callbacks.load = [](std::string) { return 7; };
  callbacks.check = [](std::string const&, int const&) { return verdict::alive; };
  std::string why;
  auto made = validating_cache<std::string, int>::make(sim.get_executor(), callbacks, options, &why);
  demand(made.has_value() == sentence.empty() && why == sentence, "cache options are refused without a reason (CA01)");
  if (!made) return;
  auto const stored = (*made)->set("key", 1);
  demand(stored.has_value() && (*made)->size() == 1, "an accepted cache does not store");
}

void try_keys(test::decisions& input) {
  std::vector<binding_key> keys;
  for (auto count = input.below(4); count > 0; --count) {
    auto const id = input.text();
    keys.emplace_back(id, secret(input.text()));
  }
  std::string why;
  auto const made = owner_binder::make(keys, &why);
  demand(why.empty() == made.has_value(), "keys are refused without a reason");
  for (auto const& key : keys) demand(!made || key.key.size() >= 32, "a short key was accepted (ID08)");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  test::decisions input(data, size);
  switch (input.below(3)) {
    case 0: try_storage(input); break;
    case 1: try_cache(input); break;
    default: try_keys(input);
  }
  return 0;
}
