#pragma once

#include <mooring/core/error.hpp>

#include <string>
#include <string_view>

namespace mooring::detail {

/** @brief The error itself, where a server older than 7 wraps one that a script met: `ERR Error running script (call to f_0123): @user_script:1: ... -READONLY ...`. */
std::string_view innermost_error(std::string_view text) noexcept;

/** @brief What an error reply of a Redis server means: decided by its first word, or for `ERR` by the words that follow. Texts may echo ids and are never kept. */
errc error_of_reply(std::string_view text) noexcept;

/** @brief The same for a log: the words that decided, or an unknown code cut to 128 bytes; nothing else of the text. */
std::string cause_of_reply(std::string_view text);

/** @brief Whether a server that says this is not to be asked again on this connection. */
bool ends_connection(errc error) noexcept;

/** @brief Whether a server whose connection ended with this does not want us: asking it again soon is of no use. */
bool refuses_us(errc error) noexcept;

}  // namespace mooring::detail
