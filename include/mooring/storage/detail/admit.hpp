#pragma once

#include <mooring/core/error.hpp>
#include <mooring/storage/storage.hpp>

#include <boost/asio/cancellation_type.hpp>

#include <optional>
#include <string_view>

namespace mooring::detail {

/** Whether a call may begin: its id, its cancellation, its deadline. */
result<> admit(std::string_view id, std::optional<duration> deadline, asio::cancellation_type cancelled);

/** As above, and whether what `create` sets besides makes sense. */
result<> admit(std::string_view id, create_options const& call, asio::cancellation_type cancelled);

}  // namespace mooring::detail
