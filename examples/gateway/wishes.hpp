#pragma once

#include "mcp/jsonrpc.hpp"

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace mooring::gateway {

/** @brief What a client has asked of a backend for the rest of its session: the log level and the subscriptions. A backend session that takes the place of a
 *         lost one is asked for them again.
 *  @par Thread safety  None; its owner guards it.
 */
class wishes {
 public:
  static constexpr std::size_t max_subscriptions = 1000;  // beyond, they are not repeated
  static constexpr std::size_t max_bytes = 8192;          // of a URI or of the request for a level; what is longer is not repeated

  /** @brief Whether there is something to note about such a request. */
  static bool is_lasting(std::string_view method);

  void note(mcp::message const& asked);

  /** @brief The requests to send again. Their ids are to be replaced. */
  std::vector<std::string> to_repeat() const;

 private:
  std::optional<std::string> level_;         // the whole request
  std::set<std::string> subscribed_;  // URIs as JSON text
};

}  // namespace mooring::gateway
