#pragma once

#include <mooring/core/error.hpp>
#include <mooring/core/wall_clock.hpp>
#include <mooring/session/json_text.hpp>
#include <mooring/storage/text_map.hpp>
#include <mooring/storage/value_traits.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace mooring {

/** The types of sessions that have a class here. Others are sessions all the same, of the plain class. */
namespace transport_type {
inline constexpr std::string_view mcp = "mcp";                ///< `transport_session`, the plain class
inline constexpr std::string_view sse = "sse";                ///< `sse_session`
inline constexpr std::string_view streamable = "streamable";  ///< `streamable_session`
}  // namespace transport_type

/** @brief What of a transport session is stored. Connections and queued messages are not. */
struct transport_record {
  transport_record() = default;
  transport_record(std::string i, std::string t, wall_time now) : id(std::move(i)), type(std::move(t)), created_at(now), updated_at(now) {}

  std::string id;
  std::string type;
  wall_time created_at{};
  wall_time updated_at{};
  std::optional<json_text> data;
  text_map metadata;
  /** Members that a later version wrote. Kept, so that storing the session again loses nothing. */
  std::map<std::string, json_text> others;

  friend bool operator==(transport_record const&, transport_record const&) = default;
};

/** @brief A session of some transport: an id, a type, data as JSON, and metadata. The plain class; classes of single types derive from it.
 *
 *  Id, type and moment of creation never change. Both moments are facts of the wall clock for people to read, and decide no expiry.
 *
 *  Stored in this process's memory, it is the object itself that is stored: whoever gets the id gets this object, and sees a change at once. Stored elsewhere, each
 *  get makes an object of its own, and a change is seen by others once it is stored again.
 *
 *  @par Thread safety  Any thread, every member. One mutex guards what may change; accessors return copies.
 */
class transport_session {
 public:
  /** A new session without data and metadata. */
  transport_session(std::string id, std::string type, wall_time now);
  /** The session of a record, as it was stored. */
  explicit transport_session(transport_record restored);
  virtual ~transport_session();

  transport_session(transport_session const&) = delete;
  transport_session& operator=(transport_session const&) = delete;

  std::string id() const { return record_.id; }
  std::string type() const { return record_.type; }
  wall_time created_at() const { return record_.created_at; }
  /** When data or metadata were last set. */
  wall_time updated_at() const;
  /** Nothing where none were set. */
  std::optional<json_text> data() const;
  text_map metadata() const;
  std::optional<std::string> metadata(std::string_view key) const;
  /** All that is stored, as it was at one moment. */
  transport_record record() const;

  /** Each sets `updated_at` to `now` too. Limits are kept by the storage that takes the session. */
  void set_data(std::optional<json_text> data, wall_time now);
  void set_metadata(text_map metadata, wall_time now);
  void set_metadata(std::string key, std::string value, wall_time now);

 private:
  mutable std::mutex mutex_;  // guards what may change of record_: all but id, type and created_at, which are read without it; leaf
  transport_record record_;
};

/** A session of the Streamable HTTP transport: each of its streams belongs to one request, so it holds none. */
class streamable_session final : public transport_session {
 public:
  streamable_session(std::string id, wall_time now) : transport_session(std::move(id), std::string(transport_type::streamable), now) {}
  explicit streamable_session(transport_record restored) : transport_session(std::move(restored)) {}
};

/** How transport sessions are handed on and stored. */
using transport_session_ptr = std::shared_ptr<transport_session>;

/** @brief A new session of the class that `type` has; of the plain class, where it has none. */
transport_session_ptr make_transport_session(std::string id, std::string type, wall_time now);

/** @brief As above, from a record. Nothing is connected. */
transport_session_ptr restore_transport_session(transport_record stored);

/** @brief What storages have to know of transport sessions. Defined in `transport_codec`. */
template <>
struct value_traits<transport_session_ptr> {
  /** @brief Whether the session may be stored.
   *  @return Success, or
   *   - `errc::invalid_argument`  null; the type is empty; a text is not UTF-8; or `others` has the key of a member that is known.
   *   - `errc::invalid_id`        the session's own id is empty or breaks the rule.
   *   - `errc::too_large`         the type is longer than a key may be, metadata break a limit, or data (with what a later version wrote) are over `max_total_bytes`.
   */
  static result<> check(transport_session_ptr const& value, text_limits const& limits, std::string* why = nullptr);
  /** @brief Closes what is `closable`. */
  static void close(transport_session_ptr& value);
  static std::string encode(transport_session_ptr const& value);
  static result<transport_session_ptr> decode(std::string_view text);
};

}  // namespace mooring
