#pragma once

#include <mooring/core/error.hpp>
#include <mooring/storage/redis_options.hpp>

#include <string>
#include <string_view>

namespace mooring {

/** @brief Options that name the server of a URL, with its login, database and TLS; all else is at its default, and the key prefix is still to be given.
 *
 *  - `redis://[user[:password]@]host[:port][/database]`, and `rediss:` for TLS. The port is 6379.
 *  - `redis+sentinel://[user[:password]@]host[:port],.../master[/database]`, and `rediss+sentinel:` for TLS to the master and to the Sentinels. Their port is
 *    26379. The login is the master's: what the Sentinels want is set in the options.
 *  - `unix://[user[:password]@]/path[?db=database]`
 *
 *  `:password@` alone is the password of the user `default`. IPv6 addresses stand in brackets. What has a meaning in a URL is percent-encoded in user, password, path
 *  and master name, as are spaces and whatever is not visible ASCII.
 *
 *  @param why  Where given, is set to a sentence naming the part of the URL and the rule it breaks. Repeats no part of the URL, so no password.
 *  @par Errors  `errc::invalid_argument`: it is no such URL.
 *  @par Source  RFC 3986; the schemes `redis` and `rediss` as registered with IANA.
 */
result<redis_storage_options> redis_options_from_url(std::string_view url, std::string* why = nullptr);

}  // namespace mooring
