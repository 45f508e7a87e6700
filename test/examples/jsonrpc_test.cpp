#include "mcp/jsonrpc.hpp"

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

using namespace mooring::mcp;

namespace {

// What a text was read as, on one line.
std::string shown(std::string text) {
  auto const read = parse_message(std::move(text));
  if (auto const* refused = std::get_if<rejection>(&read)) return std::to_string(refused->error) + (refused->is_batch ? " batch" : "") + ' ' + refused->id;
  auto const& message = std::get<mooring::mcp::message>(read);
  switch (message.type()) {
    case message::kind::request: return "request " + message.method() + ' ' + std::string(message.id());
    case message::kind::notification: return "notification " + message.method();
    case message::kind::result: return "result " + std::string(message.id());
    case message::kind::error: return "error " + std::string(message.id());
  }
  return {};
}

message read(std::string text) { return std::get<message>(parse_message(std::move(text))); }

}  // namespace

BOOST_AUTO_TEST_SUITE(jsonrpc)

// GW11: bad JSON is -32700; JSON that is no JSON-RPC, and a batch, -32600.
BOOST_AUTO_TEST_CASE(each_text_is_the_message_or_the_rejection_that_json_rpc_says) {
  std::vector<std::pair<std::string, std::string>> const table{
      {R"({"jsonrpc":"2.0","id":1,"method":"ping"})", "request ping 1"},
      {R"({"jsonrpc":"2.0","id":0,"method":"ping","params":{}})", "request ping 0"},
      {R"({"jsonrpc":"2.0","id":"","method":"ping"})", "request ping \"\""},
      {R"({"jsonrpc":"2.0","method":"notifications/initialized"})", "notification notifications/initialized"},
      {R"({"jsonrpc":"2.0","id":5,"result":{}})", "result 5"},
      {R"({"jsonrpc":"2.0","id":5,"result":null})", "result 5"},
      {R"({"jsonrpc":"2.0","id":"a","error":{"code":1,"message":"x"}})", "error \"a\""},
      {R"({"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"x"}})", "error "},
      {R"({"jsonrpc":"2.0","error":{"code":1,"message":"x"}})", "error "},
      {"", "-32700 "},
      {"{", "-32700 "},
      {R"({"jsonrpc":"2.0","id":1,"method":"ping"} x)", "-32700 "},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xFF\"}", "-32700 "},
      {std::string(1000, '[') + std::string(1000, ']'), "-32700 "},
      {"[]", "-32600 batch "},
      {R"([{"jsonrpc":"2.0","id":1,"method":"ping"}])", "-32600 batch "},
      {"1", "-32600 "},
      {"null", "-32600 "},
      {"{}", "-32600 "},
      {R"({"id":3,"method":"ping"})", "-32600 3"},
      {R"({"jsonrpc":"1.0","id":3,"method":"ping"})", "-32600 3"},
      {R"({"jsonrpc":"2.0","id":3,"method":4})", "-32600 3"},
      {R"({"jsonrpc":"2.0","id":null,"method":"ping"})", "-32600 "},
      {R"({"jsonrpc":"2.0","id":{},"method":"ping"})", "-32600 "},
      {R"({"jsonrpc":"2.0","id":true,"method":"ping"})", "-32600 "},
      {R"({"jsonrpc":"2.0","id":3,"method":"ping","params":7})", "-32600 3"},
      {R"({"jsonrpc":"2.0","id":3})", "-32600 3"},
      {R"({"jsonrpc":"2.0","id":3,"result":1,"error":{}})", "-32600 3"},
      {R"({"jsonrpc":"2.0","id":3,"method":"ping","result":1})", "-32600 3"},
      {R"({"jsonrpc":"2.0","result":1})", "-32600 "},
      {R"({"jsonrpc":"2.0","id":3,"id":4,"method":"ping"})", "-32600 "},
      {R"({"jsonrpc":"2.0","id":3,"method":"ping","m\u0065thod":"x"})", "-32600 "},
  };
  for (auto const& [text, expected] : table) BOOST_TEST(shown(text) == expected, text.substr(0, 100) << " -> " << shown(text));
}

// Each member is looked up among those before it: unbounded, one body would keep a thread busy for long.
BOOST_AUTO_TEST_CASE(message_of_too_many_members_is_refused) {
  auto const with_members = [](std::size_t count) {
    std::string text = R"({"jsonrpc":"2.0","id":3,"method":"ping")";
    for (std::size_t i = 3; i < count; ++i) text.append(",\"m").append(std::to_string(i)).append("\":0");
    return text.append("}");
  };
  BOOST_TEST(shown(with_members(max_members)) == "request ping 3");
  BOOST_TEST(shown(with_members(max_members + 1)) == "-32600 ");
  std::string repeated = R"({"jsonrpc":"2.0","id":3,"method":"ping")";
  for (std::size_t i = 3; i <= max_members; ++i) repeated += R"(,"m":0)";
  BOOST_TEST(shown(repeated + "}") == "-32600 ", "one name over and over counts, too");
}

// GW05: the id goes back as it was written.
BOOST_AUTO_TEST_CASE(an_id_is_kept_as_it_was_written) {
  for (std::string const id : {"0", "-0", "1.0", "1e2", "12345678901234567890", "123456789012345678901234567890", R"("a")", R"("\u0041")", R"("{\"id\":1}")", R"("\\")"}) {
    auto const message = read(R"({ "params" : {"id": 7, "x": [1, "}"]}, "method": "m" , "id" : )" + id + " ,\n\"jsonrpc\": \"2.0\" }");
    BOOST_TEST(message.id() == id);
    BOOST_TEST(read(make_error(message.id(), -32001, "x")).id() == id);
  }
}

BOOST_AUTO_TEST_CASE(an_id_written_with_escapes_in_its_name_is_found) {
  BOOST_TEST(read(R"({"jsonrpc":"2.0","\u0069d":42,"method":"m"})").id() == "42");
}

BOOST_AUTO_TEST_CASE(an_id_is_replaced_and_all_else_stays_as_it_was_written) {
  auto const message = read(R"({"jsonrpc":"2.0", "id": 7 ,"method":"m","params":{"n":1.10,"big":123456789012345678901234567890}})");
  BOOST_TEST(message.with_id("\"x\"") == R"({"jsonrpc":"2.0", "id": "x" ,"method":"m","params":{"n":1.10,"big":123456789012345678901234567890}})");
  BOOST_TEST(message.with("params", "{}") == R"({"jsonrpc":"2.0", "id": 7 ,"method":"m","params":{}})");
  BOOST_TEST(message.raw("params") == R"({"n":1.10,"big":123456789012345678901234567890})");
  auto const notification = read(R"({"jsonrpc":"2.0","method":"m"})");
  BOOST_TEST(notification.with_id("1") == notification.text());
}

BOOST_AUTO_TEST_CASE(no_damage_to_a_message_makes_its_parts_disagree) {
  std::string const whole = R"({"jsonrpc":"2.0","id":"a\"b","method":"m","params":{"x":[1,{"y":null}],"s":"\\"}})";
  std::mt19937 random(1);
  std::string const bytes = "{}[]\",:\\0 1ae-\n";
  int accepted = 0;
  for (int round = 0; round < 50'000; ++round) {
    auto text = whole;
    for (auto i = random() % 3; i < 3; ++i) {
      auto const place = random() % text.size();
      switch (random() % 3) {
        case 0: text[place] = bytes[random() % bytes.size()]; break;
        case 1: text.erase(place, 1 + random() % 3); break;
        default: text.insert(place, 1, bytes[random() % bytes.size()]);
      }
    }
    auto const got = parse_message(text);
    auto const* message = std::get_if<mooring::mcp::message>(&got);
    if (!message) continue;
    ++accepted;
    auto const again = read(message->with_id("77"));
    BOOST_REQUIRE_MESSAGE(message->id().empty() ? again.text() == text : again.id() == "77", text);
    BOOST_REQUIRE_MESSAGE(again.method() == message->method() && again.raw("params") == message->raw("params"), text);
    auto const document = json::parse(text).as_object();
    for (auto const& [name, value] : document)
      if (name != "id") BOOST_REQUIRE_MESSAGE(json::parse(message->raw(name)) == value, text);
  }
  BOOST_TEST(accepted > 1000);
}

BOOST_AUTO_TEST_CASE(members_of_another_type_read_as_empty_objects) {
  auto const message = read(R"({"jsonrpc":"2.0","id":1,"method":"m","params":[1]})");
  BOOST_TEST(message.params().empty());
  BOOST_TEST(message.result().empty());
}

// GW05: an error without a known id leaves the member out, it is never null.
BOOST_AUTO_TEST_CASE(what_is_built_is_what_json_rpc_says) {
  BOOST_TEST(make_result("0", json::object{{"a", 1}}) == R"({"jsonrpc":"2.0","id":0,"result":{"a":1}})");
  BOOST_TEST(make_raw_result("\"q\"", "1e2") == R"({"jsonrpc":"2.0","id":"q","result":1e2})");
  BOOST_TEST(make_error("", -32700, "no") == R"({"jsonrpc":"2.0","error":{"code":-32700,"message":"no"}})");
  BOOST_TEST(make_error("3", -32001, "no", json::value("d")) == R"({"jsonrpc":"2.0","id":3,"error":{"code":-32001,"message":"no","data":"d"}})");
  BOOST_TEST(make_request("3", "m") == R"({"jsonrpc":"2.0","id":3,"method":"m"})");
  BOOST_TEST(make_request("3", "m", json::object{}) == R"({"jsonrpc":"2.0","id":3,"method":"m","params":{}})");
  BOOST_TEST(make_notification("m\"") == R"({"jsonrpc":"2.0","method":"m\""})");
}

BOOST_AUTO_TEST_SUITE_END()
