#pragma once

#include <chrono>
#include <string>

namespace mooring::test {

/** A certificate and its key, PEM. */
struct certificate {
  std::string pem;
  std::string key_pem;
};

/** An authority that signs itself. */
certificate make_authority(std::string const& name);

/** A certificate for a host name or IP address, valid from two hours ago until `lifetime` from now. */
certificate issue(certificate const& authority, std::string const& host, std::chrono::seconds lifetime = std::chrono::hours(1));

/** Where it is said that a key is encrypted: in its own structure, or in the lines about it. */
enum class encryption { of_pkcs8, of_pem };

/** The same key, PEM, to be read with a passphrase only. */
std::string encrypt(std::string const& key_pem, std::string const& passphrase, encryption form);

}  // namespace mooring::test
