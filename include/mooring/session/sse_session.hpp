#pragma once

#include <mooring/core/awaitable.hpp>
#include <mooring/core/call_options.hpp>
#include <mooring/core/error.hpp>
#include <mooring/session/transport_session.hpp>
#include <mooring/storage/value_traits.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace mooring {

/** @brief A session of the SSE transport: messages wait in it for the one stream that carries them to the client.
 *
 *  Made new, it is connected; restored from a record, it is disconnected. Messages wait only while it is connected: what waits when it disconnects is dropped.
 *  A storage in this process's memory closes the session when it drops it; then it is disconnected for good.
 *
 *  @par Thread safety  Any thread, every member. One mutex guards the queue and the connection; the receiver is resumed on its own executor, never inside `send`.
 */
class sse_session final : public transport_session, public closable {
 public:
  /** How many messages wait at most. */
  static constexpr std::size_t max_queued = 100;

  sse_session(std::string id, wall_time now);
  explicit sse_session(transport_record restored);
  /** Disconnects. */
  ~sse_session() override;

  /** @brief Puts a message at the end of the queue.
   *  @par Errors  `errc::queue_full`: `max_queued` messages wait. `errc::disconnected`. The message is dropped.
   */
  result<> send(std::string message);

  /** @brief Takes the first message, and waits for one where there is none. For one caller at a time.
   *
   *  @param call  `deadline`: of this wait; empty means none.
   *  @par Errors
   *   - `errc::disconnected`       there is no connection, or it ended while this waited.
   *   - `errc::busy`               somebody else waits already.
   *   - `errc::deadline_exceeded`  no message came; nothing is lost.
   *   - `errc::cancelled`          nothing is lost: a message that came meanwhile waits for the next call.
   *  @par Cancellation   Any type. The caller's cancellation state is not changed.
   *  @par Thread safety  Resumes on the caller's executor. The session may be disconnected, closed or destroyed meanwhile.
   */
  awaitable<result<std::string>> receive(call_options call = {});

  /** @brief Begins a connection, with an empty queue.  @return False when there is one, or the session was closed: then nothing changed. */
  bool connect();

  /** @brief Ends the connection, drops what waits, and wakes the receiver. Repeatable, concurrently with everything. */
  void disconnect();

  bool is_connected() const;
  /** How many messages wait. */
  std::size_t queued() const;

  /** @brief Disconnects for good. */
  void close() override;

 private:
  struct channel;

  static awaitable<result<std::string>> receive_from(std::shared_ptr<channel> from, call_options call);

  std::shared_ptr<channel> const channel_;  // held by the receiver too
};

}  // namespace mooring
