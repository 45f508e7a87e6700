#pragma once

#include "http/server.hpp"
#include "http/signal.hpp"

#include <mooring/session/session_factory.hpp>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace mooring::echo {

/** @brief What the server knows of one session while it lives.
 *  @par Thread safety  Any thread, every member.
 */
class session {
 public:
  session(std::string id, std::string version) : id_(std::move(id)), version_(std::move(version)) {}

  std::string const& id() const noexcept { return id_; }

  /** The protocol version that `initialize` agreed on. */
  std::string const& version() const noexcept { return version_; }

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

 private:
  std::string const id_;
  std::string const version_;
  std::atomic<std::uint64_t> requests_ = 0;
  std::atomic<std::uint64_t> calls_ = 0;

  std::mutex mutex_;  // guards everything below; leaf
  http::event_stream listener_;
  bool has_ended_ = false;
  std::multimap<std::string, std::shared_ptr<http::signal>> running_;
};

/** @brief Makes the sessions for the library's manager. They live in this process only: one that was lost is not restored. */
class factory : public session_factory<session> {
 public:
  awaitable<result<opened<session>>> open(session_request request) override;
  awaitable<void> close(std::string id, std::shared_ptr<session> ended, disposal_reason reason) override;
};

}  // namespace mooring::echo
