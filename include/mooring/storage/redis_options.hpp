#pragma once

#include <mooring/core/clock.hpp>
#include <mooring/core/error.hpp>
#include <mooring/core/log.hpp>
#include <mooring/core/secret.hpp>
#include <mooring/storage/text_map.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace mooring {

/** Where a server listens. */
struct redis_address {
  std::string host = "127.0.0.1";
  std::string port = "6379";

  bool operator==(redis_address const&) const = default;
};

/** @brief How a connection over TLS is made. TLS 1.2 at least; the peer's chain and name are checked, and its name is sent along. */
struct redis_tls_options {
  /** The authorities to believe, PEM. Empty means the system's. */
  std::string ca_pem;
  /** A certificate chain of our own and its key, PEM: both or neither. The key is not encrypted: nobody is asked for a passphrase. */
  std::string certificate_pem;
  secret key_pem;
  /** The name the peer has to prove. Empty means the address's host. */
  std::string server_name;
  /** Believe anybody. Warned of at each connect. */
  bool insecure = false;
};

/** Who we are at a server. The first of `password_source`, `password_variable` and `password` that is given counts. */
struct redis_login {
  /** Empty means the user `default`. */
  std::string username;
  secret password;
  /** Asked at each connect, so that a rotated password is picked up. Runs on the storage's strand and must not block. */
  std::function<secret()> password_source;
  /** An environment variable that holds the password, read at each connect. */
  std::string password_variable;
};

/** @brief The Sentinels that know which server is the master of a name at the moment. Their login and TLS are their own, not the master's. */
struct redis_sentinel_options : redis_login {
  /** At least one; asked in turn until one knows the master. */
  std::vector<redis_address> addresses;
  /** As the Sentinels call it: visible ASCII. */
  std::string master_name;
  /** Empty means no TLS to the Sentinels. A `server_name` in it is the name of all of them; empty means each one's host. */
  std::optional<redis_tls_options> tls;
  /** The only servers to believe in as a master; an empty port means any. Empty means any server that the Sentinels name. */
  std::vector<redis_address> allowed_masters;
  /** How often the Sentinels are asked whether the master is still the same, besides listening to them. Default 1 s. */
  duration master_check{};
  /** After a change of master, ids erased this long before the old one was lost are erased again. Default 60 s. */
  duration reassert_window{};
};

/** How many replicas of the server have to have heard of a session's beginning or end before it counts as replicated. */
struct redis_durability {
  /** Above zero. */
  std::size_t replicas = 1;
  /** How long to wait for them: at least 1 ms, and shorter than half of `health_check`, whose probe waits meanwhile, as all do that share the connection. */
  duration within = std::chrono::milliseconds(100);
};

/** @brief Which Redis server to use, and how. Exactly one of `address`, `unix_socket` and `sentinel` is given.
 *
 *  Timeouts of zero take their default. Passwords and keys have no printed form, and are wiped when freed.
 */
struct redis_storage_options : redis_login {
  std::optional<redis_address> address;
  /** Path of the server's socket; at most 107 bytes, which is what the system takes. */
  std::string unix_socket;
  /** Whom to ask for the server's address. */
  std::optional<redis_sentinel_options> sentinel;
  /** Empty means no TLS; never fallen back to. Not on a socket. With `sentinel`: of the master, whose name is, unless `server_name` says another, the host that
   *  the Sentinels tell. */
  std::optional<redis_tls_options> tls;

  /** A server that asks for no password, where one is given: `errc::config_error` instead of a warning. Holds for Sentinels, too. */
  bool must_demand_password = false;
  int database = 0;

  /** Before each id; ends with ':', holds no space, control byte or glob character. Replicas that share sessions share it, and nothing else uses it. */
  std::string key_prefix;

  /** Sliding; rounded up to whole milliseconds. The same for all replicas of one prefix. */
  duration ttl = std::chrono::minutes(30);
  /** Empty means without end; else at least `ttl`. */
  std::optional<duration> absolute_lifetime;

  /** For a connection to be made: resolve, connect, authenticate, first PING. Default 5 s. */
  duration dial_timeout{};
  /** For a request to leave and for its reply to come, once there is a connection: both together are the longest wait for a reply. Default 3 s each. */
  duration write_timeout{};
  duration read_timeout{};
  /** For a whole operation that brings no deadline of its own. Default 5 s. */
  duration operation_timeout{};
  /** How often a quiet connection is probed; a server that is silent for about this long is given up. Default 2 s. */
  duration health_check{};
  /** Requests without a reply; beyond it operations are `busy`. */
  std::size_t max_in_flight = 4096;

  /** `load` serves without sliding the expiry where the server refuses writes (a replica, too few replicas, a full disk), instead of being `unavailable`. */
  bool loads_without_sliding = false;

  /** Empty: nobody waits for replicas, and everything counts as replicated. */
  std::optional<redis_durability> durability;

  text_limits limits;
  log_sink log;
};

/** @brief Success, or `errc::invalid_argument`; then `why`, where given, is a sentence naming field, value and rule. Does no I/O but reading the system's
 *  certificate authorities, where TLS has none of its own. */
result<> check(redis_storage_options const& options, std::string* why = nullptr);

}  // namespace mooring
