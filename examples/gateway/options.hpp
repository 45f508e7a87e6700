#pragma once

#include "http/address.hpp"
#include "records.hpp"
#include "session.hpp"

#include "http/client.hpp"
#include "http/server.hpp"

#include <mooring/session/manager_options.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mooring::gateway {

/** What the command line says. */
struct options {
  options();

  http::endpoint listen{"127.0.0.1", 8080};
  std::vector<std::pair<std::string, http::url>> backends;  ///< By name.
  std::string token_file;
  std::vector<std::string> allowed_origins;
  std::vector<std::string> allowed_hosts;
  std::size_t threads = 1;
  bool says_forbidden = false;  ///< Another principal's session: 403 instead of 404.
  duration drain = std::chrono::seconds(30);
  duration retry_after = std::chrono::seconds(1);
  duration initialize_budget = std::chrono::seconds(5);
  std::size_t backlog = 100;

  upstream_deadlines deadlines;
  http::server_options server;
  http::client_options client;
  record_options storage;
  manager_options manager;
};

/** @brief Reads the command line, and the secrets that the environment holds.
 *  @return Nothing: go on with `into`. Else the exit status: help was printed (0), or what is wrong (2).
 */
std::optional<int> read_options(int argc, char const* const* argv, options& into);

}  // namespace mooring::gateway
