#include <mooring/session/binding.hpp>

#include "session/printing.hpp"
#include "simulation/simulation.hpp"

#include <boost/test/unit_test.hpp>

#include <set>
#include <string>
#include <vector>

using namespace mooring;

namespace {

template <class T>
concept printable = requires(std::ostream& out, T const& value) { out << value; };

principal named(std::string issuer, std::string subject) { return *principal::of(std::move(issuer), std::move(subject)); }

binding_key key(std::string id, char fill = 'k', std::size_t size = 32) { return binding_key(std::move(id), secret(std::string(size, fill))); }

owner_binder binder(std::vector<binding_key> keys = {}) { return *owner_binder::make(std::move(keys)); }

error_code verdict_on(owner_binder const& b, std::string const& text, principal const& who) {
  auto const verified = b.verify(text, who);
  return verified ? error_code() : verified.error();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(session_binding)

// ID06
BOOST_AUTO_TEST_CASE(principal_without_a_usable_pair_is_refused_and_never_anonymous) {
  std::string const nul("a\0b", 3);
  for (auto const& [issuer, subject] : std::vector<std::pair<std::string, std::string>>{{"", "s"}, {"i", ""}, {"", ""}, {nul, "s"}, {"i", nul}, {std::string(1, '\0'), "s"}}) {
    auto const made = principal::of(issuer, subject);
    BOOST_TEST(made.error() == errc::invalid_argument);
  }
  BOOST_TEST(principal::of("i", "s")->is_anonymous() == false);
  BOOST_TEST(principal::anonymous().is_anonymous());
}

// ID02, DE16: names are not in the text, and each session has its own salt, of 16 bytes.
BOOST_AUTO_TEST_CASE(binding_holds_mac_salt_and_key_id_and_no_name_in_clear) {
  test::simulation sim(1);
  auto const b = binder({key("first")});
  std::set<std::string> texts;
  for (int i = 0; i < 50; ++i) {
    auto const text = b.bind(named("https://issuer.example", "alice"), entropy_of(sim));
    BOOST_REQUIRE(text);
    BOOST_TEST(text->find("alice") == std::string::npos);
    BOOST_TEST(text->find("issuer.example") == std::string::npos);
    BOOST_TEST(text->starts_with("hmac-sha256:first:"));
    BOOST_TEST(text->size() == std::string("hmac-sha256:first:").size() + 32 + 1 + 64);
    BOOST_TEST(texts.insert(*text).second);
    BOOST_TEST(!verdict_on(b, *text, named("https://issuer.example", "alice")).failed());
  }
}

// ID03, ID04
BOOST_AUTO_TEST_CASE(only_the_same_issuer_and_subject_is_the_owner) {
  test::simulation sim(1);
  for (auto const& b : {binder(), binder({key("k1")})}) {
    auto const text = *b.bind(named("issuer", "alice"), entropy_of(sim));
    BOOST_TEST(!verdict_on(b, text, named("issuer", "alice")).failed());
    for (auto const& [issuer, subject] : std::vector<std::pair<std::string, std::string>>{
             {"issuer", "bob"}, {"other", "alice"}, {"issuer", "Alice"}, {"Issuer", "alice"}, {"issue", "ralice"}, {"issuera", "lice"}, {"issuer", "alice "}, {"alice", "issuer"}})
      BOOST_TEST(verdict_on(b, text, named(issuer, subject)) == errc::wrong_owner);
  }
}

// ID05
BOOST_AUTO_TEST_CASE(anonymous_and_bound_never_serve_each_other) {
  test::simulation sim(1);
  auto const b = binder();
  auto const bound = *b.bind(named("issuer", "alice"), entropy_of(sim));
  auto const nobody = *b.bind(principal::anonymous(), entropy_of(sim));
  BOOST_TEST(verdict_on(b, bound, principal::anonymous()) == errc::wrong_owner);
  BOOST_TEST(verdict_on(b, nobody, named("issuer", "alice")) == errc::wrong_owner);
  BOOST_TEST(verdict_on(b, nobody, named("anonymous", "anonymous")) == errc::wrong_owner);
  BOOST_TEST(!verdict_on(b, nobody, principal::anonymous()).failed());
  BOOST_TEST(bound != nobody);
}

// ID07
BOOST_AUTO_TEST_CASE(text_that_is_no_binding_is_corrupt_for_every_caller) {
  test::simulation sim(1);
  auto const b = binder({key("k1")});
  auto const good = *b.bind(named("issuer", "alice"), entropy_of(sim));
  std::vector<std::string> bad{"", "Anonymous", "anonymous ", "anonymous:", "hmac-sha256:", "hmac-sha256:k1", "hmac-sha256:k1:", "hmac-sha256::" + good.substr(15), good + "0", good + ":",
                               "hmac-sha512" + good.substr(11), "hmac-sha256:k 1" + good.substr(14)};
  for (std::size_t cut = 0; cut < good.size(); ++cut) bad.push_back(good.substr(0, cut));
  auto upper = good;
  upper[upper.size() - 1] = 'G';
  bad.push_back(upper);
  for (auto const& text : bad)
    for (auto const& who : {principal::anonymous(), named("issuer", "alice"), named("issuer", "bob")}) BOOST_TEST(verdict_on(b, text, who) == errc::corrupt_record);
}

// ID10: one changed digit anywhere is another MAC or salt; the comparison itself is CRYPTO_memcmp over all 32 bytes.
BOOST_AUTO_TEST_CASE(every_digit_of_the_mac_and_the_salt_counts) {
  test::simulation sim(1);
  auto const b = binder({key("k1")});
  auto const good = *b.bind(named("issuer", "alice"), entropy_of(sim));
  for (std::size_t i = std::string("hmac-sha256:k1:").size(); i < good.size(); ++i) {
    if (good[i] == ':') continue;
    auto changed = good;
    changed[i] = changed[i] == '0' ? '1' : '0';
    BOOST_TEST(verdict_on(b, changed, named("issuer", "alice")) == errc::wrong_owner);
  }
}

// ID08, ID09
BOOST_AUTO_TEST_CASE(keys_are_checked_the_first_signs_and_all_verify) {
  test::simulation sim(1);
  std::string why;
  BOOST_TEST(owner_binder::make({key("short", 'k', 31)}, &why).error() == errc::invalid_argument);
  BOOST_TEST(why.find("31") != std::string::npos);
  for (auto const& id : {"", "none", "a b", "a:b"}) BOOST_TEST(owner_binder::make({key(id)}).error() == errc::invalid_argument);
  BOOST_TEST(owner_binder::make({key("a"), key("a")}).error() == errc::invalid_argument);

  auto const before = binder({key("old", 'o')});
  auto const after = binder({key("new", 'n'), key("old", 'o')});
  auto const alice = named("issuer", "alice");
  auto const old_text = *before.bind(alice, entropy_of(sim));
  auto const new_text = *after.bind(alice, entropy_of(sim));
  BOOST_TEST(new_text.starts_with("hmac-sha256:new:"));
  BOOST_TEST(!verdict_on(after, old_text, alice).failed());
  BOOST_TEST(!verdict_on(after, new_text, alice).failed());
  auto const unkeyed = *binder().bind(alice, entropy_of(sim));
  for (auto const& who : {alice, principal::anonymous(), named("issuer", "bob")}) {
    BOOST_TEST(verdict_on(before, new_text, who) == errc::unsupported_version);
    BOOST_TEST(verdict_on(binder(), new_text, who) == errc::unsupported_version);
    BOOST_TEST(verdict_on(after, unkeyed, who) == errc::unsupported_version);
  }
  // Another key under the same id.
  BOOST_TEST(verdict_on(binder({key("new", 'x')}), new_text, alice) == errc::wrong_owner);
}

// SC01: without randomness there is no salt and no session.
BOOST_AUTO_TEST_CASE(failing_random_source_binds_nobody) {
  test::simulation sim(1);
  sim.fail_entropy(true);
  BOOST_TEST(binder().bind(named("issuer", "alice"), entropy_of(sim)).error() == errc::unavailable);
}

// SC04: no printed form; wiping is OPENSSL_cleanse in the destructor.
BOOST_AUTO_TEST_CASE(secret_has_no_printed_form) {
  static_assert(printable<int> && !printable<secret> && !printable<principal> && !printable<binding_key>);
  secret one("0123456789");
  secret two = one;
  BOOST_TEST(two.size() == 10u);
  secret three = std::move(one);
  BOOST_TEST(three.size() == 10u);
  BOOST_TEST(one.size() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
