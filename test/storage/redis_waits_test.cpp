#include "storage/redis_server.hpp"
#include "storage/sentinel_deployment.hpp"

#include <mooring/storage/redis_storage.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace mooring;
using namespace mooring::test;
using namespace std::chrono_literals;

// Who waits for replicas, on a real server whose replica is there or stands still.

namespace {

using steady = std::chrono::steady_clock;
using storage_type = redis_storage<document>;
using confirmation = std::optional<result<bool>>;

boost::test_tools::assertion_result has_redis(boost::unit_test::test_unit_id) { return redis_server::is_available(); }

struct replicated : client_world {
  replicated() : second({"--replicaof", "127.0.0.1 " + first.port(), "--repl-diskless-sync-delay", "0"}) {
    wait_for([this] { return second.command({"INFO", "replication"}).find("master_link_status:up") != std::string::npos; });
  }

  std::shared_ptr<storage_type> make_waiting(duration within) {
    redis_storage_options options;
    options.address = redis_address{"127.0.0.1", first.port()};
    options.key_prefix = "t:";
    options.health_check = 60s;
    options.durability.emplace().within = within;
    auto const made = make(options);
    BOOST_TEST(ask(made->store("a", document())).is_written());
    return made;
  }

  void confirm(std::shared_ptr<storage_type> const& store, confirmation& told, call_options call = {}) {
    asio::co_spawn(context, store->confirm_replication(store->epoch(), call), [&told](std::exception_ptr, result<bool> outcome) { told = outcome; });
  }

  /** How many the server has carried out. */
  std::size_t waits() const {
    auto const seen = first.command({"INFO", "commandstats"});
    std::string const name = "cmdstat_wait:calls=";
    auto const found = seen.find(name);
    return found == std::string::npos ? 0 : std::stoul(seen.substr(found + name.size()));
  }

  void run_until_blocked() {
    run_until([this] { return first.command({"INFO", "clients"}).find("blocked_clients:1") != std::string::npos; });
  }

  redis_server first;
  redis_server second;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(redis_waits_, *boost::unit_test::precondition(has_redis))

// SM43: a replica that is away costs its span once, however many wait for it
BOOST_AUTO_TEST_CASE(one_wait_serves_all_who_came_before_it) {
  replicated d;
  auto const store = d.make_waiting(500ms);
  d.second.pause();
  std::vector<confirmation> told(20);
  for (auto& one : told) d.confirm(store, one);
  d.run_until([&] { return std::ranges::all_of(told, [](auto const& one) { return one.has_value(); }); });
  for (auto const& one : told) BOOST_TEST(!one->value());
  BOOST_TEST(d.waits() == 1U);
}

// SM43: one that began before its write says nothing of it
BOOST_AUTO_TEST_CASE(who_comes_while_a_wait_is_out_is_served_by_the_next) {
  replicated d;
  auto const store = d.make_waiting(1s);
  d.second.pause();
  confirmation before, behind, beside;
  d.confirm(store, before);
  d.run_until_blocked();
  d.confirm(store, behind);
  d.confirm(store, beside);
  d.run_until([&] { return before.has_value(); });
  BOOST_TEST(!before->value());
  BOOST_TEST(!behind.has_value());
  d.second.resume();
  d.run_until([&] { return behind && beside; });
  BOOST_TEST(behind->value());
  BOOST_TEST(beside->value());
  BOOST_TEST(d.waits() == 2U);
}

// SM43, ST24, ST26: each has a deadline and a cancellation of its own
BOOST_AUTO_TEST_CASE(who_leaves_early_takes_no_wait_along) {
  replicated d;
  auto const store = d.make_waiting(2s);
  d.second.pause();
  asio::cancellation_signal leave;
  confirmation cancelled, late, next, kept;
  asio::co_spawn(d.context, store->confirm_replication(store->epoch()),
                 asio::bind_cancellation_slot(leave.slot(), [&](std::exception_ptr, result<bool> outcome) { cancelled = outcome; }));
  d.confirm(store, kept);
  d.run_until_blocked();
  d.confirm(store, late, {.deadline = 50ms});
  d.confirm(store, next);
  leave.emit(asio::cancellation_type::terminal);
  d.run_until([&] { return cancelled && late; });
  BOOST_TEST((cancelled->error() == errc::cancelled));
  BOOST_TEST((late->error() == errc::deadline_exceeded));
  BOOST_TEST((!kept && !next));
  d.second.resume();
  d.run_until([&] { return kept && next; });
  BOOST_TEST(kept->value());
  BOOST_TEST(next->value());
}

// SM43: a WAIT is as long as the longest of its callers has time, and no longer than the span
BOOST_AUTO_TEST_CASE(whose_deadline_is_short_shortens_nobody_elses_wait) {
  replicated d;
  auto const store = d.make_waiting(10s);
  d.second.pause();
  confirmation hasty, patient;
  d.confirm(store, hasty, {.deadline = 100ms});
  d.confirm(store, patient, {.deadline = 600ms});
  auto const begun = steady::now();
  d.run_until([&] { return hasty.has_value(); });
  BOOST_TEST(!patient.has_value());
  BOOST_TEST((hasty->has_error() ? hasty->error() == errc::deadline_exceeded : !hasty->value()));
  d.run_until([&] { return patient.has_value(); });
  BOOST_TEST((steady::now() - begun >= 500ms));
  BOOST_TEST((patient->has_error() ? patient->error() == errc::deadline_exceeded : !patient->value()));
  BOOST_TEST(d.ask(store->load("a", {.deadline = 5s})).has_value());  // nobody blocks the connection any more
}

// SM43, RE22: another connection vouches for nothing that was written over this one
BOOST_AUTO_TEST_CASE(a_lost_connection_ends_all_who_wait) {
  replicated d;
  auto const store = d.make_waiting(10s);
  auto const since = store->epoch();
  d.second.pause();
  confirmation out, next;
  d.confirm(store, out);
  d.run_until_blocked();
  d.confirm(store, next);
  d.wait(50ms);
  d.first.command({"CLIENT", "KILL", "TYPE", "normal"});
  d.run_until([&] { return out && next; });
  for (auto const& one : {out, next}) BOOST_TEST((one->error() == errc::unavailable));
  d.second.resume();
  d.run_until([&] { return d.ask(store->load("a")).has_value(); });
  BOOST_TEST(store->epoch() > since);
  BOOST_TEST(!d.ask(store->confirm_replication(since)).value());
  BOOST_TEST(d.ask(store->store("b", document())).is_written());
  BOOST_TEST(d.ask(store->confirm_replication(store->epoch())).value());
}

BOOST_AUTO_TEST_SUITE_END()
