#include "storage/redis_tls.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/address.hpp>

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

// What a context's handshakes have to know, kept in the context itself, so that all handles of one context share it.
struct peer {
  std::string name;
  std::function<void(std::string)> on_refused;
};

int peer_index() {
  static int const index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, [](void*, void* kept, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<peer*>(kept); });
  return index;
}

peer& peer_of(SSL_CTX const* context) { return *static_cast<peer*>(SSL_CTX_get_ex_data(context, peer_index())); }

int verify(int is_believed, X509_STORE_CTX* seen) {
  auto const* const stream = static_cast<SSL const*>(X509_STORE_CTX_get_ex_data(seen, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto const& told = peer_of(SSL_get_SSL_CTX(stream)).on_refused;
  if (is_believed == 0 && told) told(X509_verify_cert_error_string(X509_STORE_CTX_get_error(seen)));
  return is_believed;
}

// A name takes the place of the one before; one that cannot be set leaves that in force.
bool demand(X509_VERIFY_PARAM* rules, std::string const& name) {
  if (is_ip(name)) return X509_VERIFY_PARAM_set1_ip_asc(rules, name.c_str()) == 1 && X509_VERIFY_PARAM_set1_host(rules, nullptr, 0) == 1;
  X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return X509_VERIFY_PARAM_set1_host(rules, name.c_str(), name.size()) == 1;
}

// Boost.Redis makes each connection's stream itself, the first one long before it is known whom it will talk to, so the handshake's own beginning is taken.
void begin_handshake(SSL const* stream, int where, int) {
  if (where != SSL_CB_HANDSHAKE_START) return;
  auto const& name = peer_of(SSL_get_SSL_CTX(stream)).name;
  // The stream is OpenSSL's to change at this point, whatever the callback's type says.
  auto* const own = const_cast<SSL*>(stream);
  if (!is_ip(name)) SSL_set_tlsext_host_name(own, name.c_str());
  demand(SSL_get0_param(own), name);
}

// In place of OpenSSL's own, which asks at the terminal.
int refuse_passphrase(char*, int, int, void* was_asked) {
  if (was_asked) *static_cast<bool*>(was_asked) = true;
  return -1;
}

// What no certificate proves (RFC 2606, section 2).
std::string const nobody = "nobody.invalid";

}  // namespace

result<ssl::context> make_tls_context(redis_tls_options const& options, std::function<void(std::string)> on_refused, std::string* why) {
  ssl::context made(ssl::context::tls_client);
  boost::system::error_code ec;
  SSL_CTX_set_min_proto_version(made.native_handle(), TLS1_2_VERSION);
  if (options.certificate_pem.empty() != options.key_pem.empty())
    return refuse(why, options.certificate_pem.empty() ? "certificate_pem" : "key_pem", "is missing; a client certificate and its key come together");
  SSL_CTX_set_default_passwd_cb(made.native_handle(), refuse_passphrase);
  if (!options.certificate_pem.empty()) {
    made.use_certificate_chain(boost::asio::buffer(options.certificate_pem), ec);
    if (ec) return refuse(why, "certificate_pem", "is no valid PEM certificate");
    bool is_encrypted = false;
    SSL_CTX_set_default_passwd_cb_userdata(made.native_handle(), &is_encrypted);
    made.use_private_key(boost::asio::buffer(options.key_pem.bytes().data(), options.key_pem.size()), ssl::context::pem, ec);
    SSL_CTX_set_default_passwd_cb_userdata(made.native_handle(), nullptr);  // Asio's context would delete it
    if (is_encrypted) return refuse(why, "key_pem", "is encrypted, which is not supported; give the key as it is");
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
  auto kept = std::make_unique<peer>();
  kept->name = nobody;
  kept->on_refused = std::move(on_refused);
  if (SSL_CTX_set_ex_data(made.native_handle(), peer_index(), kept.get()) != 1) return refuse(why, "server_name", "cannot be kept");
  static_cast<void>(kept.release());  // the context's now
  if (!demand(SSL_CTX_get0_param(made.native_handle()), nobody)) return refuse(why, "server_name", "cannot be checked");
  SSL_CTX_set_info_callback(made.native_handle(), begin_handshake);
  SSL_CTX_set_verify(made.native_handle(), options.insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, verify);
  return made;
}

ssl::context share(ssl::context& context) {
  SSL_CTX_up_ref(context.native_handle());
  return ssl::context(context.native_handle());
}

result<> set_peer_name(ssl::context& context, redis_tls_options const& options, std::string const& name, std::string* why) {
  std::unique_ptr<X509_VERIFY_PARAM, void (*)(X509_VERIFY_PARAM*)> const tried(X509_VERIFY_PARAM_new(), X509_VERIFY_PARAM_free);
  if (name.empty() || !tried || (!options.insecure && !demand(tried.get(), name))) return refuse(why, "server_name", "is no name that a certificate can be checked against");
  peer_of(context.native_handle()).name = name;
  return {};
}

}  // namespace mooring::detail
