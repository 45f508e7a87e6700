#include "storage/certificates.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cctype>
#include <memory>
#include <stdexcept>

namespace mooring::test {
namespace {

template <class T, void (*release)(T*)>
struct releasing {
  void operator()(T* held) const { release(held); }
};
using key_pointer = std::unique_ptr<EVP_PKEY, releasing<EVP_PKEY, EVP_PKEY_free>>;
using x509_pointer = std::unique_ptr<X509, releasing<X509, X509_free>>;
using bio_pointer = std::unique_ptr<BIO, releasing<BIO, BIO_free_all>>;

template <class P>
P made(P held) {
  if (!held) throw std::runtime_error("OpenSSL makes no certificate");
  return held;
}

std::string text_of(BIO* from) {
  char* data = nullptr;
  auto const size = BIO_get_mem_data(from, &data);
  return std::string(data, static_cast<std::size_t>(size));
}

void extend(X509* to, X509* issuer, int what, std::string const& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
  std::unique_ptr<X509_EXTENSION, releasing<X509_EXTENSION, X509_EXTENSION_free>> const extension(X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str()));
  X509_add_ext(to, made(extension.get()), -1);
}

certificate sign(std::string const& name, std::chrono::seconds lifetime, certificate const* authority, std::string const& names) {
  static long serial = 1;
  key_pointer const key = made(key_pointer(EVP_EC_gen("P-256")));
  x509_pointer const x509 = made(x509_pointer(X509_new()));
  X509_set_version(x509.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(x509.get()), -7200);
  X509_gmtime_adj(X509_getm_notAfter(x509.get()), static_cast<long>(lifetime.count()));
  X509_set_pubkey(x509.get(), key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x509.get()), "CN", MBSTRING_UTF8, reinterpret_cast<unsigned char const*>(name.c_str()), -1, -1, 0);
  x509_pointer issuer;
  key_pointer issuer_key;
  if (authority) {
    bio_pointer const pem(BIO_new_mem_buf(authority->pem.data(), static_cast<int>(authority->pem.size())));
    bio_pointer const key_pem(BIO_new_mem_buf(authority->key_pem.data(), static_cast<int>(authority->key_pem.size())));
    issuer = made(x509_pointer(PEM_read_bio_X509(pem.get(), nullptr, nullptr, nullptr)));
    issuer_key = made(key_pointer(PEM_read_bio_PrivateKey(key_pem.get(), nullptr, nullptr, nullptr)));
  }
  auto* const signer = issuer ? issuer.get() : x509.get();
  X509_set_issuer_name(x509.get(), X509_get_subject_name(signer));
  extend(x509.get(), signer, NID_basic_constraints, authority ? "critical,CA:FALSE" : "critical,CA:TRUE");
  if (!names.empty()) extend(x509.get(), signer, NID_subject_alt_name, names);
  if (X509_sign(x509.get(), issuer_key ? issuer_key.get() : key.get(), EVP_sha256()) == 0) throw std::runtime_error("OpenSSL signs no certificate");
  bio_pointer const pem(BIO_new(BIO_s_mem()));
  bio_pointer const key_pem(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(pem.get(), x509.get());
  PEM_write_bio_PrivateKey(key_pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return {text_of(pem.get()), text_of(key_pem.get())};
}

}  // namespace

certificate make_authority(std::string const& name) { return sign(name, std::chrono::hours(24), nullptr, {}); }

certificate issue(certificate const& authority, std::string const& host, std::chrono::seconds lifetime) {
  bool const is_ip = std::isdigit(static_cast<unsigned char>(host.back())) != 0;
  return sign(host, lifetime, &authority, (is_ip ? "IP:" : "DNS:") + host);
}

std::string encrypt(std::string const& key_pem, std::string const& passphrase, encryption form) {
  bio_pointer const plain(BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())));
  key_pointer const key = made(key_pointer(PEM_read_bio_PrivateKey(plain.get(), nullptr, nullptr, nullptr)));
  bio_pointer const written(BIO_new(BIO_s_mem()));
  auto const* const word = reinterpret_cast<unsigned char const*>(passphrase.data());
  auto* const write = form == encryption::of_pkcs8 ? PEM_write_bio_PrivateKey : PEM_write_bio_PrivateKey_traditional;
  if (write(written.get(), key.get(), EVP_aes_256_cbc(), word, static_cast<int>(passphrase.size()), nullptr, nullptr) != 1) throw std::runtime_error("OpenSSL encrypts no key");
  return text_of(written.get());
}

}  // namespace mooring::test
