#include "examples/http_fixture.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

using namespace http_test;

namespace {

// What an event stream gives next, as a text.
awaitable<std::string> next_of(std::shared_ptr<http::reply> answer, call_options call = {}) {
  auto const got = co_await answer->events.next(call);
  if (!got) co_return std::string("error: ") + got.error().message();
  if (!*got) co_return "end";
  co_return (*got)->data;
}

http::request get(std::string target) { return http::request("GET", std::move(target)); }
http::request post(std::string body) { return http::request("POST", "/mcp", {{"Content-Type", "text/plain"}}, std::move(body)); }

// Two threads and a client of a server that the test plays itself.
struct scripted {
  explicit scripted(http::client_options options = {}) : client(w.get_executor(), server.address(), options) {}
  scripted_server server;
  world w;
  http::client client;
};

// Within how many hundredths of a second the kernel probes the connection to a port of this machine; nothing while it does not (proc(5), /proc/net/tcp).
std::optional<unsigned long> next_probe(std::uint16_t port) {
  std::ifstream table("/proc/net/tcp");
  for (std::string line; std::getline(table, line);) {
    std::istringstream row(line);
    std::string number, local, remote, state, queues, timer;
    row >> number >> local >> remote >> state >> queues >> timer;
    bool const is_ours = remote.size() == 13 && std::strtoul(remote.c_str() + 9, nullptr, 16) == port && state == "01";
    if (is_ours && timer.starts_with("02:")) return std::strtoul(timer.c_str() + 3, nullptr, 16);
  }
  return std::nullopt;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(client)

BOOST_AUTO_TEST_CASE(a_stream_whose_server_is_silent_is_probed_within_half_a_minute) {
  scripted s;
  auto answered = s.w.start(s.client.send(get("/")));
  s.server.accept();
  s.server.read_to("\r\n\r\n");
  s.server.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
  auto const stream = answered.get();
  BOOST_REQUIRE((stream && stream->events));
  BOOST_TEST(becomes_true([&] { return next_probe(s.server.address().port).has_value(); }));
  BOOST_TEST(next_probe(s.server.address().port).value_or(0) <= 3000U);
}

BOOST_AUTO_TEST_CASE(an_answer_comes_whole_and_its_connection_is_used_again) {
  world w;
  auto handler = [](http::request asked, http::responder answer) -> awaitable<void> {
    http::response made = http::response::of(asked.target == "/missing" ? 404 : 200, "application/json", asked.method + asked.body);
    made.header.add("Mcp-Session-Id", "abc");
    answer.send(std::move(made));
    co_return;
  };
  http::client client(w.get_executor(), w.serve(handler).address());
  for (int i = 0; i < 20; ++i) {
    auto const got = w.run(client.send(post(std::string(i * 1000, 'x'))));
    BOOST_REQUIRE(got.has_value());
    BOOST_TEST(got->head.status == 200U);
    BOOST_TEST(got->head.header.get("mcp-session-id") == "abc");
    BOOST_TEST(got->head.body == "POST" + std::string(i * 1000, 'x'));
    BOOST_TEST(!got->events);
  }
  auto const missing = w.run(client.send(get("/missing")));
  BOOST_TEST(missing->head.status == 404U);
  BOOST_TEST(w.server().connections() == 1U);
  BOOST_TEST(client.connections_in_use() == 0U);
}

BOOST_AUTO_TEST_CASE(calls_at_the_same_time_get_connections_and_answers_of_their_own) {
  world w;
  auto handler = [](http::request asked, http::responder answer) -> awaitable<void> {
    auto const slept = co_await sleep_for(20ms);
    static_cast<void>(slept);
    answer.send(http::response::of(200, "text/plain", asked.body));
  };
  http::client client(w.get_executor(), w.serve(handler).address());
  std::vector<std::future<result<http::reply>>> calls;
  for (int i = 0; i < 50; ++i) calls.push_back(w.start(client.send(post(std::to_string(i)))));
  for (int i = 0; i < 50; ++i) BOOST_TEST(calls[i].get()->head.body == std::to_string(i));
  BOOST_TEST(client.connections_in_use() == 0U);
}

BOOST_AUTO_TEST_CASE(events_come_as_they_are_sent_and_the_connection_is_used_again_after_their_end) {
  std::promise<void> first_seen;
  auto seen = first_seen.get_future().share();
  world w;
  auto handler = [seen](http::request, http::responder answer) -> awaitable<void> {
    auto const stream = answer.open_events();
    stream.push(http::event("one"));
    seen.wait_for(10s);
    stream.push(http::event("two\nlines"));
    co_return;
  };
  http::client client(w.get_executor(), w.serve(handler).address());
  auto got = w.run(client.send(get("/mcp")));
  BOOST_REQUIRE(got.has_value());
  auto const answer = std::make_shared<http::reply>(std::move(*got));
  BOOST_TEST(w.run(next_of(answer)) == "one");
  first_seen.set_value();
  BOOST_TEST(w.run(next_of(answer)) == "two\nlines");
  BOOST_TEST(w.run(next_of(answer)) == "end");
  BOOST_TEST(w.run(next_of(answer)) == "end");
  auto const again = w.run(client.send(get("/mcp")));
  BOOST_TEST(again.has_value());
  BOOST_TEST(w.server().connections() == 1U);
}

BOOST_AUTO_TEST_CASE(dropping_an_event_stream_closes_its_connection) {
  std::promise<void> gone;
  world w;
  auto handler = [&](http::request, http::responder answer) -> awaitable<void> {
    auto const stream = answer.open_events();
    auto const closed = co_await stream.wait_closed();
    if (closed) gone.set_value();
  };
  http::client client(w.get_executor(), w.serve(handler).address());
  {
    auto const got = w.run(client.send(get("/")));
    BOOST_TEST(static_cast<bool>(got->events));
    BOOST_TEST(client.connections_in_use() == 1U);
  }
  BOOST_TEST((gone.get_future().wait_for(10s) == std::future_status::ready));
  BOOST_TEST(client.connections_in_use() == 0U);
}

// GW31: only what was certainly not sent may be sent again.
BOOST_AUTO_TEST_CASE(a_server_that_cannot_be_reached_received_nothing) {
  world w;
  http::endpoint nobody;
  {
    scripted_server closed;
    nobody = closed.address();
  }
  http::client refused(w.get_executor(), nobody);
  auto const answer = w.run(refused.send(get("/")));
  BOOST_TEST((answer.error() == errc::unavailable));
  BOOST_TEST(http::is_unsent(answer.error()));
  http::client nameless(w.get_executor(), {"no-such-host.invalid", 80});
  auto const unknown = w.run(nameless.send(get("/"), {.deadline = 5s}));
  BOOST_TEST(http::is_unsent(unknown.error()));
  auto const late = w.run(refused.send(get("/"), {.deadline = 0s}));
  BOOST_TEST((late.error() == errc::deadline_exceeded));
}

// GW31
BOOST_AUTO_TEST_CASE(a_connection_lost_after_the_request_leaves_its_fate_unknown) {
  for (std::string const part : {"", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"}) {
    scripted s;
    auto call = s.w.start(s.client.send(post("x")));
    s.server.accept();
    s.server.read_to("\r\n\r\nx");
    s.server.send(part);
    s.server.close();
    auto const answer = call.get();
    BOOST_TEST((answer.error() == errc::ambiguous), part);
    BOOST_TEST(!http::is_unsent(answer.error()));
    BOOST_TEST(s.client.connections_in_use() == 0U);
  }
}

// GW31
BOOST_AUTO_TEST_CASE(a_deadline_that_passes_after_the_request_leaves_its_fate_unknown) {
  scripted s;
  auto call = s.w.start(s.client.send(post("x"), {.deadline = 100ms}));
  s.server.accept();
  auto const answer = call.get();
  BOOST_TEST((answer.error() == errc::ambiguous));
}

BOOST_AUTO_TEST_CASE(a_caller_who_leaves_gets_its_error_at_once) {
  scripted s;
  asio::cancellation_signal leave;
  std::promise<error_code> seen;
  auto const strand = asio::make_strand(s.w.get_executor());
  auto call = [&]() -> awaitable<void> {
    auto const got = co_await s.client.send(post("x"));
    seen.set_value(got ? error_code() : got.error());
  };
  asio::co_spawn(strand, call, asio::bind_cancellation_slot(leave.slot(), [](std::exception_ptr) {}));
  s.server.accept();
  s.server.read_to("\r\n\r\nx");
  asio::post(strand, [&] { leave.emit(asio::cancellation_type::terminal); });
  auto future = seen.get_future();
  BOOST_REQUIRE(future.wait_for(10s) == std::future_status::ready);
  BOOST_TEST((future.get() == errc::ambiguous));
}

BOOST_AUTO_TEST_CASE(an_answer_that_is_no_http_or_too_large_is_a_protocol_error) {
  http::client_options options;
  options.max_body_bytes = 100;
  options.max_header_bytes = 1000;
  for (std::string const& bad : {std::string("nonsense\r\n\r\n"), "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n" + std::string(101, 'a'),
                                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + std::string(101, 'a') + "\r\n0\r\n\r\n",
                                "HTTP/1.1 200 OK\r\nX-Long: " + std::string(1000, 'a') + "\r\n\r\n"}) {
    scripted s(options);
    auto call = s.w.start(s.client.send(get("/")));
    s.server.accept();
    s.server.read_to("\r\n\r\n");
    s.server.send(bad);
    auto const answer = call.get();
    BOOST_TEST((answer.error() == errc::protocol_error), bad.substr(0, 40));
  }
}

BOOST_AUTO_TEST_CASE(interim_answers_are_passed_over_and_a_body_may_end_with_its_connection) {
  scripted s;
  auto call = s.w.start(s.client.send(get("/")));
  s.server.accept();
  s.server.read_to("\r\n\r\n");
  s.server.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nto the end");
  s.server.close();
  auto const answer = call.get();
  BOOST_REQUIRE(answer.has_value());
  BOOST_TEST(answer->head.status == 200U);
  BOOST_TEST(answer->head.body == "to the end");
}

BOOST_AUTO_TEST_CASE(a_kept_connection_that_died_is_replaced_by_a_fresh_one) {
  scripted s;
  for (int round = 0; round < 3; ++round) {
    auto call = s.w.start(s.client.send(post("x")));
    s.server.accept();
    s.server.read_to("\r\n\r\nx");
    s.server.send("HTTP/1.1 204 No Content\r\n\r\n");
    BOOST_TEST(call.get()->head.status == 204U);
    s.server.close();
  }
}

BOOST_AUTO_TEST_CASE(a_kept_connection_is_not_used_beyond_the_time_its_server_named) {
  scripted s;
  for (int round = 0; round < 2; ++round) {
    auto call = s.w.start(s.client.send(get("/")));
    s.server.accept();  // hangs in the second round, if the connection is used again
    s.server.read_to("\r\n\r\n");
    s.server.send("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 0\r\n\r\n");
    BOOST_TEST(call.get().has_value());
  }
}

BOOST_AUTO_TEST_CASE(a_stream_that_breaks_off_hands_out_what_came_and_then_an_error) {
  scripted s;
  auto call = s.w.start(s.client.send(get("/")));
  s.server.accept();
  s.server.read_to("\r\n\r\n");
  s.server.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n");
  auto const answer = std::make_shared<http::reply>(*call.get());
  s.server.send("b\r\ndata: one\n\n\r\n5\r\ndata:\r\n");
  BOOST_TEST(s.w.run(next_of(answer)) == "one");
  BOOST_TEST(s.w.run(next_of(answer, {.deadline = 50ms})) == "error: " + make_error_code(errc::deadline_exceeded).message());
  BOOST_TEST(s.w.run(next_of(answer)) == "error: " + make_error_code(errc::disconnected).message());

  auto second = s.w.start(s.client.send(get("/")));
  s.server.accept();
  s.server.read_to("\r\n\r\n");
  s.server.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nb\r\ndata: two\n\n\r\n");
  s.server.close();
  auto const broken = std::make_shared<http::reply>(*second.get());
  BOOST_TEST(s.w.run(next_of(broken)) == "two");
  BOOST_TEST(s.w.run(next_of(broken)) == "error: " + make_error_code(errc::disconnected).message());
}

BOOST_AUTO_TEST_CASE(a_stream_without_a_body_ends_at_once_whatever_follows_it) {
  for (std::string const head : {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", "HTTP/1.1 204 No Content\r\n"})
    for (std::string const rest : {"", "x"}) {
      scripted s;
      auto call = s.w.start(s.client.send(get("/")));
      s.server.accept();
      s.server.read_to("\r\n\r\n");
      s.server.send(head + "Content-Type: text/event-stream\r\n\r\n" + rest);
      auto const answer = std::make_shared<http::reply>(*call.get());
      BOOST_TEST(s.w.run(next_of(answer, {.deadline = 5s})) == "end", head + rest);
      BOOST_TEST(s.client.connections_in_use() == 0U);
    }
}

BOOST_AUTO_TEST_CASE(closing_ends_calls_and_streams_in_work_and_refuses_new_calls) {
  scripted s;
  auto call = s.w.start(s.client.send(post("x")));
  s.server.accept();
  s.server.read_to("\r\n\r\nx");
  s.client.close();
  BOOST_TEST((call.get().error() == errc::ambiguous));
  BOOST_TEST((s.w.run(s.client.send(get("/"))).error() == errc::closed));
  BOOST_TEST(becomes_true([&] { return s.client.connections_in_use() == 0; }));
}

BOOST_AUTO_TEST_CASE(more_calls_than_connections_are_refused) {
  http::client_options options;
  options.max_connections = 1;
  scripted s(options);
  auto call = s.w.start(s.client.send(get("/")));
  s.server.accept();
  s.server.read_to("\r\n\r\n");
  BOOST_TEST((s.w.run(s.client.send(get("/"))).error() == errc::busy));
  s.server.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  BOOST_TEST(call.get().has_value());
}

BOOST_AUTO_TEST_SUITE_END()
