#pragma once

#include "upstream.hpp"

#include "mcp/jsonrpc.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mooring::gateway {

/** What became of a notification or a response of the client. */
enum class delivery {
  taken,    ///< The backend has it; or it is a notification, which nobody is told the fate of.
  nobodys,  ///< It answers nothing that a backend asked.
  failed,   ///< The backend cannot be reached, has not taken it, or did not say.
};

/** @brief How a session's messages find their backends and come back.
 *  @par Thread safety  Any thread, every member.
 */
class route {
 public:
  virtual ~route() = default;

  /** @brief The answer to `initialize`, as JSON text.  @param version  The protocol version that the client gets. */
  virtual std::string initialize_result(std::string version) const = 0;

  /** @brief Has a request of the client answered.  @return The response for the client. */
  virtual awaitable<std::string> call(mcp::message asked, relay pass_on) = 0;

  /** @brief Passes on a notification or a response of the client. */
  virtual awaitable<delivery> take(mcp::message sent) = 0;

  /** @brief What the client gets to see of a notification or a request of a backend. */
  virtual std::string to_client(std::string const& backend, mcp::message sent) = 0;

  /** @brief What the client is told when one more backend has joined. */
  virtual std::vector<std::string> news_of_joining() = 0;
};

/** @brief One backend: everything passes as it is, but for the ids of requests. */
std::shared_ptr<route> make_direct_route(std::shared_ptr<upstream> only);

/** @brief Several backends: their lists are merged, and names say where a request goes.
 *  @param listing_deadline  How long a list waits for slow backends.
 */
std::shared_ptr<route> make_merged_route(std::vector<std::shared_ptr<upstream>> all, std::shared_ptr<task_scope> scope, duration listing_deadline);

}  // namespace mooring::gateway
