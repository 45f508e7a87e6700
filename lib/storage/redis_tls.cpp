#include "storage/redis_tls.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/verify_context.hpp>
#include <boost/asio/ssl/verify_mode.hpp>

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <memory>
#include <utility>

namespace mooring::detail {
namespace {

namespace ssl = boost::asio::ssl;

error_code refuse(std::string* why, char const* field, char const* rule) {
  if (why) *why = std::string(field) + " " + rule;
  return make_error_code(errc::invalid_argument);
}

bool is_ip(std::string const& host) {
  boost::system::error_code ec;
  static_cast<void>(boost::asio::ip::make_address(host, ec));
  return !ec;
}

// The name that a context sends along, kept in the context itself.
int name_index() {
  static int const index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, [](void*, void* name, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<std::string*>(name); });
  return index;
}

std::string* name_of(SSL_CTX const* context) { return static_cast<std::string*>(SSL_CTX_get_ex_data(context, name_index())); }

// Boost.Redis makes each connection's stream itself and leaves no moment between that and the handshake, so the handshake's own beginning is taken.
void send_name(SSL const* stream, int where, int) {
  if (where != SSL_CB_HANDSHAKE_START) return;
  auto const* const name = name_of(SSL_get_SSL_CTX(stream));
  // The stream is OpenSSL's to change at this point, whatever the callback's type says.
  if (name && !name->empty()) SSL_set_tlsext_host_name(const_cast<SSL*>(stream), name->c_str());
}

// Each name takes the place of the one before.
bool check_peer(SSL_CTX* context, std::string const& name) {
  auto* const rules = SSL_CTX_get0_param(context);
  X509_VERIFY_PARAM_set1_ip(rules, nullptr, 0);
  X509_VERIFY_PARAM_set1_host(rules, nullptr, 0);
  if (is_ip(name)) return X509_VERIFY_PARAM_set1_ip_asc(rules, name.c_str()) == 1;
  X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return X509_VERIFY_PARAM_set1_host(rules, name.c_str(), name.size()) == 1;
}

}  // namespace

result<ssl::context> make_tls_context(redis_tls_options const& options, std::function<void(std::string)> on_refused, std::string* why) {
  ssl::context made(ssl::context::tls_client);
  boost::system::error_code ec;
  SSL_CTX_set_min_proto_version(made.native_handle(), TLS1_2_VERSION);
  if (options.certificate_pem.empty() != options.key_pem.empty())
    return refuse(why, options.certificate_pem.empty() ? "certificate_pem" : "key_pem", "is missing; a client certificate and its key come together");
  if (!options.certificate_pem.empty()) {
    made.use_certificate_chain(boost::asio::buffer(options.certificate_pem), ec);
    if (ec) return refuse(why, "certificate_pem", "is no valid PEM certificate");
    made.use_private_key(boost::asio::buffer(options.key_pem.bytes().data(), options.key_pem.size()), ssl::context::pem, ec);
    if (ec || SSL_CTX_check_private_key(made.native_handle()) != 1)
      return refuse(why, "key_pem", "is no valid PEM key, or not that of the certificate");
  }
  if (options.ca_pem.empty()) {
    made.set_default_verify_paths(ec);
    if (ec) return refuse(why, "ca_pem", "is empty, and the system has no roots to fall back to");
  } else {
    made.add_certificate_authority(boost::asio::buffer(options.ca_pem), ec);
    if (ec) return refuse(why, "ca_pem", "is no valid PEM certificate");
  }
  auto name = std::make_unique<std::string>();
  if (SSL_CTX_set_ex_data(made.native_handle(), name_index(), name.get()) != 1) return refuse(why, "server_name", "cannot be kept");
  static_cast<void>(name.release());  // the context's now
  SSL_CTX_set_info_callback(made.native_handle(), send_name);
  made.set_verify_mode(options.insecure ? ssl::verify_none : ssl::verify_peer, ec);
  if (options.insecure) return made;
  made.set_verify_callback(
      [told = std::move(on_refused)](bool is_believed, ssl::verify_context& seen) {
        if (!is_believed && told) told(X509_verify_cert_error_string(X509_STORE_CTX_get_error(seen.native_handle())));
        return is_believed;
      },
      ec);
  return made;
}

result<> set_peer_name(ssl::context& context, redis_tls_options const& options, std::string const& name, std::string* why) {
  *name_of(context.native_handle()) = is_ip(name) ? std::string() : name;
  if (!options.insecure && !check_peer(context.native_handle(), name)) return refuse(why, "server_name", "is no name that a certificate can be checked against");
  return {};
}

}  // namespace mooring::detail
