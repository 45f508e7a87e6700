#pragma once

#include "backend.hpp"

#include "http/message.hpp"

#include <mooring/core/awaitable.hpp>
#include <mooring/core/clock.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace mooring::gateway {

/** @brief A session at a backend, as it is kept among the hints of a record: enough to go on with it in another process. */
struct backend_session {
  backend_session() = default;
  backend_session(std::string i, std::string v) : id(std::move(i)), version(std::move(v)) {}

  std::string id;       ///< As the backend gave it; empty for a backend without sessions.
  std::string version;  ///< The protocol version agreed with it.

  std::string to_hint() const;
  static std::optional<backend_session> from_hint(std::string_view hint);
};

/** @brief A request to a backend within a session, or in none (a default-made one). */
http::request make_request(std::string method, backend const& to, backend_session const& as, std::string body = {});

/** @brief Whether an answer says that the backend has lost the session. Then it has not carried out the request. */
bool is_session_lost(http::response const& answer, backend_session const& session);

/** @brief Tells a backend that a session of its is over. Its answer does not matter. */
awaitable<void> say_farewell(std::shared_ptr<backend> to, backend_session ended, duration deadline);

}  // namespace mooring::gateway
