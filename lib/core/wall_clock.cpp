#include <mooring/core/wall_clock.hpp>

#include <boost/asio/execution.hpp>
#include <boost/asio/query.hpp>

namespace mooring {

wall_clock_service::wall_clock_service(asio::execution_context& context) : service(context) {}

wall_time wall_clock_service::now() const noexcept { return std::chrono::time_point_cast<wall_time::duration>(std::chrono::system_clock::now()); }

wall_clock_service& wall_clock_of(executor const& ex) { return asio::use_service<wall_clock_service>(asio::query(ex, asio::execution::context)); }

}  // namespace mooring
