#pragma once

#include "metrics.hpp"

#include "http/message.hpp"
#include "http/server.hpp"

#include <mooring/core/awaitable.hpp>

#include <memory>
#include <string>
#include <utility>

namespace mooring::gateway {

/** @brief One request of a client and the way to answer it. Every answer is counted. Its body is not in it: whoever reads the message takes that along. */
class visit {
 public:
  /** @param allowed  By its origin and host: the answers to others no page may read. */
  visit(http::request a, http::responder r, std::shared_ptr<metrics> c, bool allowed);

  void answer(http::response with) const;
  bool is_answered() const { return respond_.is_answered(); }
  http::event_stream open_events(http::at_stop then) const;

  http::request const asked;

 private:
  http::responder const respond_;
  std::shared_ptr<metrics> const counters_;
  bool const is_allowed_;
};

/** @brief The answer to one call: a whole response, or an event stream once anything comes before the answer. One that is cut off tells the client so in its stream. */
class answering {
 public:
  answering(std::shared_ptr<visit const> of, std::string id) : of_(std::move(of)), id_(std::move(id)) {}
  answering(answering const&) = delete;
  answering& operator=(answering const&) = delete;
  ~answering();

  /** @brief Sends what comes before the answer. One at a time: a request has one backend that streams. */
  static awaitable<void> pass_on(std::shared_ptr<answering> self, std::string message);

  /** @brief Sends the answer. */
  static awaitable<void> finish(std::shared_ptr<answering> self, std::string answer);

 private:
  std::shared_ptr<visit const> const of_;
  std::string const id_;
  http::event_stream stream_;
  bool is_finished_ = false;
};

/** @brief Answers a request whose coroutine is cut off, as at the end of a drain that waits no longer. Without `Retry-After`: a backend may have carried it out. */
class last_word {
 public:
  last_word(std::shared_ptr<visit const> of, std::string id) : of_(std::move(of)), id_(std::move(id)) {}
  last_word(last_word const&) = delete;
  last_word& operator=(last_word const&) = delete;
  ~last_word();

 private:
  std::shared_ptr<visit const> const of_;
  std::string const id_;
};

}  // namespace mooring::gateway
