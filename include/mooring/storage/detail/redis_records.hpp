#pragma once

#include <mooring/core/awaitable.hpp>
#include <mooring/storage/redis_options.hpp>
#include <mooring/storage/storage.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

namespace mooring::detail {

class redis_link;

/** A value as a record holds it: named texts, which are an object in it, or a text of the value's own, which is a string in it. */
using record_body = std::variant<text_map, std::string>;

struct raw_record {
  mooring::revision revision;
  record_body body;
  hint_map hints;
};

/** @brief The contract of `storage<T>` on a Redis server, for values in their written form. Ids and values were checked by the caller.
 *
 *  A handle: copies are the same. Awaitables hold what they use, so that the last handle may go while they wait.
 */
class redis_records {
 public:
  enum class reading { sliding, still };

  /** The options were checked. */
  redis_records(executor ex, redis_storage_options options);
  redis_records(std::shared_ptr<redis_link> link, executor ex, redis_storage_options options);

  awaitable<write_outcome> create(std::string id, record_body body, create_options call) const;
  awaitable<write_outcome> update(std::string id, record_body body, std::optional<revision> expected, call_options call) const;
  awaitable<write_outcome> store(std::string id, record_body body, call_options call) const;
  awaitable<result<bool>> update_hints(std::string id, hint_map hints, call_options call) const;
  awaitable<result<std::optional<raw_record>>> read(std::string id, reading how, call_options call) const;
  awaitable<result<bool>> touch(std::string id, call_options call) const;
  awaitable<result<bool>> erase(std::string id, std::optional<revision> expected, call_options call) const;
  awaitable<result<bool>> confirm_replication(std::uint64_t since, call_options call) const;
  awaitable<result<>> ping(call_options call) const;
  awaitable<void> close() const;

  bool is_closed() const noexcept;
  std::uint64_t epoch() const noexcept;
  duration pause() const noexcept;
  text_limits const& limits() const noexcept;
  duration ttl() const noexcept;

 private:
  struct state;
  struct steps;

  std::shared_ptr<state> state_;
};

}  // namespace mooring::detail
