#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace mooring::http {

/** @brief One server-sent event. */
struct event {
  event() = default;
  explicit event(std::string d) : data(std::move(d)) {}
  event(std::string d, std::string i) : data(std::move(d)), id(std::move(i)) {}

  std::string type;                 ///< Empty means "message".
  std::string data;                 ///< Lines separated by LF.
  std::optional<std::string> id;    ///< Present only where this event carried the field; may be empty ("forget the last id").
  std::optional<std::chrono::milliseconds> retry;
};

/** @brief The event as it is sent: `id`, `event`, `retry`, a `data` line for each line of the data, an empty line.
 *
 *  Line breaks in `id` and `type` are left out: they cannot be sent.
 */
std::string to_text(event const& sent);

/** @brief Takes an event stream apart, from pieces of any size.
 *
 *  @par Source  WHATWG HTML, section 9.2.6 (interpreting an event stream). One difference, since MCP's resumption begins with an event that only has an
 *       id: an event whose data is empty is handed out too when it carried an `id` or a `retry`.
 */
class event_parser {
 public:
  explicit event_parser(std::size_t max_event_bytes = std::size_t{100} << 20) : limit_(max_event_bytes) {}

  /** @brief Takes the next bytes.  @return False when an event is over its limit; then the parser takes nothing more. */
  bool feed(std::string_view bytes);

  /** @brief The next complete event, in order. */
  std::optional<event> next();

  /** @brief The id of the last event that carried one. */
  std::string const& last_id() const noexcept { return last_id_; }

 private:
  void take_line(std::string_view line);
  void finish_event();

  std::size_t limit_;
  std::string line_;
  event current_;
  bool has_data_ = false;
  bool after_cr_ = false;   // the LF of a CRLF may be in the next piece
  bool at_start_ = true;    // a byte order mark may come
  bool is_broken_ = false;
  std::string last_id_;
  std::deque<event> ready_;
};

}  // namespace mooring::http
