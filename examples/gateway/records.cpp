#include "records.hpp"

#include <mooring/storage/redis_storage.hpp>

#include <utility>

namespace mooring::gateway {

result<record_store> open_records(executor home, record_options chosen, std::string& why) {
  record_store opened;
  if (!chosen.redis) {
    auto local = local_storage<metadata>::make(std::move(home), std::move(chosen.memory), &why);
    if (!local) return local.error();
    opened.records = std::move(*local);
    opened.name = "memory";
    return opened;
  }
  chosen.redis->ttl = chosen.memory.ttl;
  chosen.redis->absolute_lifetime = chosen.memory.absolute_lifetime;
  chosen.redis->limits = chosen.memory.limits;
  chosen.redis->log = chosen.memory.log;
  auto shared = redis_storage<metadata>::make(std::move(home), std::move(*chosen.redis), &why);
  if (!shared) {
    if (why.empty()) why = shared.error().message();
    return shared.error();
  }
  opened.ping = [server = *shared] { return server->ping(); };
  opened.records = std::move(*shared);
  opened.at_end = factory::sessions_end::never;
  opened.name = "redis";
  return opened;
}

}  // namespace mooring::gateway
