#include "core/span_text.hpp"
#include "session/engine.hpp"
#include "session/factory_call.hpp"

#include <mooring/storage/local_storage.hpp>

#include <chrono>
#include <cstdint>
#include <limits>

namespace mooring::detail {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t default_capacity = 1000;
constexpr std::size_t most_entries = std::numeric_limits<std::uint32_t>::max();  // the cache's bound

std::string broken_deadline(manager_deadlines const& deadlines) {
  struct {
    char const* name;
    duration span;
  } const all[] = {{"generate", deadlines.generate}, {"create", deadlines.create},       {"read", deadlines.read},
                   {"write_back", deadlines.write_back}, {"change", deadlines.change},   {"terminate", deadlines.terminate},
                   {"factory", deadlines.factory},   {"get", deadlines.get},             {"shutdown", deadlines.shutdown}};
  for (auto const& [name, span] : all)
    if (span <= 0ns) return std::string("deadlines.") + name + ": must be above zero, and is " + span_text(span);
  return {};
}

// The first rule that the options break, as a sentence; empty when they keep all.
std::string broken_rule(manager_options const& options, std::optional<duration> ttl_of_storage) {
  if (auto broken = broken_deadline(options.deadlines); !broken.empty()) return broken;
  if (options.cache_capacity > most_entries && options.cache_capacity != unbounded)
    return "cache_capacity: must be below 2^32, or `unbounded`, and is " + std::to_string(options.cache_capacity);
  if (options.ttl && *options.ttl < 2ms) return "ttl: must be at least 2 ms, and is " + span_text(*options.ttl);
  if (options.ttl && ttl_of_storage && *options.ttl != *ttl_of_storage)
    return "ttl: the storage's is " + span_text(*ttl_of_storage) + ", and this is " + span_text(*options.ttl) + "; leave it empty to have the storage's";
  auto const factory = options.deadlines.factory;
  if (options.placeholder_ttl <= factory)
    return "placeholder_ttl: must be above deadlines.factory (" + span_text(factory) + "), and is " + span_text(options.placeholder_ttl);
  auto const ttl = ttl_of(ttl_of_storage, options);
  if (ttl < 2ms) return "ttl: must be at least 2 ms, and the storage's is " + span_text(ttl);
  if (options.check_interval > ttl / 2)
    return "check_interval: must be at most half of the time to live (" + span_text(ttl) + "), and is " + span_text(options.check_interval);
  if (options.sweep_interval && *options.sweep_interval < 1ms) return "sweep_interval: must be at least 1 ms, and is " + span_text(*options.sweep_interval);
  if (options.sweep_concurrency == 0) return "sweep_concurrency: must be above 0";
  if (options.max_restores == 0) return "max_restores: must be above 0";
  if (options.max_sessions == 0) return "max_sessions: must be above 0";
  if (options.max_sessions_per_principal == std::size_t(0)) return "max_sessions_per_principal: must be above 0, or empty";
  if (options.partial_retry <= 0ns) return "partial_retry: must be above zero, and is " + span_text(options.partial_retry);
  if (options.tombstone_ttl && *options.tombstone_ttl < 0ns) return "tombstone_ttl: must not be negative, and is " + span_text(*options.tombstone_ttl);
  return {};
}

cache_options cache_options_of(manager_options const& options) {
  cache_options made;
  made.capacity_entries = options.cache_capacity == 0 ? default_capacity : options.cache_capacity;
  made.max_stale = options.max_stale;
  made.check_interval = options.check_interval;
  made.negative_ttl = duration::zero();  // a get looks into the storage before it loads
  made.failure_backoff = options.failure_backoff;
  made.failure_backoff_limit = options.failure_backoff_limit;
  made.load_timeout = duration::zero();  // each step of a load has its own deadline
  made.drain_deadline = options.deadlines.shutdown;
  made.log = options.log;
  return made;
}

awaitable<void> dispose_session(state_ptr state, std::string id, cached_session_ptr cached, disposal_reason reason) {
  outstanding::token const counted(state->working);
  auto session = cached->take_for_closing();
  if (!session) co_return;
  co_await close_session(std::move(state), std::move(id), std::move(session), reason);
  cached->vacate();
}

result<std::unique_ptr<session_cache>> make_cache(state_ptr const& state, std::string* why) {
  cache_callbacks<std::string, cached_session_ptr> callbacks;
  callbacks.load = [state](std::string id) { return load_answer<cached_session_ptr>(restore_session(state, std::move(id))); };
  callbacks.check = [state](std::string const&, cached_session_ptr const& cached) { return check_session(state, cached); };
  callbacks.dispose = [state](std::string id, cached_session_ptr cached, disposal_reason reason) {
    return dispose_session(state, std::move(id), std::move(cached), reason);
  };
  return session_cache::make(state->ex, std::move(callbacks), cache_options_of(state->options), why);
}

}  // namespace

result<engine_ptr> make_engine(executor ex, std::shared_ptr<storage<metadata>> store, std::shared_ptr<erased_factory> factory, manager_options options,
                               std::string* why) {
  auto const refuse = [&](std::string sentence) -> result<engine_ptr> {
    if (why) *why = std::move(sentence);
    return make_error_code(errc::invalid_argument);
  };
  if (!store) return refuse("storage: must not be null");
  if (!factory) return refuse("factory: must not be null");
  if (auto broken = broken_rule(options, store->ttl()); !broken.empty()) return refuse(std::move(broken));
  auto binder = owner_binder::make(options.binding_keys, why);
  if (!binder) return binder.error();
  bool const is_shared = dynamic_cast<local_storage<metadata>*>(store.get()) == nullptr;
  auto const state = std::make_shared<manager_state>(std::move(ex), std::move(store), std::move(factory), std::move(*binder), std::move(options));
  if (is_shared && !state->binder.has_keys())
    state->log(severity::warning, "no binding_keys on a shared storage: owners are bound with the salt alone, which whoever can write the storage can forge");
  auto cache = make_cache(state, why);
  if (!cache) return cache.error();
  auto self = std::make_shared<engine>(state, std::move(*cache));
  state->background.spawn(sweep_regularly(self));
  state->background.spawn(touch_regularly(self));
  return self;
}

result<> engine::admit(char const* operation, call_options call) const {
  if (state->is_closing.load(std::memory_order_acquire)) return state->refuse(operation, make_error_code(errc::closed));
  if (call.deadline && *call.deadline <= duration::zero()) return state->refuse(operation, make_error_code(errc::deadline_exceeded));
  return {};
}

result<> engine::admit(char const* operation, std::string_view id, call_options call) const {
  if (!is_valid_id(id)) return state->refuse(operation, make_error_code(errc::invalid_id));
  return admit(operation, call);
}

manager_stats stats(engine const& self) {
  auto const& state = *self.state;
  manager_stats seen;
  seen.open_sessions = state.sessions->size();
  seen.creations = state.creations->size();
  seen.restores = state.restores.load();
  seen.tombstones = state.gone.size(state.clock.now());
  seen.created = state.created.load();
  seen.restored = state.restored.load();
  seen.terminated = state.terminated.load();
  seen.closed = state.closed.load();
  seen.refused = state.refused.load();
  seen.cache = self.cache->stats();
  return seen;
}

}  // namespace mooring::detail
