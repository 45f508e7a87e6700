#include "examples/http_fixture.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <stdexcept>

using namespace http_test;

namespace {

// Answers with what it saw.
awaitable<void> mirror(http::request asked, http::responder answer) {
  auto const seen = asked.method + ' ' + asked.target + ' ' + std::string(asked.header.get("x-one")) + ' ' + asked.body;
  answer.send(http::response::of(200, "text/plain", seen));
  co_return;
}

struct wake {
  std::promise<void> promise;
  std::future<void> future = promise.get_future();
};

// After how many milliseconds the server's end of its one connection gives up bytes that nobody acknowledges; nothing while there is no such end.
std::optional<unsigned> user_timeout(http::endpoint const& served) {
  for (int descriptor = 3; descriptor != 1024; ++descriptor) {
    sockaddr_in own{}, other{};
    socklen_t own_size = sizeof own, other_size = sizeof other;
    bool const is_connected = ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&own), &own_size) == 0 &&
                              ::getpeername(descriptor, reinterpret_cast<sockaddr*>(&other), &other_size) == 0;
    if (!is_connected || ntohs(own.sin_port) != served.port) continue;
    unsigned milliseconds = 0;
    socklen_t size = sizeof milliseconds;
    if (::getsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, &size) == 0 && milliseconds != 0) return milliseconds;
  }
  return std::nullopt;
}

std::string body_of(std::string const& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }

}  // namespace

BOOST_AUTO_TEST_SUITE(server)

BOOST_AUTO_TEST_CASE(a_request_reaches_its_handler_whole_and_the_connection_takes_another) {
  world w;
  raw_peer peer(w.serve(mirror).address());
  peer.send("POST /a?b=c HTTP/1.1\r\nHost: x\r\nX-ONE: 1\r\nContent-Length: 5\r\n\r\nhello");
  auto const first = peer.read_to("hello");
  BOOST_TEST(first.starts_with("HTTP/1.1 200 OK\r\n"));
  BOOST_TEST(body_of(first) == "POST /a?b=c 1 hello");
  BOOST_TEST(first.find("Date: ") != std::string::npos);
  peer.send("PUT http://x/abs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  BOOST_TEST(body_of(peer.read_to("abc")) == "PUT /abs  abc");
  BOOST_TEST(w.server().connections() == 1U);
}

BOOST_AUTO_TEST_CASE(requests_sent_ahead_are_answered_in_order) {
  world w;
  raw_peer peer(w.serve(mirror).address());
  peer.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\nGET /3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  auto const all = peer.read_to_end();
  BOOST_TEST(all.find("GET /1") < all.find("GET /2"));
  BOOST_TEST(all.find("GET /2") < all.find("GET /3"));
  BOOST_TEST(all.find("GET /3") != std::string::npos);
}

// GW19: bodies and headers beyond their limits give 413 and 431.
BOOST_AUTO_TEST_CASE(what_is_too_large_or_no_http_is_refused_and_the_connection_ends) {
  http::server_options options;
  options.max_body_bytes = 1000;
  options.max_header_bytes = 500;
  world w;
  auto const& address = w.serve(mirror, options).address();
  auto const answer_to = [&](std::string const& sent) {
    raw_peer peer(address);
    peer.send(sent);
    return peer.read_to_end().substr(0, 12);
  };
  BOOST_TEST(answer_to("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n" + std::string(1001, 'a')) == "HTTP/1.1 413");
  BOOST_TEST(answer_to("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + std::string(1001, 'a') + "\r\n0\r\n\r\n") == "HTTP/1.1 413");
  BOOST_TEST(answer_to("GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + std::string(500, 'a') + "\r\n\r\n") == "HTTP/1.1 431");
  for (std::string const bad : {"nonsense\r\n\r\n", "GET / HTTP/1.1\r\nHost x\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
                                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\naa",
                                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
                                "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"})
    BOOST_TEST(answer_to(bad) == "HTTP/1.1 400", bad);
  raw_peer fine(address);
  fine.send("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'a'));
  BOOST_TEST(fine.read_to_end().starts_with("HTTP/1.1 200"));
}

BOOST_AUTO_TEST_CASE(a_peer_that_asks_whether_to_go_on_is_told_to) {
  world w;
  raw_peer peer(w.serve(mirror).address());
  peer.send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  BOOST_TEST(peer.read_to("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  peer.send("ab");
  BOOST_TEST(body_of(peer.read_to("ab")) == "POST /  ab");
}

BOOST_AUTO_TEST_CASE(a_handler_that_throws_or_forgets_to_answer_answers_500) {
  std::vector<std::string> lines;
  std::mutex mutex;
  http::server_options options;
  options.log = [&](severity, std::string_view line) {
    std::lock_guard lock(mutex);
    lines.emplace_back(line);
  };
  world w;
  auto handler = [](http::request asked, http::responder) -> awaitable<void> {
    if (asked.target == "/throw") throw std::runtime_error("broken");
    co_return;
  };
  raw_peer peer(w.serve(handler, options).address());
  for (auto const* target : {"/throw", "/forget"}) {
    peer.send(std::string("GET ") + target + " HTTP/1.1\r\nHost: x\r\n\r\n");
    BOOST_TEST(peer.read_to("internal error\n").starts_with("HTTP/1.1 500"));
  }
  std::lock_guard lock(mutex);
  BOOST_REQUIRE(lines.size() == 1U);
  BOOST_TEST(lines[0].find("broken") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(only_the_first_answer_counts) {
  std::promise<std::vector<bool>> seen;
  world w;
  auto handler = [&](http::request, http::responder answer) -> awaitable<void> {
    std::vector<bool> outcomes;
    outcomes.push_back(answer.is_answered());
    outcomes.push_back(answer.send(http::response(204)));
    outcomes.push_back(answer.send(http::response(200)));
    outcomes.push_back(static_cast<bool>(answer.open_events()));
    outcomes.push_back(answer.is_answered());
    seen.set_value(outcomes);
    co_return;
  };
  raw_peer peer(w.serve(handler).address());
  peer.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  auto const text = peer.read_to_end();
  BOOST_TEST(text.starts_with("HTTP/1.1 204"));
  BOOST_TEST(text.find("Content-Length") == std::string::npos);
  BOOST_TEST(seen.get_future().get() == (std::vector<bool>{false, true, false, false, true}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_head_request_gets_no_body_and_a_connection_that_goes_on) {
  world w;
  raw_peer peer(w.serve(mirror).address());
  peer.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  auto const all = peer.read_to_end();
  BOOST_TEST(all.find("HEAD /") == std::string::npos);
  BOOST_TEST(all.find("GET /2") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(events_arrive_one_by_one_and_the_connection_goes_on_after_them) {
  wake first_seen;
  world w;
  auto handler = [&](http::request asked, http::responder answer) -> awaitable<void> {
    if (asked.target == "/again") {
      answer.send(http::response::of(200, "text/plain", "again"));
      co_return;
    }
    auto const stream = answer.open_events({{"X-Extra", "1"}});
    stream.push(http::event("one", "1"));
    first_seen.future.wait_for(10s);  // holds one thread of two
    auto const written = co_await stream.write(http::event("two"));
    static_cast<void>(written);  // the peer sees it
  };
  raw_peer peer(w.serve(handler).address());
  peer.send("GET /mcp HTTP/1.1\r\nHost: x\r\n\r\n");
  auto const begin = peer.read_to("id: 1\ndata: one\n\n");
  BOOST_TEST(begin.find("Content-Type: text/event-stream\r\n") != std::string::npos);
  BOOST_TEST(begin.find("Transfer-Encoding: chunked\r\n") != std::string::npos);
  BOOST_TEST(begin.find("X-Extra: 1\r\n") != std::string::npos);
  first_seen.promise.set_value();
  BOOST_TEST(peer.read_to("0\r\n\r\n").find("data: two\n\n") != std::string::npos);
  peer.send("GET /again HTTP/1.1\r\nHost: x\r\n\r\n");
  BOOST_TEST(body_of(peer.read_to("again")) == "again");
}

BOOST_AUTO_TEST_CASE(an_http_1_0_peer_gets_its_events_without_chunks) {
  world w;
  auto handler = [](http::request, http::responder answer) -> awaitable<void> {
    answer.open_events().push(http::event("one"));
    co_return;
  };
  raw_peer peer(w.serve(handler).address());
  peer.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  auto const all = peer.read_to_end();
  BOOST_TEST(body_of(all) == "data: one\n\n");
  BOOST_TEST(all.find("Connection: close\r\n") != std::string::npos);
}

// GW16: keep-alive bytes flow when idle.
BOOST_AUTO_TEST_CASE(a_silent_stream_carries_comments) {
  http::server_options options;
  options.keep_alive = 20ms;
  world w;
  auto handler = [](http::request, http::responder answer) -> awaitable<void> {
    auto const stream = answer.open_events();
    auto const closed = co_await stream.wait_closed();
    static_cast<void>(closed);
  };
  raw_peer peer(w.serve(handler, options).address());
  peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  for (int i = 0; i < 3; ++i) BOOST_TEST(peer.read_to(":\n\n").ends_with("3\r\n:\n\n"));
}

BOOST_AUTO_TEST_CASE(a_stream_learns_that_its_peer_has_gone) {
  std::promise<std::pair<bool, bool>> seen;
  world w;
  auto handler = [&](http::request, http::responder answer) -> awaitable<void> {
    auto const stream = answer.open_events();
    auto const closed = co_await stream.wait_closed();
    seen.set_value({closed.has_value() && !stream.is_open(), stream.push(http::event("x"))});
  };
  raw_peer peer(w.serve(handler).address());
  peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  peer.read_to("\r\n\r\n");
  peer.close();
  auto future = seen.get_future();
  BOOST_REQUIRE(future.wait_for(10s) == std::future_status::ready);
  BOOST_TEST((future.get() == std::pair(true, false)));
}

BOOST_AUTO_TEST_CASE(a_handler_goes_on_after_its_peer_has_gone_unless_it_asked_otherwise) {
  std::atomic<int> started = 0, finished = 0, cancelled = 0;
  world w;
  auto handler = [&](http::request asked, http::responder answer) -> awaitable<void> {
    if (asked.target == "/cancel") answer.cancel_on_disconnect();
    ++started;
    duration const span = asked.target == "/cancel" ? duration(15s) : duration(200ms);
    auto const slept = co_await sleep_for(span);
    ++(slept ? finished : cancelled);
    answer.send(http::response(204));
  };
  auto const& address = w.serve(handler).address();
  for (auto const* target : {"/go-on", "/cancel"}) {
    raw_peer peer(address);
    peer.send(std::string("GET ") + target + " HTTP/1.1\r\nHost: x\r\n\r\n");
    BOOST_TEST(becomes_true([&] { return started == (target == std::string("/go-on") ? 1 : 2); }));
    peer.close();
  }
  BOOST_TEST(becomes_true([&] { return finished == 1 && cancelled == 1; }));
}

BOOST_AUTO_TEST_CASE(what_a_handler_does_after_its_answer_is_not_cancelled_by_the_end_of_the_exchange) {
  std::atomic<int> finished = 0, cancelled = 0;
  world w;
  auto handler = [&](http::request, http::responder answer) -> awaitable<void> {
    answer.cancel_on_disconnect();
    answer.send(http::response::of(200, "text/plain", "done"));
    auto const slept = co_await sleep_for(100ms);
    ++(slept ? finished : cancelled);
  };
  raw_peer peer(w.serve(handler).address());
  peer.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  BOOST_TEST(body_of(peer.read_to_end()) == "done");
  BOOST_TEST(becomes_true([&] { return finished + cancelled == 1; }));
  BOOST_TEST(finished == 1);
}

BOOST_AUTO_TEST_CASE(a_peer_that_does_not_read_fills_its_backlog_and_no_more) {
  http::server_options options;
  options.max_stream_bytes = 100'000;
  std::promise<std::size_t> seen;
  std::atomic<std::size_t> written = 0;
  world w;
  auto handler = [&](http::request, http::responder answer) -> awaitable<void> {
    auto const stream = answer.open_events();
    std::size_t pushed = 0;
    while (stream.push(http::event(std::string(10'000, 'a')))) ++pushed;
    seen.set_value(pushed);
    for (int i = 0; i < 2000; ++i) {
      auto const sent = co_await stream.write(http::event(std::string(10'000, 'b')));
      if (!sent) co_return;
      ++written;
    }
  };
  raw_peer peer(w.serve(handler, options).address());
  peer.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  BOOST_TEST(seen.get_future().get() >= 10U);
  std::this_thread::sleep_for(100ms);
  BOOST_TEST(written < 2000U);  // it waits for the peer
  auto const all = peer.read_to_end();
  BOOST_TEST(written == 2000U);
  BOOST_TEST(static_cast<std::size_t>(std::ranges::count(all, 'b')) >= 20'000'000U);
}

BOOST_AUTO_TEST_CASE(a_peer_that_reads_slowly_gets_all_of_an_answer_that_takes_longer_than_the_write_deadline) {
  constexpr std::size_t bytes = std::size_t{24} << 20;
  http::server_options options;
  options.write_deadline = 500ms;
  world w;
  auto handler = [](http::request, http::responder answer) -> awaitable<void> {
    answer.send(http::response::of(200, "text/plain", std::string(bytes, 'a')));
    co_return;
  };
  raw_peer peer(w.serve(handler, options).address());
  peer.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  std::size_t read = 0;
  for (int pieces = 0;; ++pieces) {
    auto const more = peer.read_once();
    if (more == 0) break;
    read += more;
    if (pieces % 32 == 0) std::this_thread::sleep_for(10ms);  // 128 KiB
  }
  BOOST_TEST(read > bytes);
}

BOOST_AUTO_TEST_CASE(a_peer_that_acknowledges_nothing_is_given_up_when_one_that_reads_nothing_is) {
  http::server_options options;
  options.write_deadline = 7s;
  world w;
  auto const& address = w.serve(mirror, options).address();
  raw_peer peer(address);
  peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  peer.read_to("\r\n\r\n");
  BOOST_TEST((user_timeout(address) == 7000U));
}

BOOST_AUTO_TEST_CASE(a_peer_that_stalls_in_a_request_or_between_two_is_dropped) {
  http::server_options options;
  options.header_deadline = 50ms;
  options.body_deadline = 50ms;
  options.idle_deadline = 50ms;
  world w;
  auto const& address = w.serve(mirror, options).address();
  for (std::string const part : {"", "GET / HT", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab"}) {
    raw_peer peer(address);
    peer.send(part);
    BOOST_TEST(peer.read_to_end() == "", part);
  }
  BOOST_TEST(becomes_true([&] { return w.server().connections() == 0; }));
}

// GW41
BOOST_AUTO_TEST_CASE(a_graceful_stop_lets_requests_finish_and_ends_what_only_waits) {
  std::atomic<int> started = 0, as_expected = 0;
  world w;
  auto handler = [&](http::request asked, http::responder answer) -> awaitable<void> {
    if (asked.target == "/listen") {
      auto const stream = answer.open_events({}, http::at_stop::end);
      ++started;
      auto const closed = co_await stream.wait_closed();
      as_expected += closed ? 1 : 0;
      co_return;
    }
    if (asked.target == "/stream") {
      auto const stream = answer.open_events();
      ++started;
      auto const slept = co_await sleep_for(300ms);
      as_expected += slept && stream.push(http::event("done")) ? 1 : 0;
      co_return;
    }
    ++started;
    auto const slept = co_await sleep_for(300ms);
    as_expected += slept ? 1 : 0;
    answer.send(http::response::of(200, "text/plain", "done"));
  };
  auto const address = w.serve(handler).address();
  raw_peer idle(address), listening(address), streaming(address), asking(address);
  listening.send("GET /listen HTTP/1.1\r\nHost: x\r\n\r\n");
  streaming.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  asking.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  BOOST_TEST(becomes_true([&] { return started == 3 && w.server().connections() == 4; }));
  auto stopped = w.start(w.server().stop(10s));
  BOOST_TEST(idle.read_to_end() == "");
  BOOST_TEST(listening.read_to_end().ends_with("0\r\n\r\n"));
  BOOST_TEST(streaming.read_to_end().find("data: done\n\n") != std::string::npos);
  auto const answer = asking.read_to_end();
  BOOST_TEST(answer.find("Connection: close\r\n") != std::string::npos);
  BOOST_TEST(body_of(answer) == "done");
  BOOST_REQUIRE(stopped.wait_for(5s) == std::future_status::ready);
  BOOST_TEST(as_expected == 3);
  BOOST_CHECK_THROW(raw_peer late(address), boost::system::system_error);
}

// GW41
BOOST_AUTO_TEST_CASE(a_stop_ends_at_its_deadline_or_when_it_is_forced) {
  for (bool const is_forced : {false, true}) {
    std::atomic<int> started = 0, cancelled = 0;
    world w;
    auto handler = [&](http::request, http::responder) -> awaitable<void> {
      ++started;
      auto const slept = co_await sleep_for(60s);
      cancelled += slept ? 0 : 1;
    };
    raw_peer peer(w.serve(handler).address());
    peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    BOOST_TEST(becomes_true([&] { return started == 1; }));
    auto stopped = w.start(w.server().stop(is_forced ? duration(60s) : duration(100ms)));
    if (is_forced) w.server().force();
    BOOST_REQUIRE(stopped.wait_for(10s) == std::future_status::ready);
    BOOST_TEST(cancelled == 1);
    peer.read_to_end();
  }
}

BOOST_AUTO_TEST_CASE(a_port_that_is_taken_and_a_host_that_is_none_are_refused_with_a_sentence) {
  world w;
  auto const taken = w.serve(mirror).address();
  std::string why;
  auto const second = http::server::listen(w.get_executor(), taken, mirror, {}, &why);
  BOOST_TEST((second.error() == errc::unavailable));
  BOOST_TEST(why.find(std::to_string(taken.port)) != std::string::npos);
  auto const nowhere = http::server::listen(w.get_executor(), {"no-such-host", 0}, mirror, {}, &why);
  BOOST_TEST((nowhere.error() == errc::invalid_argument));
  BOOST_TEST(why.find("no-such-host") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_header_value_cannot_smuggle_another_header) {
  world w;
  auto handler = [](http::request, http::responder answer) -> awaitable<void> {
    http::response made(200);
    made.header.add("X-Bad", "a\r\nX-Smuggled: b");
    made.header.add("X-Good", "c");
    answer.send(std::move(made));
    co_return;
  };
  raw_peer peer(w.serve(handler).address());
  peer.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  auto const all = peer.read_to_end();
  BOOST_TEST(all.find("Smuggled") == std::string::npos);
  BOOST_TEST(all.find("X-Good: c\r\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_context_that_dies_with_connections_open_leaks_nothing) {
  for (int round = 0; round < 10; ++round) {
    asio::io_context context;
    auto handler = [](http::request, http::responder answer) -> awaitable<void> {
      auto const stream = answer.open_events();
      auto const closed = co_await stream.wait_closed();
      static_cast<void>(closed);
    };
    auto made = http::server::listen(context.get_executor(), {"127.0.0.1", 0}, handler);
    BOOST_REQUIRE(made.has_value());
    raw_peer idle((*made)->address()), streaming((*made)->address());
    streaming.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    // Cut after a different number of steps each time; the first rounds do not get as far as the stream.
    for (int step = 0; step < 3 * round; ++step) context.run_one_for(20ms);
    if (round % 2 == 0) made->reset();
  }
}

BOOST_AUTO_TEST_SUITE_END()
