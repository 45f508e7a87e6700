#pragma once

#include <mooring/core/error.hpp>
#include <mooring/storage/redis_options.hpp>

#include <boost/asio/ssl/context.hpp>

#include <functional>
#include <string>

namespace mooring::detail {

/** @brief What a TLS client with these options says and believes: TLS 1.2 at least, the peer's chain checked. Which peer that is, `set_peer_name` has to say.
 *
 *  @param on_refused  Told why a peer's certificate was not believed: OpenSSL's words, which hold nothing of the certificate.
 *  @par Errors  `errc::invalid_argument`: a certificate or key is no valid PEM, or the two do not belong together; `why`, where given, names field and rule.
 */
result<boost::asio::ssl::context> make_tls_context(redis_tls_options const& options, std::function<void(std::string)> on_refused = {}, std::string* why = nullptr);

/** @brief Another handle of the same context: loading the system's authorities takes long, and each connection owns a context. */
boost::asio::ssl::context share(boost::asio::ssl::context& context);

/** @brief From the next handshake of this context of ours on, the peer has to prove this name or IP address, and a name is sent along (SNI).
 *  @par Errors  `errc::invalid_argument`: nothing can prove such a name. Then no handshake may follow.
 */
result<> set_peer_name(boost::asio::ssl::context& context, redis_tls_options const& options, std::string const& name, std::string* why = nullptr);

}  // namespace mooring::detail
