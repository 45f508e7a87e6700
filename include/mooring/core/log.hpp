#pragma once

#include <functional>
#include <string_view>

namespace mooring {

enum class severity { debug, info, warning, error };

/** @brief Where the library says what no return value can: a background failure, a thrown exception's text, a warning about the configuration.
 *
 *  Lines never hold an id, a token, a password or a stored value. Called on any thread, never under a lock; a sink that throws is ignored.
 *  Empty means silence.
 */
using log_sink = std::function<void(severity, std::string_view)>;

}  // namespace mooring
