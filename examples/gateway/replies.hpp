#pragma once

#include "http/message.hpp"

#include <mooring/core/clock.hpp>
#include <mooring/core/error.hpp>

#include <string>
#include <string_view>

namespace mooring::gateway {

/** @brief A JSON-RPC error as a whole response. `id` is raw; empty leaves the member out. */
http::response refusal(unsigned status, int code, std::string_view message, std::string_view id = {});

/** @brief 404, -32001: the answer about a session that is not there, whatever the reason. */
http::response session_not_found(std::string_view id);

/** @brief The answer about an error of the session manager; with `Retry-After` where trying again may help, here or at another replica. */
http::response failure(error_code const& error, std::string_view id, duration retry_after);

/** @brief 503 with `Retry-After`. */
http::response not_now(std::string_view message, duration retry_after, std::string_view id = {});

/** @brief 405 with what is allowed. */
http::response wrong_method(std::string allowed);

}  // namespace mooring::gateway
