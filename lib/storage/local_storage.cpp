#include <mooring/storage/local_storage.hpp>

#include "core/report.hpp"
#include "core/span_text.hpp"

namespace mooring::detail {
namespace {

error_code refuse(std::string* why, char const* option, std::string const& value, char const* rule, char const* remedy) {
  if (why) *why = std::string("local_storage_options::") + option + " is " + value + ", but must be " + rule + "; " + remedy + ".";
  return make_error_code(errc::invalid_argument);
}

}  // namespace

result<> check_local_options(local_storage_options const& options, std::string* why) {
  if (options.ttl <= duration::zero())
    return refuse(why, "ttl", span_text(options.ttl), "above zero", "set how long an idle session lives, such as 30 min");
  if (options.absolute_lifetime && *options.absolute_lifetime < options.ttl)
    return refuse(why, "absolute_lifetime", span_text(*options.absolute_lifetime), ("at least ttl, " + span_text(options.ttl)).c_str(), "raise it, or leave it empty for no end");
  if (options.max_entries == 0) return refuse(why, "max_entries", "0", "above zero", "set how many sessions the memory has room for");
  if (options.sweep_interval && *options.sweep_interval < std::chrono::milliseconds(1))
    return refuse(why, "sweep_interval", span_text(*options.sweep_interval), "at least 1 ms", "leave it empty for half of ttl");
  return {};
}

awaitable<void> sweep_regularly(std::function<bool()> drop_one, duration interval) {
  // How many records are dropped before others get their turn on this executor.
  constexpr int batch = 256;
  for (;;) {
    auto slept = co_await sleep_for(interval);
    if (!slept) co_return;
    for (int dropped = 0; drop_one(); ++dropped) {
      if (dropped < batch) continue;
      dropped = 0;
      slept = co_await sleep_for(duration::zero());
      if (!slept) co_return;
    }
  }
}

void report_failed_close(log_sink const& log, std::exception_ptr const& failure) noexcept { report_thrown(log, "closing a stored value", failure); }

}  // namespace mooring::detail
