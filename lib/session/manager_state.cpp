#include "session/manager_state.hpp"

#include "core/report.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace mooring::detail {
namespace {

constexpr duration usual_ttl = std::chrono::minutes(30);

// One text for each pair: an id has no line break.
std::string id_with(std::string_view id, principal const& who) {
  return std::string(id).append("\n").append(std::to_string(who.issuer().size())).append("\n").append(who.issuer()).append(who.subject());
}

duration tombstone_ttl(manager_options const& options, duration ttl) {
  return options.tombstone_ttl.value_or(std::max<duration>(ttl, std::chrono::minutes(1)));
}

}  // namespace

duration ttl_of(std::optional<duration> of_storage, manager_options const& options) { return of_storage.value_or(options.ttl.value_or(usual_ttl)); }

manager_state::manager_state(executor on, std::shared_ptr<storage<metadata>> shared, std::shared_ptr<erased_factory> maker, owner_binder keys,
                             manager_options chosen)
    : ex(std::move(on)),
      clock(clock_of(ex)),
      store(std::move(shared)),
      factory(std::move(maker)),
      binder(std::move(keys)),
      options(std::move(chosen)),
      ttl(ttl_of(store->ttl(), options)),
      gone(options.max_tombstones, tombstone_ttl(options, ttl)),
      gone_for(options.max_tombstones, tombstone_ttl(options, ttl)),
      sessions(std::make_shared<open_sessions>(options.max_sessions, options.max_sessions_per_principal)),
      creations(std::make_shared<openings>()),
      calls(ex, options.log),
      work(ex, options.log),
      background(ex, options.log),
      last(ex, options.log) {}

bool manager_state::is_gone(std::string_view id, principal const& who) const {
  return is_gone(id) || (has_gone_for.load(std::memory_order_acquire) && gone_for.contains(id_with(id, who), clock.now()));
}

void manager_state::bury_for(std::string const& id, principal const& who) {
  gone_for.add(id_with(id, who), clock.now());
  has_gone_for.store(true, std::memory_order_release);  // who sees it finds the id
}

void manager_state::log(severity level, std::string_view line) const noexcept { report(options.log, level, line); }

void manager_state::tell(manager_event event) const {
  if (!options.observer) return;
  asio::post(ex, [self = shared_from_this(), event] {
    try {
      self->options.observer(event);
    } catch (...) {
      // Ignored, as manager_observer says.
    }
  });
}

error_code manager_state::refuse(char const* operation, error_code why) {
  refused.fetch_add(1, std::memory_order_relaxed);
  manager_event event;
  event.what = manager_event::kind::refused;
  event.operation = operation;
  event.error = why;
  tell(event);
  return why;
}

}  // namespace mooring::detail
