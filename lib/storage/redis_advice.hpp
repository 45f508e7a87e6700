#pragma once

#include "storage/redis_reply.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace mooring::detail {

/** @brief What a server's own configuration says of sessions that may be lost, in sentences for a log. Each argument is a reply to CONFIG GET; where the server did not
 *  let us look, nothing is said. */
inline std::vector<std::string> advice_on(redis_reply const& memory, redis_reply const& save, redis_reply const& appendonly) {
  auto const value_of = [](redis_reply const& reply, std::string_view name) -> std::string const* {
    if (reply.what != redis_reply::kind::list) return nullptr;
    for (std::size_t i = 0; i + 1 < reply.items.size(); i += 2)
      if (reply.items[i].text == name) return &reply.items[i + 1].text;
    return nullptr;
  };
  std::vector<std::string> advice;
  auto const* const limit = value_of(memory, "maxmemory");
  auto const* const policy = value_of(memory, "maxmemory-policy");
  if (limit && policy && *limit != "0" && *policy != "noeviction")
    advice.emplace_back("the server may evict sessions when its memory is full; set maxmemory-policy to noeviction");
  auto const* const snapshots = value_of(save, "save");
  auto const* const log = value_of(appendonly, "appendonly");
  if (snapshots && log && snapshots->empty() && *log == "no") advice.emplace_back("the server keeps nothing on disk; a restart ends every session");
  return advice;
}

}  // namespace mooring::detail
