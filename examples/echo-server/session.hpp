#pragma once

#include "http/server.hpp"
#include "http/signal.hpp"
#include "mcp/jsonrpc.hpp"

#include <mooring/session/session_factory.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace mooring::echo {

/** @brief What the server knows of one session while it lives.
 *  @par Thread safety  Any thread, every member.
 */
class session {
 public:
  /** @param opening  The params of its `initialize`, as JSON text. */
  session(std::string id, std::string const& opening);

  std::string const& id() const noexcept { return id_; }

  /** The protocol version that `initialize` agreed on. */
  std::string const& version() const noexcept { return version_; }

  /** @brief Whether the client declared a capability, such as `sampling`. */
  bool client_can(std::string_view what) const { return capabilities_.contains(what); }

  /** @brief Counts a request.  @return Its number, from 1. */
  std::uint64_t count_request() noexcept { return ++requests_; }

  /** @brief Counts a tool call.  @return Its number, from 1. */
  std::uint64_t count_call() noexcept { return ++calls_; }

  /** @brief Takes the stream on which the server speaks by itself; the one before ends. */
  void listen(http::event_stream stream);

  /** @brief Ends the stream, and every stream that comes later. */
  void end();

  /** A call that `notifications/cancelled` can stop. The signal is raised then. */
  class running_call {
   public:
    running_call(std::shared_ptr<session> in, std::string raw_id);
    running_call(running_call const&) = delete;
    running_call& operator=(running_call const&) = delete;
    ~running_call();
    http::signal const& cancelled() const noexcept { return *cancelled_; }

   private:
    std::shared_ptr<session> in_;
    std::string raw_id_;
    std::shared_ptr<http::signal> cancelled_;
  };

  /** @brief Stops the call with this raw id, where it runs. */
  void cancel(std::string const& raw_id);

  /** A request to the client that waits for its answer. The signal is raised when the answer has come. */
  class question {
   public:
    explicit question(std::shared_ptr<session> in);
    question(question const&) = delete;
    question& operator=(question const&) = delete;
    ~question();
    std::string const& id() const noexcept { return raw_id_; }
    http::signal const& answered() const noexcept { return state_->answered; }
    /** @pre `answered` was raised. */
    mcp::message answer() const { return state_->answer; }

   private:
    friend class session;
    struct state {
      http::signal answered;
      mcp::message answer;  // written once, before the signal is raised
    };
    std::shared_ptr<session> in_;
    std::string raw_id_;
    std::shared_ptr<state> state_;
  };

  /** @brief Hands a response of the client to the question that waits for it; any other is dropped. */
  void deliver(mcp::message answer);

 private:
  std::string const id_;
  std::string version_;
  mcp::json::object capabilities_;
  std::atomic<std::uint64_t> requests_ = 0;
  std::atomic<std::uint64_t> calls_ = 0;

  std::mutex mutex_;  // guards everything below; leaf
  http::event_stream listener_;
  bool has_ended_ = false;
  std::multimap<std::string, std::shared_ptr<http::signal>> running_;
  std::map<std::string, std::shared_ptr<question::state>, std::less<>> questions_;  // by raw id
  std::uint64_t last_question_ = 0;
};

/** @brief Makes the sessions for the library's manager. They live in this process only: one that was lost is not restored. */
class factory : public session_factory<session> {
 public:
  awaitable<result<opened<session>>> open(session_request request) override;
  awaitable<void> close(std::string id, std::shared_ptr<session> ended, disposal_reason reason) override;
};

}  // namespace mooring::echo
