#include "session/printing.hpp"
#include "simulation/simulation.hpp"

#include <mooring/session/binding.hpp>

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

using namespace mooring;

namespace {

std::string const scheme = "hmac-sha256:";
std::string const key_id = "key-1";

principal named(std::string subject) { return *principal::of("issuer", std::move(subject)); }

binding_key key(std::string id, std::size_t size = 32) { return binding_key(std::move(id), secret(std::string(size, 'k'))); }

bool is_key_id_char(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; }
bool is_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

// What a binding has to be called that is a good one but for the byte at `at`.
errc expected_for(std::size_t at, char byte) {
  auto const id_end = scheme.size() + key_id.size();
  if (at < scheme.size() || at == id_end || at == id_end + 33) return errc::corrupt_record;
  if (at < id_end) return is_key_id_char(byte) ? errc::unsupported_version : errc::corrupt_record;
  return is_digit(byte) ? errc::wrong_owner : errc::corrupt_record;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(session_bad_identities)

// ID04, ID07, ID09, ID10: every byte of a binding, changed in each of several ways.
BOOST_AUTO_TEST_CASE(each_changed_byte_of_a_binding_has_its_own_error_for_every_caller) {
  test::simulation sim(1);
  auto const binder = *owner_binder::make({key(key_id)});
  auto const good = *binder.bind(named("alice"), entropy_of(sim));
  BOOST_REQUIRE(binder.verify(good, named("alice")));
  std::size_t rows = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bytes{'\0', ':', 'G', ' ', '0', 'f', '\xff', static_cast<char>(good[at] ^ 1), static_cast<char>(good[at] ^ 0x20), static_cast<char>(good[at] ^ 0x40), static_cast<char>(good[at] ^ 0x80)};
    for (char const byte : bytes) {
      if (byte == good[at]) continue;
      auto changed = good;
      changed[at] = byte;
      ++rows;
      for (auto const& who : {named("alice"), named("bob"), principal::anonymous()})
        BOOST_TEST(binder.verify(changed, who).error() == expected_for(at, byte), "byte " << at << " is " << static_cast<int>(byte));
    }
  }
  BOOST_TEST(rows >= 1000U);
}

// ID07
BOOST_AUTO_TEST_CASE(each_binding_that_is_cut_or_longer_is_corrupt_for_every_caller) {
  test::simulation sim(1);
  auto const binder = *owner_binder::make({key(key_id)});
  auto const good = *binder.bind(named("alice"), entropy_of(sim));
  std::vector<std::string> rows{"Anonymous", "anonymous ", " anonymous", "anonymous:", "anonymousanonymous", "null", "none", ":", "::", good + "0", good + ":", good + ' ', good + '\0', good + good,
                                scheme + "none:" + good.substr(scheme.size()), scheme + std::string(65, 'k') + good.substr(scheme.size() + key_id.size()), scheme + good.substr(scheme.size() + key_id.size())};
  for (std::size_t cut = 0; cut < good.size(); ++cut) rows.push_back(good.substr(0, cut));
  for (std::size_t from = 1; from < good.size(); ++from) rows.push_back(good.substr(from));
  for (std::size_t at = 0; at < good.size(); ++at) {
    bool const is_in_key_id = at >= scheme.size() && at < scheme.size() + key_id.size();
    if (is_in_key_id) continue;  // then it is another key's
    rows.push_back(good.substr(0, at) + good[at] + good.substr(at));
    rows.push_back(good.substr(0, at) + good.substr(at + 1));
  }
  BOOST_TEST(rows.size() >= 300U);
  for (auto const& row : rows)
    for (auto const& who : {named("alice"), named("bob"), principal::anonymous()}) BOOST_TEST(binder.verify(row, who).error() == errc::corrupt_record, row);
}

// ID06: a pair that is not usable is refused, and never counts as anonymous.
BOOST_AUTO_TEST_CASE(each_principal_without_a_usable_pair_is_refused) {
  std::vector<std::string> bad{""};
  for (std::size_t at = 0; at < 8; ++at) {
    std::string name(8, 'n');
    name[at] = '\0';
    bad.push_back(name);
    bad.emplace_back(at + 1, '\0');
  }
  std::size_t rows = 0;
  for (auto const& one : bad) {
    for (auto const& [issuer, subject] : {std::pair(one, std::string("s")), std::pair(std::string("i"), one), std::pair(one, one)}) {
      ++rows;
      BOOST_TEST(principal::of(issuer, subject).error() == errc::invalid_argument);
    }
  }
  BOOST_TEST(rows >= 50U);
  for (auto const& odd : {"\xff", " ", "\n", "\xc3\xa4", "anonymous"}) BOOST_TEST(!principal::of(odd, odd)->is_anonymous());
}

// ID08, DE16
BOOST_AUTO_TEST_CASE(each_bad_key_is_refused_by_its_id_or_size) {
  std::size_t rows = 0;
  auto const refused = [&](std::vector<binding_key> keys, std::vector<std::string> const& words) {
    std::string why;
    ++rows;
    BOOST_TEST(owner_binder::make(std::move(keys), &why).error() == errc::invalid_argument);
    BOOST_TEST(why.starts_with("binding_keys: "), why);
    for (auto const& word : words) BOOST_TEST(why.find(word) != std::string::npos, why << " says nothing of " << word);
    BOOST_TEST(why.find("kkk") == std::string::npos);
  };
  for (std::size_t size = 0; size < 32; ++size) refused({key("good"), key("short", size)}, {"\"short\"", std::to_string(size) + " bytes", "32"});
  for (int byte = 0; byte < 256; ++byte) {
    auto const c = static_cast<char>(byte);
    if (!is_key_id_char(c)) refused({key(std::string("a") + c + "b")}, {"key's id", "64"});
  }
  for (auto const& id : {std::string(), std::string("none"), std::string(65, 'i'), std::string(10'000, 'i')}) refused({key(id)}, {"key's id"});
  refused({key("a"), key("a")}, {"\"a\"", "twice"});
  refused({key("a"), key("b"), key("c"), key("b")}, {"\"b\"", "twice"});
  BOOST_TEST(rows >= 200U);
  BOOST_TEST(owner_binder::make({key("a", 32), key("A"), key(std::string(64, 'i')), key("None")}).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
