#include "echo-server/transport.hpp"
#include "examples/http_fixture.hpp"

#include <mooring/storage/local_storage.hpp>

using namespace http_test;

namespace {

// The echo server in this process, and a client of it.
class echo_server {
 public:
  explicit echo_server(echo::options chosen = {}) {
    chosen.name = "north";
    local_storage_options in_memory;
    in_memory.ttl = chosen.ttl;
    storage_ = *local_storage<metadata>::make(w_.get_executor(), in_memory);
    manager_options keeping;
    keeping.ttl = chosen.ttl;
    manager_ = *echo::manager::make(w_.get_executor(), storage_, std::make_shared<echo::factory>(), keeping);
    transport_ = std::make_shared<echo::transport>(chosen, manager_, [held = storage_] { return held->size(); });
    auto handler = [serving = transport_](http::request asked, http::responder answer) { return serving->serve(std::move(asked), std::move(answer)); };
    client_ = std::make_unique<http::client>(w_.get_executor(), w_.serve(handler).address());
  }

  ~echo_server() {
    client_->close();
    stop();
    w_.run(manager_->shutdown());
  }

  void stop() { w_.run(w_.server().stop(5s)); }

  http::reply send(std::string method, std::string body, http::fields header) {
    auto got = w_.run(client_->send(http::request(std::move(method), "/mcp", std::move(header), std::move(body))));
    BOOST_REQUIRE(got.has_value());
    return std::move(*got);
  }

  static http::fields header(std::string const& session = {}) {
    http::fields made{{"Content-Type", "application/json"}, {"Accept", "application/json, text/event-stream"}};
    if (!session.empty()) made.add("Mcp-Session-Id", session);
    return made;
  }

  http::reply post(std::string body, std::string const& session = {}) { return send("POST", std::move(body), header(session)); }

  std::string open(std::string const& resumed = {}, std::string const& capabilities = "{}") {
    auto const answer = post(R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":)" + capabilities + "}}", resumed);
    BOOST_REQUIRE(answer.head.status == 200U);
    return std::string(answer.head.header.get("Mcp-Session-Id"));
  }

  http::reply call(std::string const& session, std::string const& tool, std::string const& arguments = "{}", std::string const& id = "1") {
    return post(R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":"tools/call","params":{"name":")" + tool + R"(","arguments":)" + arguments + "}}", session);
  }

  std::string next(http::reply& from) {
    auto const got = w_.run(from.events.next({.deadline = 10s}));
    if (!got) return got.error().message();
    return *got ? (*got)->data : "end";
  }

  std::size_t held() const { return storage_->size(); }

 private:
  world w_;
  std::shared_ptr<local_storage<metadata>> storage_;
  std::shared_ptr<echo::manager> manager_;
  std::shared_ptr<echo::transport> transport_;
  std::unique_ptr<http::client> client_;
};

std::string const list_tools = R"({"jsonrpc":"2.0","id":"a","method":"tools/list"})";

bool contains(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

}  // namespace

BOOST_AUTO_TEST_SUITE(echo_server_program)

// GW45
BOOST_AUTO_TEST_CASE(each_session_counts_its_own_calls) {
  echo_server server;
  auto const one = server.open();
  auto const two = server.open();
  BOOST_TEST(one != two);
  for (int i = 1; i <= 3; ++i) BOOST_TEST(contains(server.call(one, "whoami").head.body, "\"calls\":" + std::to_string(i)));
  auto const answer = server.call(two, "whoami").head.body;
  BOOST_TEST(contains(answer, "\"calls\":1"));
  BOOST_TEST(contains(answer, "\"session\":\"" + two + '"'));
  BOOST_TEST(contains(answer, "\"server\":\"north\""));
  BOOST_TEST(server.held() == 2U);
}

BOOST_AUTO_TEST_CASE(the_tools_do_what_their_descriptions_say) {
  echo_server server;
  auto const session = server.open();
  BOOST_TEST(contains(server.call(session, "echo", R"({"message":"h\u00e9"})").head.body, "\"text\":\"h\xC3\xA9\""));
  BOOST_TEST(contains(server.call(session, "fail").head.body, "\"isError\":true"));
  BOOST_TEST(contains(server.call(session, "slow", R"({"ms":1})").head.body, "waited 1 ms"));
  for (auto const* wrong : {"echo", "slow", "nothing"}) BOOST_TEST(contains(server.call(session, wrong).head.body, "-32602"));
  BOOST_TEST(contains(server.post(R"({"jsonrpc":"2.0","id":1,"method":"no/such"})", session).head.body, "-32601"));
}

BOOST_AUTO_TEST_CASE(a_slow_call_reports_progress_to_whoever_asked_for_it) {
  echo_server server;
  auto const session = server.open();
  auto answer = server.post(R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"slow","arguments":{"ms":300},"_meta":{"progressToken":"p"}}})", session);
  for (int i = 1; i <= 3; ++i) BOOST_TEST(contains(server.next(answer), R"("progressToken":"p","progress":)" + std::to_string(i) + R"(,"total":3)"));
  BOOST_TEST(contains(server.next(answer), R"("id":7,"result")"));
  BOOST_TEST(server.next(answer) == "end");
}

BOOST_AUTO_TEST_CASE(a_cancelled_call_ends_early) {
  echo_server server;
  auto const session = server.open();
  auto answer = server.post(R"({"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"slow","arguments":{"ms":2000},"_meta":{"progressToken":1}}})", session);
  BOOST_TEST(server.post(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"x"}})", session).head.status == 202U);
  auto last = server.next(answer);
  while (contains(last, "notifications/progress")) last = server.next(answer);
  BOOST_TEST(contains(last, R"("id":"x","error")"), last);
}

// GW45: the conformance tool's names.
BOOST_AUTO_TEST_CASE(a_tool_asks_the_client_in_its_own_stream_and_gets_the_answer_of_another_request) {
  echo::options chosen;
  chosen.has_conformance = true;
  echo_server server(chosen);
  auto const unable = server.open();
  BOOST_TEST(contains(server.call(unable, "test_sampling", R"({"prompt":"p"})").head.body, "\"isError\":true"));
  auto const session = server.open({}, R"({"sampling":{}})");
  auto answer = server.call(session, "test_sampling", R"({"prompt":"the question"})", "5");
  auto const asked = std::get<mcp::message>(mcp::parse_message(server.next(answer)));
  BOOST_TEST(asked.method() == "sampling/createMessage");
  BOOST_TEST(contains(asked.text(), "the question"));
  auto const reply = mcp::make_raw_result(asked.id(), R"({"role":"assistant","model":"m","content":{"type":"text","text":"the answer"}})");
  BOOST_TEST(server.post(mcp::make_raw_result("\"another\"", "{}"), session).head.status == 202U);
  BOOST_TEST(server.post(reply, session).head.status == 202U);
  auto const last = server.next(answer);
  BOOST_TEST(contains(last, R"("id":5,"result")"), last);
  BOOST_TEST(contains(last, "LLM response: the answer"), last);
}

// GW45
BOOST_AUTO_TEST_CASE(a_session_is_forgotten_after_as_many_requests_as_it_was_told) {
  echo::options chosen;
  chosen.forget_after = 2;
  echo_server server(chosen);
  auto const session = server.open();
  BOOST_TEST(server.call(session, "whoami").head.status == 200U);
  BOOST_TEST(server.call(session, "whoami").head.status == 200U);
  BOOST_TEST(becomes_true([&] { return server.held() == 0; }));
  auto const refused = server.call(session, "whoami", "{}", "0");
  BOOST_TEST(refused.head.status == 404U);
  BOOST_TEST(refused.head.body == R"({"jsonrpc":"2.0","id":0,"error":{"code":-32001,"message":"Session not found"}})");
}

// GW45
BOOST_AUTO_TEST_CASE(each_so_many_requests_one_fails_when_it_was_told_so) {
  echo::options chosen;
  chosen.fail_every = 3;
  echo_server server(chosen);
  auto const session = server.open();
  std::vector<unsigned> statuses;
  for (int i = 0; i < 6; ++i) statuses.push_back(server.call(session, "whoami").head.status);
  BOOST_TEST(statuses == (std::vector<unsigned>{200, 200, 500, 200, 200, 500}), boost::test_tools::per_element());
}

// GW45
BOOST_AUTO_TEST_CASE(a_live_session_is_resumed_by_its_id_unless_ids_are_ignored) {
  echo_server keeping;
  auto const session = keeping.open();
  BOOST_TEST(keeping.open(session) == session);
  BOOST_TEST(keeping.open("unknown") != "unknown");
  echo::options chosen;
  chosen.is_ignoring_resume_ids = true;
  echo_server ignoring(chosen);
  auto const first = ignoring.open();
  BOOST_TEST(ignoring.open(first) != first);
  BOOST_TEST(ignoring.held() == 2U);
}

// GW45
BOOST_AUTO_TEST_CASE(requests_are_delayed_as_it_was_told) {
  echo::options chosen;
  chosen.delay = 60ms;
  echo_server server(chosen);
  auto const session = server.open();
  auto const begin = std::chrono::steady_clock::now();
  server.post(list_tools, session);
  BOOST_TEST((std::chrono::steady_clock::now() - begin >= 60ms));
}

BOOST_AUTO_TEST_CASE(deleting_ends_a_session_and_its_stream_for_good) {
  echo_server server;
  auto const session = server.open();
  auto stream = server.send("GET", "", echo_server::header(session));
  BOOST_TEST(static_cast<bool>(stream.events));
  BOOST_TEST(server.send("DELETE", "", echo_server::header(session)).head.status == 200U);
  BOOST_TEST(server.next(stream) == "end");
  BOOST_TEST(server.held() == 0U);
  BOOST_TEST(server.post(list_tools, session).head.status == 404U);
  for (auto const* method : {"GET", "DELETE"}) BOOST_TEST(server.send(method, "", echo_server::header(session)).head.status == 404U);
}

BOOST_AUTO_TEST_CASE(a_second_stream_takes_the_place_of_the_first_and_a_stop_ends_it) {
  echo_server server;
  auto const session = server.open();
  auto first = server.send("GET", "", echo_server::header(session));
  auto second = server.send("GET", "", echo_server::header(session));
  BOOST_TEST(server.next(first) == "end");
  server.stop();
  BOOST_TEST(server.next(second) == "end");
}

BOOST_AUTO_TEST_CASE(what_breaks_the_transports_rules_is_refused_with_its_status) {
  echo_server server;
  auto const session = server.open();
  auto const with = [&](std::string name, std::string value) {
    auto made = echo_server::header(session);
    made.set(std::move(name), std::move(value));
    return made;
  };
  auto const status = [&](std::string const& method, std::string const& body, http::fields const& header) { return server.send(method, body, header).head.status; };
  BOOST_TEST(status("POST", list_tools, with("Accept", "application/json")) == 406U);
  BOOST_TEST(status("GET", "", with("Accept", "application/json")) == 406U);
  BOOST_TEST(status("POST", list_tools, with("Content-Type", "text/plain")) == 415U);
  BOOST_TEST(status("POST", list_tools, with("Origin", "http://evil.example")) == 403U);
  BOOST_TEST(status("POST", list_tools, with("MCP-Protocol-Version", "1999-01-01")) == 400U);
  BOOST_TEST(status("POST", list_tools, with("MCP-Protocol-Version", "2025-06-18")) == 200U);
  BOOST_TEST(status("PUT", list_tools, echo_server::header(session)) == 405U);
  for (auto const* method : {"POST", "GET", "DELETE"}) BOOST_TEST(status(method, *method == 'P' ? list_tools : "", echo_server::header()) == 400U);
  BOOST_TEST(contains(server.post("{", session).head.body, "-32700"));
  BOOST_TEST(server.post("[]", session).head.status == 400U);
  BOOST_TEST(server.post(R"({"jsonrpc":"2.0","method":"notifications/initialized"})", session).head.status == 202U);
  BOOST_TEST(server.post(R"({"jsonrpc":"2.0","id":1,"method":"initialize"})").head.status == 400U);
}

BOOST_AUTO_TEST_SUITE_END()
