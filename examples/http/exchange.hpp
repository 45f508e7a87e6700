#pragma once

#include "http/message.hpp"
#include "http/server.hpp"
#include "http/signal.hpp"

#include <mooring/core/task_scope.hpp>

#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

namespace mooring::http {

/** @brief One request being answered: what its handler says, until its connection sends it.
 *
 *  The handler's side is used through `responder` and `event_stream`; the connection waits for `changed` and takes what there is.
 *
 *  @par Thread safety  Any thread, every member.
 */
class exchange {
 public:
  explicit exchange(std::size_t max_stream_bytes) : max_stream_bytes_(max_stream_bytes) {}

  /** What the connection has to send next. */
  struct outgoing {
    std::optional<response> whole;
    std::optional<fields> stream;  ///< A stream begins, with this header.
    std::string events;
    bool is_last = false;          ///< After this the exchange is complete.
    bool must_watch = false;       ///< The peer's going matters from now on.
  };

  enum class push_outcome { accepted, full, closed };

  // The handler's side.
  bool send(response answer);
  bool open_events(fields extra, at_stop then);
  bool is_answered() const;
  push_outcome push(std::string const& text);
  void end();
  bool is_open() const;
  void cancel_on_disconnect();
  void when_room(std::function<void()> then);
  signal const& room() const noexcept { return room_; }
  signal const& closed() const noexcept { return closed_; }

  // The connection's side.
  signal& changed() noexcept { return changed_; }
  outgoing take();
  void set_task(task_scope::task task);
  void lose_peer();           ///< The peer has gone, or cannot be reached any more; nothing once the answer is complete.
  void handler_returned();    ///< No answer is 500; an open stream ends.
  void stop();                ///< The server stops: a listening stream ends.

 private:
  enum class phase { waiting, answered, streaming, complete };

  mutable std::mutex mutex_;  // guards everything below but the signals; no signal is raised under it
  phase phase_ = phase::waiting;
  std::optional<response> whole_;
  std::optional<fields> stream_;
  std::string events_;
  bool has_ended_ = false;
  bool has_lost_peer_ = false;
  bool has_returned_ = false;  // the handler
  bool is_stopping_ = false;
  bool must_watch_ = false;
  bool cancels_on_disconnect_ = false;
  bool was_full_ = false;  // a push was refused since the last take
  std::function<void()> when_room_;
  at_stop at_stop_ = at_stop::finish;
  task_scope::task task_;
  std::size_t const max_stream_bytes_;

  signal changed_;
  signal room_;    // raised: the backlog is not full
  signal closed_;  // raised: the stream has ended, or its peer has gone
};

}  // namespace mooring::http
