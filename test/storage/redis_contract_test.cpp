#include "storage/contract.hpp"
#include "storage/redis_server.hpp"
#include "storage/redis_world.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

// The contract suite against a real server, on a socket and on loopback.

namespace mooring::test {
namespace {

using options_for = std::function<redis_storage_options(redis_server const&)>;

// One server for all tests of this program, started by the first that needs it.
std::shared_ptr<redis_server> shared_server() {
  static std::weak_ptr<redis_server> last;
  auto found = last.lock();
  // RE15: a user that may do no more than the documented commands, on the prefix.
  std::vector<std::string> const user{"--user", "mooring", "on", ">right", "~contract:*", "resetchannels", "-@all", "+hello", "+ping", "+select", "+set", "+get",
                                      "+getex", "+pexpire", "+del", "+evalsha", "+eval", "+time"};
  if (!found) last = found = std::make_shared<redis_server>(user);
  static std::shared_ptr<redis_server> const keeper = found;
  return found;
}

bool register_redis(char const* name, options_for make_options) {
  if (!redis_server::is_available()) return false;
  return register_contract(contract_subject<document>{name, [make_options](std::uint64_t) -> std::unique_ptr<contract_world<document>> {
                                                        auto const server = shared_server();
                                                        return std::make_unique<redis_world<document>>(server, make_options(*server));
                                                      },
                                                      1});
}

bool const is_socket_registered = register_redis("redis_on_a_socket", [](redis_server const& server) {
  redis_storage_options options;
  options.unix_socket = server.socket();
  return options;
});

bool const is_limited_registered = register_redis("redis_with_a_limited_user", [](redis_server const& server) {
  redis_storage_options options;
  options.unix_socket = server.socket();
  options.username = "mooring";
  options.password = "right";
  return options;
});

bool const is_tcp_registered = register_redis("redis_on_loopback", [](redis_server const& server) {
  redis_storage_options options;
  options.address = redis_address{"127.0.0.1", server.port()};
  options.database = 3;
  return options;
});

}  // namespace
}  // namespace mooring::test
