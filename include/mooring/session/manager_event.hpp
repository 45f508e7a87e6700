#pragma once

#include <mooring/cache/disposal_reason.hpp>
#include <mooring/core/clock.hpp>
#include <mooring/core/error.hpp>

#include <functional>

namespace mooring {

/** What a manager tells its observer. Holds no id and no name: it may become a metric as it is. */
struct manager_event {
  enum class kind {
    created,   ///< A session became live. `took`: the whole creation.
    restored,  ///< A session was rebuilt from its record. `took`: the whole restore.
    closed,    ///< A session left this replica; `reason`.
    refused,   ///< A call ended with `error`.
    storage,   ///< One awaited storage operation ended: `operation`, `took`, `error` (none: success).
  };

  kind what = kind::refused;
  disposal_reason reason{};
  char const* operation = "";  ///< Of the storage or the manager: "peek", "terminate". A constant.
  error_code error;
  duration took{};
};

/** Called on the manager's executor, from its own steps, never inside an operation or under a lock. What it throws is ignored. */
using manager_observer = std::function<void(manager_event const&)>;

}  // namespace mooring
