#include <mooring/session/backend_health.hpp>
#include <mooring/session/record.hpp>
#include <mooring/session/session_id.hpp>

#include "session/printing.hpp"
#include "simulation/simulation.hpp"

#include <boost/test/unit_test.hpp>

#include <set>
#include <string>
#include <vector>

using namespace mooring;

namespace {

record sample() {
  record parts;
  parts.state = record_state::live;
  parts.owner = "anonymous";
  parts.backends = {"one", std::string("two\0;%,", 7), "", "\xff\xfe"};
  parts.opening = "{\"a\":1}";
  parts.data = metadata{{"k", "v"}, {"", "empty key"}};
  return parts;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(session_record)

// SM12: backends of any bytes, opening parameters and the caller's data come back as they went in.
BOOST_AUTO_TEST_CASE(record_gives_back_its_parts) {
  auto const parts = sample();
  auto const stored = write_record(parts);
  BOOST_TEST(check_text_map(stored, text_limits()).has_value());  // whatever bytes a backend's id has, the record is UTF-8
  auto const read = read_record(stored);
  BOOST_REQUIRE(read);
  BOOST_TEST((read->state == record_state::live));
  BOOST_TEST(read->owner == parts.owner);
  BOOST_TEST((read->backends == parts.backends));
  BOOST_TEST(read->opening == parts.opening);
  BOOST_TEST((read->data == parts.data));
  BOOST_TEST((write_record(*read) == stored));
}

// SM12: every list of short texts, over an alphabet that holds all special characters.
BOOST_AUTO_TEST_CASE(lists_of_any_texts_round_trip_and_have_one_text_each) {
  std::string const alphabet("a;%A\0\xff", 6);
  std::vector<std::string> texts{""};
  for (std::size_t i = 0; i < texts.size() && texts.size() < 60; ++i)
    for (char const c : alphabet) texts.push_back(texts[i] + c);
  std::set<std::string> seen;
  for (auto const& a : texts) {
    for (auto const& b : texts) {
      std::vector<std::string> const list{a, b};
      auto const text = encode_list(list);
      BOOST_REQUIRE(seen.insert(text).second);
      auto const read = decode_list(text);
      BOOST_REQUIRE(read);
      BOOST_REQUIRE((*read == list));
    }
  }
  BOOST_TEST(encode_list({}).empty());
  BOOST_TEST(decode_list("")->empty());
  BOOST_TEST(decode_list(";")->size() == 1u);
}

// SM23
BOOST_AUTO_TEST_CASE(record_without_owner_or_list_or_with_a_broken_one_is_corrupt) {
  for (auto const& key : {record_key::state, record_key::owner, record_key::backends, record_key::opening}) {
    auto stored = write_record(sample());
    stored.erase(stored.find(key));
    BOOST_TEST(read_record(stored).error() == errc::corrupt_record);
  }
  for (auto const& list : {"a", "a;b", "%", "%4;", "%4G;", "%4a;", "%41;", "a b;", "%;"}) {
    auto stored = write_record(sample());
    stored.insert_or_assign(std::string(record_key::backends), std::string(list));
    BOOST_TEST(read_record(stored).error() == errc::corrupt_record, list);
  }
  metadata odd{{std::string(record_key::state), "half"}};
  BOOST_TEST(read_record(odd).error() == errc::corrupt_record);
  BOOST_TEST(read_record(metadata()).error() == errc::corrupt_record);
  BOOST_TEST((read_record(placeholder_metadata())->state == record_state::placeholder));
}

// SM10, ID11: reserved keys
BOOST_AUTO_TEST_CASE(data_with_a_reserved_key_or_over_a_limit_is_refused) {
  text_limits limits;
  std::string why;
  BOOST_TEST(check_data(metadata{{"mooring.owner", "x"}}, limits, &why).error() == errc::invalid_argument);
  BOOST_TEST(why.find("reserved") != std::string::npos);
  BOOST_TEST(check_data(metadata{{"mooring.", "x"}}, limits).error() == errc::invalid_argument);
  BOOST_TEST(check_data(metadata{{"mooring", "x"}, {"Mooring.owner", "x"}}, limits).has_value());
  limits.max_value_bytes = 3;
  BOOST_TEST(check_data(metadata{{"k", "four"}}, limits).error() == errc::too_large);
}

// SC08, for the text form of metadata
BOOST_AUTO_TEST_CASE(json_text_of_metadata_round_trips_and_malformed_text_is_corrupt) {
  metadata const value{{"k", "v"}, {"quote\"back\\slash", std::string("nul\0cr\r\nlf", 11)}, {"\xc3\xa9", "\xf0\x9f\x98\x80"}, {"", ""}};
  auto const text = encode_json(value);
  auto const read = decode_json(text);
  BOOST_REQUIRE(read);
  BOOST_TEST((*read == value));
  BOOST_TEST(decode_json("{}")->empty());
  BOOST_TEST(decode_json(" { \"a\" : \"b\" } ")->size() == 1u);
  for (auto const& bad : std::vector<std::string>{
           "", " ", "null", "true", "1", "\"a\"", "[]", "{", "}", "{}{}", "{},", "{\"a\"}", "{\"a\":}", "{\"a\":1}", "{\"a\":1.5e400}", "{\"a\":null}", "{\"a\":true}", "{\"a\":[]}",
           "{\"a\":[\"b\"]}", "{\"a\":{}}", "{\"a\":{\"b\":\"c\"}}", "{\"a\":\"b\",}", "{\"a\":\"b\",\"a\":\"c\"}", "{\"a\":\"b\" \"c\":\"d\"}", "{a:\"b\"}", "{'a':'b'}", "{\"a\":\"b\"} x",
           "{\"a\":\"b\"}\n{}", "{\"a\":\"\xff\"}", "{\"\xff\":\"a\"}", "{\"a\":\"\xc3\"}", "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\\ud800\"}", "{\"a\":\"\\udc00x\"}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12\"}",
           "{\"a\":\"new\nline\"}", std::string("{\"a\":\"\0\"}", 9), "/*c*/{}", "\xef\xbb\xbf{}"})
    BOOST_TEST(decode_json(bad).error() == errc::corrupt_record, bad);
  // Each prefix of a good text, and each with one byte doubled.
  for (std::size_t i = 0; i < text.size(); ++i) BOOST_TEST(decode_json(text.substr(0, i)).error() == errc::corrupt_record);
  std::string const deep(100'000, '[');
  BOOST_TEST(decode_json(deep).error() == errc::corrupt_record);
  text_limits small;
  small.max_entries = 1;
  BOOST_TEST(decode_json("{\"a\":\"b\",\"c\":\"d\"}", small).error() == errc::corrupt_record);
}

// SM13, SM14
BOOST_AUTO_TEST_CASE(new_session_skips_what_is_known_as_unhealthy_or_unauthenticated) {
  using health = backend_health;
  std::vector<std::string> const desired{"h", "d", "k", "u", "a", "n"};
  health_lookup const monitor = [](std::string_view b) -> std::optional<health> {
    if (b == "h") return health::healthy;
    if (b == "d") return health::degraded;
    if (b == "k") return health::unknown;
    if (b == "u") return health::unhealthy;
    if (b == "a") return health::unauthenticated;
    return std::nullopt;
  };
  health_lookup const all_unhealthy = [](std::string_view) { return std::optional(health::unhealthy); };
  BOOST_TEST((backends_to_try(desired, monitor, nullptr) == std::vector<std::string>{"h", "d", "k", "n"}));
  BOOST_TEST((backends_to_try(desired, monitor, all_unhealthy) == std::vector<std::string>{"h", "d", "k"}));
  BOOST_TEST((backends_to_try(desired, nullptr, all_unhealthy) == desired));
  BOOST_TEST((backends_to_try(desired, nullptr, nullptr) == desired));
}

// SC01, DE14
BOOST_AUTO_TEST_CASE(minted_ids_are_visible_and_distinct_and_need_the_random_source) {
  test::simulation sim(1);
  std::set<std::string> ids;
  for (int i = 0; i < 10'000; ++i) {
    auto const id = mint_session_id(entropy_of(sim));
    BOOST_REQUIRE(id);
    BOOST_REQUIRE(is_valid_id(*id));
    BOOST_REQUIRE(id->size() * 5 >= 160);
    BOOST_REQUIRE(ids.insert(*id).second);
  }
  sim.fail_entropy(true);
  BOOST_TEST(mint_session_id(entropy_of(sim)).error() == errc::unavailable);
}

// SC03
BOOST_AUTO_TEST_CASE(short_digest_tells_ids_apart_and_holds_nothing_of_them) {
  BOOST_TEST(short_digest("abc") == "ba7816bf8f01");  // FIPS 180-4, the example of SHA-256
  BOOST_TEST(short_digest("abd") != short_digest("abc"));
}

// RE16: what a later version keeps beside what this one knows survives a change by this one
BOOST_AUTO_TEST_CASE(reserved_keys_of_a_later_version_are_carried_through) {
  record parts;
  parts.owner = "o";
  parts.data["k"] = "v";
  auto stored = write_record(parts);
  stored["mooring.later"] = "kept";
  auto read = read_record(stored);
  BOOST_REQUIRE(read.has_value());
  BOOST_TEST(!read->data.contains("mooring.later"));
  read->data["k"] = "w";
  auto const again = write_record(*read);
  BOOST_TEST(again.at("mooring.later") == "kept");
  BOOST_TEST(again.at("k") == "w");
}

BOOST_AUTO_TEST_SUITE_END()
