#pragma once

#include "core/report.hpp"

#include <string_view>
#include <utility>

namespace mooring::detail {

/** @brief The same sink, for those who call it where nothing may be thrown; empty stays empty. */
inline log_sink never_throwing(log_sink log) {
  if (!log) return {};
  return [log = std::move(log)](severity level, std::string_view line) { report(log, level, line); };
}

}  // namespace mooring::detail
