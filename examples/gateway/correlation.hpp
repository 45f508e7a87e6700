#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mooring::gateway {

/** @brief Which of the gateway's request ids on a backend connection stands for which id of the client.
 *
 *  Every request gets an id that no other request on the connection has, whatever ids the clients chose. Replicas that share a backend session
 *  start at random places, so theirs differ too.
 *
 *  @par Thread safety  Any thread, every member.
 */
class in_flight {
 public:
  /** @param seed  Any random number: 21 bits of it are used, so that ids stay exact in JavaScript (below 2^53). */
  explicit in_flight(std::uint64_t seed) : next_(((seed & 0x1FFFFF) << 32) + 1) {}

  /** @brief The JSON text of a fresh id that stands for `client_id` until `end`. */
  std::string begin(std::string_view client_id);

  void end(std::string_view backend_id);

  /** @brief The ids of the requests in flight that stand for `client_id`, oldest first. */
  std::vector<std::string> standing_for(std::string_view client_id) const;

  std::size_t size() const;

 private:
  mutable std::mutex mutex_;  // guards the two below; leaf
  std::uint64_t next_;
  std::map<std::uint64_t, std::string> client_ids_;
};

/** @brief A request id that is in flight for as long as this object lives. */
class borrowed_id {
 public:
  borrowed_id(in_flight& from, std::string_view client_id) : from_(from), text_(from.begin(client_id)) {}
  ~borrowed_id() { from_.end(text_); }
  borrowed_id(borrowed_id const&) = delete;
  borrowed_id& operator=(borrowed_id const&) = delete;
  std::string const& text() const noexcept { return text_; }

 private:
  in_flight& from_;
  std::string const text_;
};

/** @brief The id under which a client sees a request of one of several backends: a JSON string that names the backend and holds the backend's own id.
 *
 *  Nothing has to be remembered: the client's answer may come to another replica.
 */
std::string client_facing_id(std::string_view backend, std::string_view backend_id);

/** @brief Backend and own id (as JSON text) of what `client_facing_id` made; nothing for any other id. */
std::optional<std::pair<std::string, std::string>> backend_id_of(std::string_view client_facing);

}  // namespace mooring::gateway
