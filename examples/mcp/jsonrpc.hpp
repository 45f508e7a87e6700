#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace mooring::mcp {

namespace json = boost::json;

/** Error codes of JSON-RPC 2.0 (section 5.1) and of MCP. */
namespace code {
inline constexpr int parse_error = -32700;
inline constexpr int invalid_request = -32600;
inline constexpr int method_not_found = -32601;
inline constexpr int invalid_params = -32602;
inline constexpr int internal_error = -32603;
inline constexpr int server_error = -32000;
inline constexpr int session_not_found = -32001;
inline constexpr int resource_not_found = -32002;
inline constexpr int header_mismatch = -32020;
inline constexpr int unsupported_version = -32022;
}  // namespace code

/** @brief A JSON-RPC error to be sent. `id` is the raw text of the request's id; empty where none is known, and then left out. */
struct rejection {
  rejection() = default;
  rejection(int c, std::string m, std::string raw_id = {}) : error(c), message(std::move(m)), id(std::move(raw_id)) {}

  int error = code::invalid_request;
  std::string message;
  std::string id;
  bool is_batch = false;  ///< The text was a JSON array.
};

/** @brief One JSON-RPC 2.0 message: its text as it came, and where its members stand.
 *
 *  It holds no parsed values, which may take twenty times the room of their text: a request is in work for as long as its backend likes.
 *  An id is kept as it was written (`"a"`, `0`, `12345678901234567890`, `1.0`): a value that was parsed and written again may differ.
 */
class message {
 public:
  enum class kind { request, notification, result, error };

  message() = default;

  kind type() const noexcept { return type_; }
  bool is_request() const noexcept { return type_ == kind::request; }
  bool is_notification() const noexcept { return type_ == kind::notification; }
  bool is_response() const noexcept { return type_ == kind::result || type_ == kind::error; }

  /** Of a request or notification. */
  std::string const& method() const noexcept { return method_; }

  /** The raw JSON text of the id; empty where there is none (a notification, or an error about an unreadable request). */
  std::string_view id() const noexcept { return raw("id"); }

  /** @brief The message as it came. */
  std::string const& text() const noexcept { return text_; }

  /** @brief `params`, `result` or `error` where it is an object; else an empty object. Parsed anew at each call. */
  json::object params() const { return object("params"); }
  json::object result() const { return object("result"); }
  json::object error() const { return object("error"); }
  json::object object(std::string_view member) const;

  /** @brief The text of one member of the message as it was written; empty where there is none. */
  std::string_view raw(std::string_view member) const noexcept;

  /** @brief The message's text with another raw id in the place of its own, all else as it was written. A message without an id is unchanged. */
  std::string with_id(std::string_view raw_id) const;

  /** @brief As `with_id`, for any member that is there. */
  std::string with(std::string_view member, std::string_view raw_value) const;

 private:
  friend std::variant<message, rejection> parse_message(std::string text, std::size_t max_depth);
  struct span {
    std::string name;
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  span const* find(std::string_view member) const noexcept;

  std::string text_;
  std::vector<span> members_;
  std::string method_;
  kind type_ = kind::notification;
};

/** Members that a message may have. JSON-RPC knows five; more than a few are an attack, as each is looked up among those before it. */
inline constexpr std::size_t max_members = 64;

/** @brief Reads one message.
 *
 *  @return The message; or the rejection it deserves: -32700 for what is no JSON or nested too deeply, -32600 for JSON that is no JSON-RPC, for a batch,
 *          for more than `max_members`, and for a member that occurs twice. The rejection carries the id where it could be read.
 */
std::variant<message, rejection> parse_message(std::string text, std::size_t max_depth = 128);

/** @brief `{"jsonrpc":"2.0","id":<raw_id>,"result":<result>}` */
std::string make_result(std::string_view raw_id, json::value const& result);
/** @brief As above, with a result that is JSON text already. */
std::string make_raw_result(std::string_view raw_id, std::string_view raw_result);

/** @brief An error; an empty `raw_id` leaves the member out. `data` joins where it is given. */
std::string make_error(std::string_view raw_id, int error, std::string_view text, std::optional<json::value> const& data = std::nullopt);
std::string make_error(rejection const& refused);

/** @brief A request; null params are left out. */
std::string make_request(std::string_view raw_id, std::string_view method, json::value const& params = nullptr);
std::string make_notification(std::string_view method, json::value const& params = nullptr);

/** @brief The text as a JSON string, with its quotes. */
std::string quoted(std::string_view text);

}  // namespace mooring::mcp
