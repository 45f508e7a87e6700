#pragma once

#include "storage/redis_link.hpp"

#include <functional>
#include <vector>

namespace mooring::detail {

/** What to send first on a new connection, ahead of all that waits for it, and again until the server has carried it out. Called on the link's strand. */
struct redis_opening {
  struct round {
    std::vector<redis_command> commands;
    bool is_all = true;  ///< False: some has to wait for what is out on this connection, so that there has to be another round.
  };

  std::function<round()> next;        ///< Asked each time; no function means that there is never anything to send.
  std::function<void()> carried_out;  ///< By the server of this connection, all that were asked last.
  std::function<void()> lost;         ///< The connection is gone.
};

}  // namespace mooring::detail
