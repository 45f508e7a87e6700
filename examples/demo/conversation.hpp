#pragma once

#include "http/address.hpp"
#include "http/client.hpp"
#include "mcp/jsonrpc.hpp"

#include <mooring/core/awaitable.hpp>

#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

namespace mooring::demo {

/** @brief Something was not as a client may expect it. */
class disappointment : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/** @brief One client's session with an MCP server: the plain steps of the protocol, each thrown out of with a `disappointment`. */
class conversation {
 public:
  /** Told of each message that comes before the answer to a call. */
  using listener = std::function<void(mcp::message const&)>;

  /** What came back for one HTTP request. */
  struct answer {
    answer() = default;
    unsigned status = 0;
    http::fields header;
    mcp::message message;  ///< The response to the request; empty where there was none.
    bool was_streamed = false;
  };

  conversation(executor ex, http::url server) : client_(ex, server.place), target_(server.target) {}

  std::string const& session() const noexcept { return session_; }
  std::string const& version() const noexcept { return version_; }

  /** Goes on with a session that was begun elsewhere. */
  void go_on(std::string session, std::string version) {
    session_ = std::move(session);
    version_ = std::move(version);
  }

  /** @brief Sends a request and reads on to its response.  @param heard  Told of notifications on the way. */
  awaitable<answer> ask(std::string method, mcp::json::value params = nullptr, listener heard = {});

  /** @brief Sends a notification.  @return The status. */
  awaitable<unsigned> tell(std::string method);

  /** @brief `initialize`, and from then on its session.  @return Its result. */
  awaitable<mcp::json::object> begin();

  /** @brief DELETE.  @return The status. */
  awaitable<unsigned> end();

  /** @brief The result of a request; disappointed by every other answer. */
  awaitable<mcp::json::object> result_of(std::string method, mcp::json::value params = nullptr, listener heard = {});

 private:
  http::fields header() const;
  awaitable<http::reply> send(http::request asked);

  http::client client_;
  std::string const target_;
  std::string session_;
  std::string version_;
  int last_id_ = 0;
};

/** @brief Disappointed with `why` unless the condition holds. */
inline void expect(bool condition, std::string const& why) {
  if (!condition) throw disappointment(why);
}

}  // namespace mooring::demo
