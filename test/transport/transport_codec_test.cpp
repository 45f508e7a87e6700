#include "transport/printing.hpp"

#include <mooring/session/sse_session.hpp>
#include <mooring/session/transport_codec.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <limits>
#include <memory>
#include <string>
#include <vector>

using namespace mooring;
using namespace std::chrono_literals;

namespace {

constexpr char const* id = "0190f3c2-7c1e-7abc-8def-0123456789ab";
wall_time const moment = std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + 12h + 36min + 43s + 123456789ns;
std::string const written_moment = "2026-11-21T12:36:43.123456789Z";

json_text json(std::string_view text) { return json_text::parse(text).value(); }

transport_session_ptr read_back(transport_session const& session) {
  std::string why;
  auto const read = deserialize(serialize(session), &why);
  BOOST_REQUIRE_MESSAGE(read.has_value(), why);
  BOOST_TEST(serialize(**read) == serialize(session));
  return *read;
}

// A record with one member left out or put differently.
std::string with(std::string const& key, std::string const& instead) {
  std::vector<std::pair<std::string, std::string>> const members{
      {"id", '"' + std::string(id) + '"'}, {"type", "\"mcp\""}, {"created_at", '"' + written_moment + '"'}, {"updated_at", '"' + written_moment + '"'}};
  std::string made;
  bool is_known = false;
  for (auto const& [name, value] : members) {
    is_known = is_known || name == key;
    auto const& own = name == key ? instead : value;
    if (!own.empty()) made += (made.empty() ? "{" : ",") + ('"' + name + "\":" + own);
  }
  if (!is_known && !instead.empty()) made += ",\"" + key + "\":" + instead;
  return made + '}';
}

}  // namespace

BOOST_AUTO_TEST_SUITE(transport_codec)

// SE02: nothing but the members that are there.
BOOST_AUTO_TEST_CASE(stored_form_is_one_object_of_the_named_members) {
  transport_session session(id, "mcp", moment);
  auto const head = std::string(R"({"id":")") + id + R"(","type":"mcp","created_at":")" + written_moment + R"(","updated_at":")";
  BOOST_TEST(serialize(session) == head + written_moment + "\"}");
  session.set_data(json(R"( {"n": 1.50} )"), moment + 1ns);
  BOOST_TEST(serialize(session) == head + R"(2026-11-21T12:36:43.123456790Z","data":{"n": 1.50}})");
  session.set_metadata("b", "\"", moment + 1h);
  session.set_metadata("a", "1", moment + 1h);
  BOOST_TEST(serialize(session) == head + R"(2026-11-21T13:36:43.123456789Z","data":{"n": 1.50},"metadata":{"a":"1","b":"\""}})");
  session.set_data(std::nullopt, moment);
  session.set_metadata(text_map(), moment);
  BOOST_TEST(serialize(session) == with("none", ""));
}

// SE01, SE03: one codec for all, and each type comes back as its class.
BOOST_AUTO_TEST_CASE(each_type_comes_back_as_its_class_with_all_that_is_stored) {
  for (std::string const type : {"mcp", "sse", "streamable"}) {
    BOOST_TEST_INFO_SCOPE(type);
    auto const session = make_transport_session(id, type, moment);
    session->set_data(json("[1,{}]"), moment);
    session->set_metadata(text_map{{"user", "\xc3\xa4"}, {"", std::string("\0\r\n\"\\", 5)}}, moment + 5s);
    auto const again = read_back(*session);
    BOOST_TEST((again->record() == session->record()));
    BOOST_TEST(again->type() == type);
    auto const& stored = *again;
    auto const& made = *session;
    BOOST_TEST((typeid(stored) == typeid(made)));
    BOOST_TEST((typeid(stored) == (type == "sse" ? typeid(sse_session) : type == "streamable" ? typeid(streamable_session) : typeid(transport_session))));
    // SE03: what storages use is the same.
    BOOST_TEST(value_traits<transport_session_ptr>::encode(session) == serialize(*session));
    BOOST_TEST((value_traits<transport_session_ptr>::decode(serialize(*session)).value()->record() == session->record()));
  }
}

// SE06
BOOST_AUTO_TEST_CASE(unknown_type_comes_back_as_the_plain_session_and_keeps_its_name) {
  for (std::string const type : {"websocket", "MCP", "Sse", "\xf0\x9f\xa6\x80", "a \"b\"", " "}) {
    transport_session const session(id, type, moment);
    auto const again = read_back(session);
    auto const twice = read_back(*again);
    auto const& stored = *twice;
    BOOST_TEST((typeid(stored) == typeid(transport_session)));
    BOOST_TEST(twice->type() == type);
  }
}

// RE16, for the form inside of the record: what a later version wrote survives being stored again.
BOOST_AUTO_TEST_CASE(members_of_a_later_version_survive) {
  auto const text = with("zone", R"({"x": [1.0, "data"]})");
  auto const read = deserialize(text).value();
  read->set_metadata("k", "v", moment);
  auto const again = deserialize(serialize(*read)).value();
  BOOST_TEST(again->record().others.at("zone") == json(R"({"x": [1.0, "data"]})"));
  BOOST_TEST(again->metadata("k").value() == "v");
}

// SE04
BOOST_AUTO_TEST_CASE(moments_come_back_to_the_nanosecond_and_missing_metadata_as_an_empty_map) {
  auto const epoch = wall_time();
  for (auto const created : {moment, epoch, epoch - 1ns, epoch + 1ns, epoch + 999999999ns, epoch - 999999999ns, epoch - 1s, wall_time::max(), wall_time::min(),
                             wall_time(std::chrono::sys_days(std::chrono::year(2028) / 2 / 29)), wall_time(std::chrono::sys_days(std::chrono::year(1900) / 12 / 31)) + 24h - 1ns}) {
    transport_record record(id, "mcp", created);
    record.updated_at = created == wall_time::max() ? created : created + 1ns;
    transport_session const session(record);
    auto const again = read_back(session);
    BOOST_TEST((again->created_at() == created));
    BOOST_TEST((again->updated_at() == record.updated_at));
    BOOST_TEST(again->metadata().empty());
    BOOST_TEST(!again->data());
  }
  struct {
    char const* text;
    duration after;
  } const shorter[] = {{"2026-11-21T12:36:43Z", -123456789ns}, {"2026-11-21T12:36:43.1Z", -23456789ns}, {"2026-11-21T12:36:43.123456Z", -789ns}, {"2026-11-21T12:36:43.000000000Z", -123456789ns}};
  for (auto const& [text, after] : shorter) {
    auto const read = deserialize(with("updated_at", '"' + std::string(text) + '"'));
    BOOST_TEST_REQUIRE(read.has_value(), text);
    BOOST_TEST(((*read)->updated_at() == moment + after));
  }
}

// SE05
BOOST_AUTO_TEST_CASE(data_come_back_as_the_text_that_went_in) {
  std::string const deepest = std::string(64, '[') + std::string(64, ']');
  for (std::string const data : {"null", "1.0", "1e999999", "123456789012345678901234567890", "\"\\u0041\\/\"", "[ ]", R"({"z":1, "a":[{"id":"x","data":{}}, "}" , "\"]"]})", R"({"metadata":{"a":1}})",
                                 "\"{\\\"id\\\":1}\"", deepest.c_str()}) {
    transport_session session(id, "mcp", moment);
    session.set_data(json(data), moment);
    session.set_metadata("k", "v", moment);
    auto const again = read_back(session);
    BOOST_TEST(again->data().value().text() == data);
    BOOST_TEST(again->metadata("k").value() == "v");
  }
}

// SE08
BOOST_AUTO_TEST_CASE(restored_sse_session_is_disconnected_with_an_empty_queue_of_its_own) {
  sse_session session(id, moment);
  BOOST_TEST(session.send("one").has_value());
  auto const text = serialize(session);
  BOOST_TEST(text.find("one") == std::string::npos);
  auto const again = std::dynamic_pointer_cast<sse_session>(deserialize(text).value());
  BOOST_REQUIRE(again);
  BOOST_TEST(!again->is_connected());
  BOOST_TEST(again->queued() == 0u);
  BOOST_TEST(again->send("two").error() == errc::disconnected);
  BOOST_TEST(again->connect());
  BOOST_TEST(again->send("two").has_value());
  BOOST_TEST(again->queued() == 1u);
  BOOST_TEST(session.queued() == 1u);
}

// SE07: each kind of malformed record with its own message; no message repeats what was stored.
BOOST_AUTO_TEST_CASE(what_is_no_record_is_corrupt_with_its_own_message) {
  struct row {
    std::string text;
    std::string message;
  };
  auto const good = with("none", "");
  BOOST_TEST_REQUIRE(deserialize(good).has_value());
  std::string const no_object = "is not a JSON object";
  std::string const malformed = "is malformed JSON";
  std::string const cut = "ends before its value does";
  std::string const more = "goes on after its value";
  std::string const twice = "has a key twice in one object";
  std::string const utf8 = "is not well-formed UTF-8";
  std::string const bad_id = "has an id that is not 1 to 256 bytes of visible ASCII";
  std::string const texts = "has metadata with a value that is not a string";
  std::string const map = "has metadata that are not an object";
  auto const no_moment = [](std::string const& key) { return "has a " + key + " that is not a moment as YYYY-MM-DDThh:mm:ss.nnnnnnnnnZ"; };
  auto const body = good.substr(0, good.size() - 1);
  std::vector<row> rows{
      {"", "is empty"}, {" \n", "is empty"},
      {"null", no_object}, {"1", no_object}, {"\"{}\"", no_object}, {"[]", no_object}, {"[" + good + "]", no_object}, {"true", no_object},
      {"x", malformed}, {"{]", malformed}, {body + ",}", malformed}, {"'" + good + "'", malformed}, {body + ",\"data\":NaN}", malformed}, {body + ",\"data\":}", malformed}, {body + ",data:1}", malformed},
      {"\xef\xbb\xbf" + good, malformed}, {"/**/" + good, malformed}, {with("type", "\"\\ud800\""), malformed}, {with("type", "\"a\nb\""), malformed}, {with("type", std::string("\"\0\"", 3)), malformed},
      {good + "x", more}, {good + good, more}, {good + ",", more}, {good + "}", more}, {good + std::string(1, '\0'), more},
      {with("id", "\"a\",\"id\":\"a\""), twice}, {with("type", "\"sse\",\"type\":\"mcp\""), twice}, {with("data", "1,\"data\":1"), twice}, {with("data", R"({"a":[{"b":1,"b":1}]})"), twice},
      {with("metadata", R"({"a":"1","a":"1"})"), twice}, {with("metadata", R"({},"metadata":{})"), twice}, {with("other", "1,\"\\u006fther\":2"), twice}, {with("type", "\"a\",\"typ\\u0065\":\"b\""), twice},
      {with("type", "\"\xff\""), utf8}, {with("metadata", "{\"a\":\"\xc3\"}"), utf8}, {with("data", "\"\xed\xa0\x80\""), utf8}, {good + "\xc0\xaf", utf8},
      {with("id", ""), "lacks its id"}, {with("type", ""), "lacks its type"}, {with("created_at", ""), "lacks created_at"}, {with("updated_at", ""), "lacks updated_at"}, {"{}", "lacks its id"},
      {R"({"data":{"id":"a","type":"b"}})", "lacks its id"}, {R"({"ID":"a","Type":"b"})", "lacks its id"},
      {with("id", "\"\""), "has an id that is empty"}, {with("id", "\"a b\""), bad_id}, {with("id", "\"\xc3\xa4\""), bad_id}, {with("id", "\"\\u0000\""), bad_id}, {with("id", '"' + std::string(257, 'a') + '"'), bad_id},
      {with("id", "1"), "has a member id that is not a string"}, {with("id", "null"), "has a member id that is not a string"}, {with("id", "{}"), "has a member id that is not a string"},
      {with("type", "1"), "has a member type that is not a string"}, {with("type", "null"), "has a member type that is not a string"}, {with("type", "[\"mcp\"]"), "has a member type that is not a string"}, {with("type", "\"\""), "has a type that is empty"},
      {with("metadata", "null"), map}, {with("metadata", "[]"), map}, {with("metadata", "\"a\""), map}, {with("metadata", "1"), map}, {with("metadata", "[\"a\",\"b\"]"), map},
      {with("metadata", R"({"a":1})"), texts}, {with("metadata", R"({"a":null})"), texts}, {with("metadata", R"({"a":"b","c":{}})"), texts}, {with("metadata", R"({"a":["b"]})"), texts}, {with("metadata", R"({"a":false})"), texts},
      {with("data", std::string(65, '[') + std::string(65, ']')), "is nested too deeply"}, {std::string(100'000, '['), "is nested too deeply"},
  };
  for (std::string const key : {"created_at", "updated_at"})
    for (std::string const wrong :
         {"1", "null", "\"\"", "\"now\"", "\"2026-11-21\"", "\"2026-11-21T12:36:43\"", "\"2026-11-21 12:36:43Z\"", "\"2026-11-21T12:36:43.Z\"", "\"2026-11-21T12:36:43.1234567890Z\"", "\"2026-11-21T12:36:43,5Z\"",
          "\"2026-11-21T12:36:43+00:00\"", "\"2026-11-21T12:36:43z\"", "\"2026-02-29T12:36:43Z\"", "\"2026-00-21T12:36:43Z\"", "\"2026-13-21T12:36:43Z\"", "\"2026-11-31T12:36:43Z\"", "\"2026-11-00T12:36:43Z\"",
          "\"2026-11-21T24:00:00Z\"", "\"2026-11-21T12:60:43Z\"", "\"2026-11-21T12:36:60Z\"", "\"2026-11-21T-1:36:43Z\"", "\"2026-11-21T12:36:43.-1Z\"", "\" 2026-11-21T12:36:43Z\"", "\"2026-11-21T12:36:43Z \"",
          "\"0000-01-01T00:00:00Z\"", "\"1677-09-21T00:12:43.145224191Z\"", "\"2262-04-11T23:47:16.854775808Z\"", "\"9999-12-31T23:59:59Z\"", "\"10000-01-01T00:00:00Z\"", "1795264603"})
      rows.push_back({with(key, wrong), no_moment(key)});
  for (std::size_t size = 1; size < good.size(); ++size) rows.push_back({good.substr(0, size), cut});
  BOOST_TEST(rows.size() > 60u);
  for (auto const& [text, message] : rows) {
    BOOST_TEST_INFO_SCOPE(text.substr(0, 200));
    std::string why;
    auto const read = deserialize(text, &why);
    BOOST_TEST(read.error() == errc::corrupt_record);
    BOOST_TEST(why == "The record " + message + ".");
    BOOST_TEST(value_traits<transport_session_ptr>::decode(text).error() == errc::corrupt_record);
  }
}

// SE07, ST15: what may not be stored, each with its error and its message.
BOOST_AUTO_TEST_CASE(sessions_that_may_not_be_stored_are_refused_with_their_own_message) {
  auto const of = [](std::string own_id, std::string type) { return std::make_shared<transport_session>(std::move(own_id), std::move(type), moment); };
  auto const with_metadata = [&](text_map metadata) {
    auto made = of(id, "mcp");
    made->set_metadata(std::move(metadata), moment);
    return made;
  };
  auto const with_other = [&](std::string key, std::string const& text) {
    transport_record record(id, "mcp", moment);
    record.others.emplace(std::move(key), json(text));
    return std::make_shared<transport_session>(std::move(record));
  };
  auto const big = of(id, "mcp");
  big->set_data(json('"' + std::string(1000, 'a') + '"'), moment);
  text_limits limits;
  limits.max_total_bytes = 1001;
  limits.max_value_bytes = 800;
  limits.max_key_bytes = 40;
  limits.max_entries = 2;
  std::string const bad_id = "The session's id is not 1 to 256 bytes of visible ASCII.";
  std::string const other = "Among the session's other members is one of its own, or one that is not UTF-8.";
  struct {
    transport_session_ptr session;
    errc error;
    std::string message;
  } const rows[] = {
      {nullptr, errc::invalid_argument, "The session is null."},
      {of("", "mcp"), errc::invalid_id, "The session's id is empty."},
      {of("a b", "mcp"), errc::invalid_id, bad_id},
      {of("\xc3\xa4", "mcp"), errc::invalid_id, bad_id},
      {of(std::string(257, 'a'), "mcp"), errc::invalid_id, bad_id},
      {of(std::string("a\0", 2), "mcp"), errc::invalid_id, bad_id},
      {of(id, ""), errc::invalid_argument, "The session's type is empty."},
      {of(id, "\xff"), errc::invalid_argument, "The session's type is not well-formed UTF-8."},
      {of(id, std::string(41, 't')), errc::too_large, "The session's type has 41 bytes; at most 40 are allowed."},
      {big, errc::too_large, "The session's data have 1002 bytes; at most 1001 are allowed."},
      {with_other("later", '"' + std::string(1000, 'a') + '"'), errc::too_large, "The session's data have 1007 bytes; at most 1001 are allowed."},
      {with_other("id", "1"), errc::invalid_argument, other},
      {with_other("updated_at", "1"), errc::invalid_argument, other},
      {with_other("data", "1"), errc::invalid_argument, other},
      {with_other("\xff", "1"), errc::invalid_argument, other},
      {with_metadata({{"a", ""}, {"b", ""}, {"c", ""}}), errc::too_large, "The map has 3 entries; at most 2 are allowed."},
      {with_metadata({{std::string(41, 'k'), ""}}), errc::too_large, "A key has 41 bytes; at most 40 are allowed."},
      {with_metadata({{"k", std::string(801, 'v')}}), errc::too_large, "A value has 801 bytes; at most 800 are allowed."},
      {with_metadata({{"a", std::string(600, 'v')}, {"b", std::string(600, 'v')}}), errc::too_large, "The map has 1202 bytes; at most 1001 are allowed."},
      {with_metadata({{"k", "\xff"}}), errc::invalid_argument, "A key or value is not well-formed UTF-8."},
      {with_metadata({{"\xc3", "v"}}), errc::invalid_argument, "A key or value is not well-formed UTF-8."},
  };
  using traits = value_traits<transport_session_ptr>;
  for (auto const& [session, error, message] : rows) {
    BOOST_TEST_INFO_SCOPE(message);
    std::string why;
    BOOST_TEST(traits::check(session, limits, &why).error() == error);
    BOOST_TEST(why == message);
    BOOST_TEST(traits::check(session, limits).error() == error);
  }
  BOOST_TEST(traits::check(of(id, std::string(40, 't')), limits).has_value());
  limits.max_total_bytes = 1002;
  BOOST_TEST(traits::check(big, limits).has_value());
}

// SE10, ST15: copies go in and out.
BOOST_AUTO_TEST_CASE(accessors_give_copies) {
  text_map metadata{{"k", "first"}};
  transport_session session(id, "mcp", moment);
  session.set_metadata(metadata, moment + 1s);
  metadata["k"] = "changed";
  auto seen = session.metadata();
  seen["k"] = "changed";
  auto record = session.record();
  record.metadata.clear();
  BOOST_TEST(session.metadata("k").value() == "first");
  BOOST_TEST(!session.metadata("other").has_value());
  BOOST_TEST((session.created_at() == moment));
  BOOST_TEST((session.updated_at() == moment + 1s));
  session.set_data(json("1"), moment - 1s);  // a wall clock that was set back is believed all the same
  BOOST_TEST((session.updated_at() == moment - 1s));
}

BOOST_AUTO_TEST_SUITE_END()
