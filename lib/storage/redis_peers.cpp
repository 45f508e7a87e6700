#include "storage/redis_peers.hpp"

#include "core/never_throwing.hpp"
#include "storage/record_size.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace mooring::detail {
namespace {

constexpr std::size_t longest_sentinel_reply = 64 * 1024;

duration or_default(duration span, duration standard) { return span == duration::zero() ? standard : span; }

}  // namespace

redis_storage_options with_defaults(redis_storage_options options) {
  options.dial_timeout = or_default(options.dial_timeout, std::chrono::seconds(5));
  options.write_timeout = or_default(options.write_timeout, std::chrono::seconds(3));
  options.read_timeout = or_default(options.read_timeout, std::chrono::seconds(3));
  options.health_check = or_default(options.health_check, std::chrono::seconds(2));
  if (options.sentinel) options.sentinel->master_check = or_default(options.sentinel->master_check, std::chrono::seconds(1));
  options.log = never_throwing(std::move(options.log));
  return options;
}

redis_peer peer_of_server(redis_storage_options const& options) {
  redis_peer made;
  made.kind = "redis";
  made.login = options;
  made.tls = options.tls;
  made.unix_socket = options.unix_socket;
  made.database = options.database;
  made.dial_timeout = options.dial_timeout;
  made.health_check = options.health_check;
  made.max_reply_bytes = most_reply_bytes(options.limits);
  made.must_demand_password = options.must_demand_password;
  made.log = options.log;
  return made;
}

redis_peer peer_of_sentinel(redis_storage_options const& options) {
  redis_peer made;
  made.kind = "sentinel";
  made.login = *options.sentinel;
  made.tls = options.sentinel->tls;
  made.dial_timeout = std::min(options.dial_timeout, sentinel_patience);
  made.health_check = options.health_check;
  made.max_reply_bytes = longest_sentinel_reply;
  made.must_demand_password = options.must_demand_password;
  made.log = options.log;
  return made;
}

}  // namespace mooring::detail
