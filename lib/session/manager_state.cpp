#include "session/manager_state.hpp"

#include "core/report.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace mooring::detail {
namespace {

constexpr duration usual_ttl = std::chrono::minutes(30);

duration ttl_of(storage<metadata> const& store, manager_options const& options) { return store.ttl().value_or(options.ttl.value_or(usual_ttl)); }

}  // namespace

manager_state::manager_state(executor on, std::shared_ptr<storage<metadata>> shared, std::shared_ptr<erased_factory> maker, owner_binder keys,
                             manager_options chosen)
    : ex(std::move(on)),
      clock(clock_of(ex)),
      store(std::move(shared)),
      factory(std::move(maker)),
      binder(std::move(keys)),
      options(std::move(chosen)),
      ttl(ttl_of(*store, options)),
      gone(options.max_tombstones, options.tombstone_ttl.value_or(std::max<duration>(ttl, std::chrono::minutes(1)))),
      sessions(std::make_shared<open_sessions>(options.max_sessions, options.max_sessions_per_principal)),
      creations(std::make_shared<openings>()),
      calls(ex, options.log),
      work(ex, options.log),
      background(ex, options.log),
      last(ex, options.log) {}

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
