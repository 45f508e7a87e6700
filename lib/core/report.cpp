#include "core/report.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <string>

namespace mooring::detail {
namespace {

void report_text(log_sink const& log, std::string_view what, std::string_view text) {
  report(log, severity::error, std::string(what).append(" threw: ").append(text));
}

}  // namespace

void report(log_sink const& log, severity level, std::string_view line) noexcept {
  if (!log) return;
  try {
    log(level, line);
  } catch (...) {
    // As log_sink says.
  }
}

void report_thrown(log_sink const& log, std::string_view what, std::exception_ptr const& thrown) noexcept {
  if (!log || !thrown) return;
  try {
    try {
      std::rethrow_exception(thrown);
    } catch (boost::system::system_error const& failure) {
      if (failure.code() != boost::asio::error::operation_aborted) report_text(log, what, failure.what());
    } catch (std::exception const& failure) {
      report_text(log, what, failure.what());
    } catch (...) {
      report_text(log, what, "something that is no std::exception");
    }
  } catch (...) {
    report(log, severity::error, "an exception could not be reported for want of memory");
  }
}

}  // namespace mooring::detail
