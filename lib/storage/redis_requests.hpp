#pragma once

#include "storage/record_codec.hpp"
#include "storage/record_size.hpp"
#include "storage/redis_link.hpp"
#include "storage/redis_outcome.hpp"
#include "storage/redis_reassertion.hpp"
#include "storage/redis_scripts.hpp"

#include <mooring/core/awaitable.hpp>
#include <mooring/core/clock.hpp>
#include <mooring/core/entropy.hpp>
#include <mooring/storage/redis_options.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace mooring::detail {

/** @brief What the operations of one storage share: how their requests are worded, sent and taken note of. Coroutines hold it, so that they may outlive the storage.
 *  @par Thread safety  Any thread.
 */
struct redis_requests {
  redis_requests(std::shared_ptr<redis_link> l, executor const& ex, redis_storage_options o, redis_reassertion r);

  /** @brief Asks one command. A server that is no longer the master has not carried it out: it is left, and its successor asked once. */
  static awaitable<redis_outcome> ask(std::shared_ptr<redis_requests> self, redis_command sent, time_point end, redis_witness_pointer witness = nullptr);

  /** @brief Runs a script on the key of an id. It goes by its digest; a server that does not know it gets the text, once. */
  static awaitable<redis_outcome> run(std::shared_ptr<redis_requests> self, redis_script const* script, std::string id, redis_command arguments, time_point end,
                                      redis_witness_pointer witness = nullptr);

  /** @brief Leaves a server that says it is the wrong one, and tells the log what it says. */
  void heed(redis_outcome const& answer);

  void tell_other_ttl(read_record const& found);

  /** As the server counts. Rounded up: nothing expires before its time. */
  static std::int64_t milliseconds(duration span);

  std::string key(std::string_view id) const { return options.key_prefix + std::string(id); }
  std::string ttl() const { return std::to_string(ttl_count()); }
  std::int64_t ttl_count() const { return milliseconds(options.ttl); }
  std::string lifetime() const { return options.absolute_lifetime ? std::to_string(milliseconds(*options.absolute_lifetime)) : "0"; }
  time_point end(std::optional<duration> deadline) const { return saturating_add(clock.now(), deadline.value_or(options.operation_timeout)); }

  std::shared_ptr<redis_link> const link;
  clock_service& clock;
  entropy_service& entropy;
  redis_storage_options options;  // never changes, once it is made
  std::size_t const most_bytes = most_record_bytes(options.limits);
  redis_reassertion const reassertion;
  std::atomic<bool> is_closed = false;

 private:
  void tell_refusal(std::string const& text);

  std::atomic<bool> was_other_ttl_told_ = false;
  std::mutex mutex_;  // guards what follows; nothing is called under it
  std::string last_refusal_;
};

}  // namespace mooring::detail
