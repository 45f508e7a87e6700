#include "simulation/simulation.hpp"
#include "transport/printing.hpp"

#include <mooring/session/sse_session.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace mooring;
using namespace mooring::test;
using namespace std::chrono_literals;

namespace {

using received = result<std::string>;

constexpr char const* id = "0190f3c2-7c1e-7abc-8def-0123456789ab";

struct fixture {
  explicit fixture(std::uint64_t seed = 1) : sim(seed), session(std::make_shared<sse_session>(id, sim.wall_now())) {}
  ~fixture() { BOOST_TEST(sim.run(10'000)); }

  struct waiting {
    std::optional<received> outcome;
    asio::cancellation_signal signal;
  };

  std::shared_ptr<waiting> receive(call_options call = {}) {
    auto made = std::make_shared<waiting>();
    asio::co_spawn(sim.get_executor(), session->receive(call), asio::bind_cancellation_slot(made->signal.slot(), [made](std::exception_ptr failure, received outcome) {
                     if (failure) outcome = make_error_code(errc::cancelled);  // cancelled before its first step
                     made->outcome.emplace(std::move(outcome));
                   }));
    return made;
  }

  received receive_now() {
    auto const made = receive();
    BOOST_TEST(sim.run(1000));
    BOOST_REQUIRE(made->outcome.has_value());
    return *made->outcome;
  }

  simulation sim;
  std::shared_ptr<sse_session> session;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(sse_session_)

// SE09, DE16
BOOST_AUTO_TEST_CASE(queue_takes_100_messages_and_refuses_the_next) {
  fixture f;
  for (int i = 0; i < 100; ++i) BOOST_TEST(f.session->send(std::to_string(i)).has_value());
  BOOST_TEST(f.session->send("100").error() == errc::queue_full);
  BOOST_TEST(f.session->queued() == 100u);
  BOOST_TEST(f.receive_now().value() == "0");
  BOOST_TEST(f.session->send("100").has_value());
  BOOST_TEST(f.session->send("101").error() == errc::queue_full);
  for (int i = 1; i <= 100; ++i) BOOST_TEST(f.receive_now().value() == std::to_string(i));
  BOOST_TEST(f.session->queued() == 0u);
}

// SE09, SE10
BOOST_AUTO_TEST_CASE(disconnecting_refuses_messages_and_may_be_repeated) {
  fixture f;
  BOOST_TEST(f.session->is_connected());
  BOOST_TEST(f.session->send("dropped").has_value());
  for (int i = 0; i < 3; ++i) {
    f.session->disconnect();
    BOOST_TEST(!f.session->is_connected());
    BOOST_TEST(f.session->queued() == 0u);
    BOOST_TEST(f.session->send("x").error() == errc::disconnected);
    BOOST_TEST(f.receive_now().error() == errc::disconnected);
  }
  BOOST_TEST(f.session->connect());
  BOOST_TEST(!f.session->connect());
  BOOST_TEST(f.session->send("next").has_value());
  BOOST_TEST(f.receive_now().value() == "next");
}

// A full queue of a session that is disconnected says `disconnected`.
BOOST_AUTO_TEST_CASE(closed_session_stays_disconnected) {
  fixture f;
  for (int i = 0; i < 100; ++i) BOOST_TEST(f.session->send("x").has_value());
  auto const last = f.receive();
  BOOST_TEST(f.sim.run(1000));
  BOOST_TEST(last->outcome->value() == "x");
  value_traits<transport_session_ptr>::close(*std::make_unique<transport_session_ptr>(f.session));
  f.session->close();
  BOOST_TEST(f.session->send("x").error() == errc::disconnected);
  BOOST_TEST(!f.session->connect());
  BOOST_TEST(!f.session->is_connected());
  BOOST_TEST(f.receive_now().error() == errc::disconnected);
}

BOOST_AUTO_TEST_CASE(receiver_waits_for_a_message_alone_and_never_inside_send) {
  fixture f;
  auto const first = f.receive();
  BOOST_TEST(f.sim.run(1000));
  BOOST_TEST(!first->outcome.has_value());
  BOOST_TEST(f.receive_now().error() == errc::busy);
  BOOST_TEST(f.session->send("one").has_value());
  BOOST_TEST(!first->outcome.has_value());
  BOOST_TEST(f.sim.run(1000));
  BOOST_TEST(first->outcome->value() == "one");
  // The place is free again.
  auto const second = f.receive();
  BOOST_TEST(f.sim.run(1000));
  f.session->disconnect();
  BOOST_TEST(f.sim.run(1000));
  BOOST_TEST(second->outcome->error() == errc::disconnected);
}

BOOST_AUTO_TEST_CASE(receiver_that_leaves_or_runs_out_of_time_loses_no_message) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    fixture f(seed);
    auto const start = f.sim.now();
    auto const late = f.receive(call_options{30s});
    f.sim.run_for(29s);
    BOOST_REQUIRE(!late->outcome.has_value());
    f.sim.run_for(1s);
    BOOST_TEST_REQUIRE(late->outcome->error() == errc::deadline_exceeded);
    BOOST_TEST((f.sim.now() - start == 30s));
    auto const over = f.receive(call_options{0s});
    BOOST_TEST(f.sim.run(100));
    BOOST_TEST_REQUIRE(over->outcome->error() == errc::deadline_exceeded);

    for (auto const kind : {asio::cancellation_type::terminal, asio::cancellation_type::partial, asio::cancellation_type::total}) {
      auto const gone = f.receive();
      for (auto steps = f.sim.random(6); steps > 0; --steps) f.sim.step();
      bool const sends_first = f.sim.random(2) == 0;
      if (sends_first) BOOST_TEST_REQUIRE(f.session->send("kept").has_value());
      for (auto steps = f.sim.random(3); steps > 0; --steps) f.sim.step();
      // co_spawn hears terminal only, as every coroutine that is spawned.
      gone->signal.emit(kind);
      if (kind != asio::cancellation_type::terminal) f.session->disconnect();
      if (!sends_first && kind == asio::cancellation_type::terminal) BOOST_TEST_REQUIRE(f.session->send("kept").has_value());
      BOOST_TEST_REQUIRE(f.sim.run(100));
      BOOST_TEST_REQUIRE(gone->outcome.has_value());
      if (kind == asio::cancellation_type::terminal) {
        // Either the receiver has it, or it waits for the next.
        if (*gone->outcome) BOOST_TEST(gone->outcome->value() == "kept");
        else BOOST_TEST_REQUIRE(gone->outcome->error() == errc::cancelled);
        BOOST_TEST_REQUIRE(f.session->queued() == (*gone->outcome ? 0u : 1u));
        if (!*gone->outcome) BOOST_TEST_REQUIRE(f.receive_now().value() == "kept");
      } else {
        f.session->connect();
      }
    }
  }
}

// SE10: a receiver belongs to the connection that it began with.
BOOST_AUTO_TEST_CASE(receiver_of_an_ended_connection_takes_nothing_of_the_next) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    fixture f(seed);
    auto const old = f.receive();
    BOOST_TEST_REQUIRE(f.sim.run(100));
    f.session->disconnect();
    BOOST_TEST_REQUIRE(f.session->connect());
    auto const next = f.receive();
    for (auto steps = f.sim.random(6); steps > 0; --steps) f.sim.step();
    BOOST_TEST_REQUIRE(f.session->send("for the next").has_value());
    BOOST_TEST_REQUIRE(f.sim.run(100));
    BOOST_TEST_REQUIRE(old->outcome->error() == errc::disconnected);
    BOOST_TEST_REQUIRE(next->outcome->value() == "for the next");
  }
}

BOOST_AUTO_TEST_CASE(session_and_context_may_go_while_somebody_receives) {
  fixture f;
  auto const waiting = f.receive();
  BOOST_TEST(f.sim.run(1000));
  f.session = nullptr;
  BOOST_TEST(f.sim.run(1000));
  BOOST_TEST(waiting->outcome->error() == errc::disconnected);

  for (int steps = 0; steps < 8; ++steps) {
    auto const session = std::make_shared<sse_session>(id, wall_time());
    {
      simulation sim(1);
      asio::co_spawn(sim.get_executor(), session->receive(), [](std::exception_ptr, received) {});
      for (int i = 0; i < steps; ++i) sim.step();
    }
    // A frame that died makes room for the next receiver.
    BOOST_TEST(session->send("kept").has_value());
    simulation sim(2);
    std::optional<received> outcome;
    asio::co_spawn(sim.get_executor(), session->receive(), [&outcome](std::exception_ptr, received r) { outcome.emplace(std::move(r)); });
    BOOST_TEST(sim.run(100));
    BOOST_TEST(outcome->value() == "kept");
  }
}

BOOST_AUTO_TEST_SUITE_END()
