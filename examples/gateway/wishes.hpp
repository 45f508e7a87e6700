#pragma once

#include "mcp/jsonrpc.hpp"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace mooring::gateway {

/** @brief What a client has asked of a backend for the rest of its session: the log level and the subscriptions. A backend session that takes the place of a
 *         lost one is asked for them again.
 *  @par Thread safety  None; its owner guards it.
 */
class wishes {
 public:
  static constexpr std::size_t max_subscriptions = 1000;  // beyond, they are not repeated

  void note(mcp::message const& asked);

  /** @brief The requests to send again. Their ids are to be replaced. */
  std::vector<std::string> to_repeat() const;

 private:
  std::optional<std::string> level_;         // the whole request
  std::set<std::string> subscribed_;  // URIs as JSON text
};

}  // namespace mooring::gateway
