#include <mooring/storage/redis_options.hpp>
#include <mooring/storage/redis_storage.hpp>

#include "simulation/simulation.hpp"
#include "storage/certificates.hpp"

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

using namespace mooring;
using namespace std::chrono_literals;

namespace {

redis_storage_options good() {
  redis_storage_options options;
  options.address = redis_address{};
  options.key_prefix = "test:";
  return options;
}

redis_sentinel_options sentinel() {
  redis_sentinel_options made;
  made.addresses = {redis_address{"h1", "26379"}, redis_address{"h2", "26379"}};
  made.master_name = "main";
  return made;
}

// What is refused says the field in its sentence.
std::string refusal(std::function<void(redis_storage_options&)> const& change) {
  auto options = good();
  options.password = "secret";
  change(options);
  std::string why;
  auto const checked = check(options, &why);
  BOOST_TEST((checked.has_error() && checked.error() == errc::invalid_argument));
  BOOST_TEST(why.find("secret") == std::string::npos);
  return why.substr(0, why.find(' '));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(redis_options_)

// RE01
BOOST_AUTO_TEST_CASE(exactly_one_server_is_given) {
  BOOST_TEST(check(good()).has_value());
  BOOST_TEST(refusal([](auto& o) { o.address.reset(); }) == "redis_storage_options::address");
  BOOST_TEST(refusal([](auto& o) { o.unix_socket = "/run/redis.sock"; }) == "redis_storage_options::address");
  BOOST_TEST(refusal([](auto& o) { o.sentinel = sentinel(); }) == "redis_storage_options::address");
  BOOST_TEST(refusal([](auto& o) {
               o.address.reset();
               o.unix_socket = "/run/redis.sock";
               o.sentinel = sentinel();
             }) == "redis_storage_options::unix_socket");
  BOOST_TEST(refusal([](auto& o) { o.address->host.clear(); }) == "redis_storage_options::address");
  BOOST_TEST(refusal([](auto& o) { o.address->port.clear(); }) == "redis_storage_options::address");
}

// RE01: what no socket's address can hold is refused, and nothing else is.
BOOST_AUTO_TEST_CASE(a_sockets_path_is_as_long_as_an_address_may_be) {
  for (std::size_t const length : {1U, 106U, 107U, 108U, 109U, 4096U}) {
    BOOST_TEST_INFO_SCOPE(length);
    auto options = good();
    options.address.reset();
    options.unix_socket = "/" + std::string(length - 1, 's');
    bool fits = true;
    try {
      asio::local::stream_protocol::endpoint const address(options.unix_socket);
    } catch (boost::system::system_error const&) {
      fits = false;
    }
    BOOST_TEST(fits == (length <= 107));
    std::string why;
    BOOST_TEST(check(options, &why).has_value() == fits);
    BOOST_TEST(why == (fits ? "" : "redis_storage_options::unix_socket has " + std::to_string(length) + " bytes; it must have at most 107."));
  }
}

// RE01, RE09
BOOST_AUTO_TEST_CASE(sentinels_have_addresses_a_master_name_and_rules_of_their_own) {
  auto const with = [](std::function<void(redis_sentinel_options&)> const& change) {
    return refusal([&change](auto& o) {
      o.address.reset();
      change(o.sentinel.emplace(sentinel()));
    });
  };
  auto fine = good();
  fine.address.reset();
  fine.sentinel = sentinel();
  fine.tls.emplace();  // whom the master has to be is said by the Sentinels
  BOOST_TEST(check(fine).has_value());
  fine.sentinel->tls.emplace();
  fine.sentinel->allowed_masters = {redis_address{"10.0.0.1", ""}};
  BOOST_TEST(check(fine).has_value());
  BOOST_TEST(with([](auto& s) { s.addresses.clear(); }) == "redis_storage_options::sentinel.addresses");
  BOOST_TEST(with([](auto& s) { s.addresses[1].host.clear(); }) == "redis_storage_options::sentinel.addresses");
  BOOST_TEST(with([](auto& s) { s.addresses[1].port.clear(); }) == "redis_storage_options::sentinel.addresses");
  for (auto const& bad : {"", "a b", "a\n", "a\x7f", "\xc3\xa4"})
    BOOST_TEST(with([bad](auto& s) { s.master_name = bad; }) == "redis_storage_options::sentinel.master_name");
  BOOST_TEST(with([](auto& s) { s.allowed_masters = {redis_address{"", "1"}}; }) == "redis_storage_options::sentinel.allowed_masters");
  BOOST_TEST(with([](auto& s) { s.master_check = -1ns; }) == "redis_storage_options::sentinel.master_check");
  BOOST_TEST(with([](auto& s) { s.reassert_window = -1ns; }) == "redis_storage_options::sentinel.reassert_window");
  BOOST_TEST(with([](auto& s) { s.tls.emplace().ca_pem = "x"; }) == "redis_storage_options::sentinel.tls.ca_pem");
  BOOST_TEST(with([](auto& s) { s.tls.emplace().key_pem = "x"; }) == "redis_storage_options::sentinel.tls.certificate_pem");
}

// RE02, DE07
BOOST_AUTO_TEST_CASE(a_key_prefix_ends_with_a_colon_and_is_plain) {
  for (auto const& bad : {"", "a", "a:b", ":a", "a b:", "a*:", "a?:", "[a]:", "a\\:", "a^:", "a\n:", "a\x7f:", "\xc3\xa4:", "\t:"})
    BOOST_TEST(refusal([bad](auto& o) { o.key_prefix = bad; }) == "redis_storage_options::key_prefix");
  for (auto const& fine : {":", "a:", "mooring:gateway:", "{tag}:", "a-b_c.d/e:"}) {
    auto options = good();
    options.key_prefix = fine;
    BOOST_TEST(check(options).has_value());
  }
}

// RE03, DE04
BOOST_AUTO_TEST_CASE(negative_timeouts_are_refused_and_zero_is_the_default) {
  BOOST_TEST(refusal([](auto& o) { o.dial_timeout = -1ns; }) == "redis_storage_options::dial_timeout");
  BOOST_TEST(refusal([](auto& o) { o.write_timeout = -1ns; }) == "redis_storage_options::write_timeout");
  BOOST_TEST(refusal([](auto& o) { o.read_timeout = -1ns; }) == "redis_storage_options::read_timeout");
  BOOST_TEST(refusal([](auto& o) { o.operation_timeout = -1ns; }) == "redis_storage_options::operation_timeout");
  BOOST_TEST(refusal([](auto& o) { o.health_check = -1ns; }) == "redis_storage_options::health_check");
}

// DE06
BOOST_AUTO_TEST_CASE(durability_waits_for_somebody_and_shorter_than_a_probe) {
  BOOST_TEST(!good().durability.has_value());
  auto options = good();
  options.durability.emplace();
  BOOST_TEST(check(options).has_value());
  BOOST_TEST(refusal([](auto& o) { o.durability.emplace().replicas = 0; }) == "redis_storage_options::durability.replicas");
  for (auto const bad : {duration(0), duration(-1s), duration(999us), duration(1s)})
    BOOST_TEST(refusal([bad](auto& o) { o.durability.emplace().within = bad; }) == "redis_storage_options::durability.within");
  BOOST_TEST(refusal([](auto& o) {
               o.health_check = 200ms;
               o.durability.emplace();
             }) == "redis_storage_options::durability.within");
}

// RE01, RE06, RE07
BOOST_AUTO_TEST_CASE(tls_takes_valid_pem_in_pairs_and_no_socket) {
  auto const authority = test::make_authority("authority");
  auto const own = test::issue(authority, "client");
  auto const other = test::issue(authority, "other");
  auto const with = [](redis_tls_options tls) { return refusal([&tls](auto& o) { o.tls = tls; }); };
  auto fine = good();
  fine.tls = redis_tls_options{authority.pem + own.pem, own.pem, own.key_pem, "name", false};
  BOOST_TEST(check(fine).has_value());
  BOOST_TEST(with({"x", "", "", "", false}) == "redis_storage_options::tls.ca_pem");
  BOOST_TEST(with({authority.pem.substr(0, 100), "", "", "", false}) == "redis_storage_options::tls.ca_pem");
  BOOST_TEST(with({authority.pem, own.pem, "", "", false}) == "redis_storage_options::tls.key_pem");
  BOOST_TEST(with({authority.pem, "", own.key_pem, "", false}) == "redis_storage_options::tls.certificate_pem");
  BOOST_TEST(with({authority.pem, "x", own.key_pem, "", false}) == "redis_storage_options::tls.certificate_pem");
  BOOST_TEST(with({authority.pem, own.pem, "x", "", false}) == "redis_storage_options::tls.key_pem");
  BOOST_TEST(with({authority.pem, own.pem, other.key_pem, "", false}) == "redis_storage_options::tls.key_pem");
  BOOST_TEST(refusal([](auto& o) {
               o.tls.emplace();
               o.unix_socket = "/run/redis.sock";
               o.address.reset();
             }) == "redis_storage_options::tls");
}

// RE07, RE09: nobody is asked for a passphrase.
BOOST_AUTO_TEST_CASE(an_encrypted_key_is_refused_by_name_and_unasked) {
  auto const authority = test::make_authority("authority");
  auto const own = test::issue(authority, "client");
  for (auto const form : {test::encryption::of_pkcs8, test::encryption::of_pem}) {
    for (std::string const passphrase : {"", "canary"}) {
      auto const key = test::encrypt(own.key_pem, passphrase, form);
      BOOST_TEST(key.find("ENCRYPTED") != std::string::npos);
      auto options = good();
      options.tls = redis_tls_options{authority.pem, own.pem, key, "name", false};
      std::string why;
      BOOST_TEST((check(options, &why).error() == errc::invalid_argument));
      BOOST_TEST(why == "redis_storage_options::tls.key_pem is encrypted, which is not supported; give the key as it is.");
      options.tls->key_pem = own.key_pem;
      options.address.reset();
      options.sentinel = sentinel();
      BOOST_TEST(check(options).has_value());
      options.sentinel->tls = redis_tls_options{authority.pem, own.pem, key, "name", false};
      BOOST_TEST((check(options, &why).error() == errc::invalid_argument));
      BOOST_TEST(why == "redis_storage_options::sentinel.tls.key_pem is encrypted, which is not supported; give the key as it is.");
    }
  }
}

// ST22
BOOST_AUTO_TEST_CASE(other_options_keep_their_rules) {
  BOOST_TEST(refusal([](auto& o) { o.ttl = 0s; }) == "redis_storage_options::ttl");
  BOOST_TEST(refusal([](auto& o) { o.absolute_lifetime = 29min; }) == "redis_storage_options::absolute_lifetime");
  BOOST_TEST(refusal([](auto& o) { o.database = -1; }) == "redis_storage_options::database");
  BOOST_TEST(refusal([](auto& o) { o.max_in_flight = 0; }) == "redis_storage_options::max_in_flight");
}

// RE10
BOOST_AUTO_TEST_CASE(construction_does_no_io) {
  test::simulation sim(1);
  auto options = good();
  options.unix_socket = "/nowhere/redis.sock";
  options.address.reset();
  {
    auto const made = redis_storage<text_map>::make(sim.get_executor(), options);
    BOOST_TEST(made.has_value());
    BOOST_TEST(sim.outstanding() == 0U);
  }
  BOOST_TEST(sim.run(100));
  options.key_prefix.clear();
  std::string why;
  BOOST_TEST((redis_storage<text_map>::make(sim.get_executor(), options, &why).error() == errc::invalid_argument));
  BOOST_TEST(!why.empty());
}

BOOST_AUTO_TEST_SUITE_END()
