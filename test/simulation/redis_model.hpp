#pragma once

#include "storage/redis_link.hpp"
#include "storage/redis_scripts.hpp"

#include <mooring/core/clock.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace mooring::test {

using redis_command = detail::redis_command;
using redis_reply = detail::redis_reply;

redis_reply redis_text(std::string text);
redis_reply redis_number(std::int64_t number);
redis_reply redis_null();
redis_reply redis_error(std::string text);
redis_reply redis_words(std::vector<std::string> words);

/** @brief What a Redis server makes of the commands that the library sends: texts under keys, their expiry in whole milliseconds, and what each of our scripts does.
 *
 *  Written from what Redis documents and what the scripts say, and without their text: a script is known by its digest, once its text was sent. A command that the
 *  library has no reason to send is an error, as one with too few words is (by exception).
 */
class redis_model {
 public:
  redis_reply carry_out(redis_command const& sent, time_point now);

  /** @brief What is stored under a key now. A record whose own end has come is not: its key may outlive it. */
  std::optional<std::string> look(std::string const& key, time_point now) const;

  /** @brief Knows every script from the start, as a server does that has been used before. */
  void learn_scripts();

 private:
  struct entry {
    std::string text;
    std::int64_t expires = 0;  // in `moment`; no key of ours lives for ever
  };
  class script_run;

  static std::int64_t moment_of(time_point now);

  entry* find(std::string const& key, std::int64_t moment);
  redis_reply set(redis_command const& sent, std::int64_t moment);
  redis_reply get(redis_command const& sent, std::int64_t moment);
  redis_reply erase(redis_command const& sent, std::int64_t moment);
  redis_reply run(redis_command const& sent, std::int64_t moment);

  std::map<std::string, entry> keys_;
  std::set<detail::redis_script const*> known_;
};

}  // namespace mooring::test
