#pragma once

#include <mooring/core/log.hpp>

#include <exception>
#include <string_view>

namespace mooring::detail {

/** @brief Gives `line` to `log`, if there is one; what the sink throws is dropped. */
void report(log_sink const& log, severity level, std::string_view line) noexcept;

/** @brief Reports as an error that `what` threw, with the text of what it threw. Nothing for a cancelled operation's `operation_aborted`. */
void report_thrown(log_sink const& log, std::string_view what, std::exception_ptr const& thrown) noexcept;

}  // namespace mooring::detail
