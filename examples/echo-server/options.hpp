#pragma once

#include "http/address.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mooring::echo {

/** @brief What the command line sets. */
struct options {
  http::endpoint listen{"127.0.0.1", 0};
  std::string name = "echo";
  std::size_t threads = 1;
  std::chrono::seconds ttl = std::chrono::minutes(30);
  std::size_t max_sessions = 10'000;
  std::vector<std::string> allowed_origins;
  std::vector<std::string> allowed_hosts;

  // For tests of gateways and clients.
  std::chrono::milliseconds delay{0};        ///< Before each request is answered.
  std::uint64_t fail_every = 0;              ///< Each n-th request within a session is answered 500. 0: none.
  std::uint64_t forget_after = 0;            ///< A session is forgotten after so many requests. 0: never.
  bool has_conformance = false;              ///< Also offers what the official conformance tool asks for by name.
  bool is_ignoring_resume_ids = false;       ///< `initialize` with a live session's id opens a new session, instead of giving that one.
};

/** @brief Reads the command line.  @return The exit status, where the program ends at once. */
std::optional<int> read_options(int argc, char const* const* argv, options& into);

}  // namespace mooring::echo
