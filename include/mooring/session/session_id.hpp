#pragma once

#include <mooring/core/entropy.hpp>
#include <mooring/core/error.hpp>
#include <mooring/core/identifier.hpp>

#include <string>
#include <string_view>

namespace mooring {

/** @brief Mints an id: 160 random bits as 32 visible characters.
 *  @return A fresh one.
 *  @par Errors  `errc::unavailable`: the random source failed, and there is no id.
 */
inline result<std::string> mint_session_id(entropy_service& source) { return random_name(source); }

/** @brief What a log may hold instead of an id: the first 48 bits of its SHA-256, as 12 hexadecimal digits. Enough to follow one session through a log, and no
 *  use to somebody who wants to take it over.
 */
std::string short_digest(std::string_view id);

}  // namespace mooring
