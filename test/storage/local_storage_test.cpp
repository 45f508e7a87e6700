#include "storage/simulated_world.hpp"

#include <mooring/storage/local_storage.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

using namespace mooring;
using namespace mooring::test;
using namespace std::chrono_literals;

namespace {

/** A value that notes its closing; one that fails to close, and one that has nothing to close. */
struct plain_value {
  virtual ~plain_value() = default;
};
struct noted_value : plain_value, closable {
  explicit noted_value(std::function<void()> f = {}) : on_close(std::move(f)) {}
  void close() override {
    ++closed;
    if (on_close) on_close();
  }
  std::function<void()> on_close;
  int closed = 0;
};
using value_pointer = std::shared_ptr<plain_value>;
using storage_type = local_storage<value_pointer>;

struct fixture {
  explicit fixture(local_storage_options options = {}) : store(storage_type::make(sim.get_executor(), std::move(options)).value()) {}
  ~fixture() {
    if (store) asio::co_spawn(sim.get_executor(), store->close(), [](std::exception_ptr) {});
    BOOST_TEST(sim.run(10'000));
  }

  template <class X>
  X ask(awaitable<X> work) {
    std::optional<X> answer;
    asio::co_spawn(sim.get_executor(), std::move(work), [&answer](std::exception_ptr failure, X outcome) {
      if (failure) std::rethrow_exception(failure);
      answer.emplace(std::move(outcome));
    });
    while (!answer) BOOST_REQUIRE(sim.step());
    return std::move(*answer);
  }

  std::shared_ptr<noted_value> put(std::string id, std::function<void()> on_close = {}) {
    auto made = std::make_shared<noted_value>(std::move(on_close));
    BOOST_REQUIRE(ask(store->create(std::move(id), made)).is_written());
    return made;
  }

  simulation sim{1};
  std::shared_ptr<storage_type> store;
};

local_storage_options with_ttl(duration ttl) {
  local_storage_options options;
  options.ttl = ttl;
  return options;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(local_storage_)

// LO01, DE01, DE03
BOOST_AUTO_TEST_CASE(a_sweep_every_half_ttl_frees_what_expired) {
  fixture f;
  std::weak_ptr<noted_value> const held = f.put("a");
  f.sim.run_for(30min - 1ns);
  BOOST_TEST(!held.expired());
  f.sim.run_for(15min + 1ns);  // 1.5 TTL after the last touch
  BOOST_TEST(held.expired());
}

// LO01
BOOST_AUTO_TEST_CASE(whenever_it_was_touched_nothing_is_held_beyond_one_and_a_half_ttl) {
  for (int minute = 0; minute < 30; ++minute) {
    fixture f;
    f.sim.run_for(std::chrono::minutes(minute));
    std::weak_ptr<noted_value> const held = f.put("a");
    f.sim.run_for(20min);
    BOOST_TEST(f.ask(f.store->touch("a")).value());
    f.sim.run_for(30min - 1ns);
    BOOST_TEST(!held.expired());
    f.sim.run_for(15min + 1ns);
    BOOST_TEST(held.expired());
  }
}

// LO01: a sweep is never more often than each millisecond
BOOST_AUTO_TEST_CASE(the_shortest_ttl_does_not_make_the_sweep_spin) {
  fixture f(with_ttl(1ns));
  auto const before = f.sim.steps();
  f.sim.run_for(100ms);
  BOOST_TEST(f.sim.steps() - before <= 5U * 100U);
}

// LO02, RA27, RA28, RA39: at the moment of expiry a load, a touch, a new create and a sweep meet in every order
BOOST_AUTO_TEST_CASE(a_sweep_never_closes_what_was_touched_or_replaced) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    simulation sim(seed);
    local_storage_options options = with_ttl(30min);
    options.is_sweeping = false;
    auto const store = storage_type::make(sim.get_executor(), options).value();
    auto const old = std::make_shared<noted_value>();
    auto const next = std::make_shared<noted_value>();
    asio::co_spawn(sim.get_executor(), store->create("a", old), [](std::exception_ptr, write_outcome const&) {});
    sim.run();
    // Each act comes at the moment of expiry or a step before it.
    auto const when = [&sim, start = sim.now()] { return start + 30min - duration(sim.random(2)); };
    auto const at = [&sim](time_point moment, std::function<void()> act) { clock_of(sim).schedule(moment, sim.get_executor(), std::move(act)); };
    value_pointer loaded;
    bool is_created = false;
    at(when(), [&] {
      asio::co_spawn(sim.get_executor(), store->load("a"), [&](std::exception_ptr, result<std::optional<stored<value_pointer>>> found) {
        BOOST_REQUIRE(found.has_value());
        if (!*found) return;
        loaded = (*found)->value;
        BOOST_TEST(static_cast<noted_value&>(*loaded).closed == 0);
      });
    });
    at(when(), [&] { asio::co_spawn(sim.get_executor(), store->erase_expired(), [](std::exception_ptr, result<std::size_t>) {}); });
    at(when(), [&] { asio::co_spawn(sim.get_executor(), store->create("a", next), [&](std::exception_ptr, write_outcome made) { is_created = made.is_written(); }); });
    sim.run();
    std::optional<stored<value_pointer>> present;
    asio::co_spawn(sim.get_executor(), store->peek("a"), [&](std::exception_ptr, result<std::optional<stored<value_pointer>>> found) { present = *found; });
    sim.run();
    BOOST_TEST(next->closed == 0);
    BOOST_TEST(old->closed <= 1);
    if (is_created) BOOST_TEST(old->closed == 1);
    if (present && present->value == old) BOOST_TEST(old->closed == 0);
    if (loaded == old) BOOST_TEST(!is_created);  // it slid a full TTL, so it stays
    if (loaded == old) BOOST_TEST(old->closed == 0);
    if (loaded == next) BOOST_TEST(is_created);
    if (is_created) BOOST_TEST((present && present->value == next));
    seen.insert(std::string(loaded == old ? "old" : loaded ? "next" : "none") + (is_created ? "+created" : ""));
  }
  BOOST_TEST(seen.size() == 4U);  // old; none; none+created; next+created
}

// ST20, ST29: callers read the clock before they have the mutex, so an older moment may come second.
BOOST_AUTO_TEST_CASE(what_was_told_to_be_expired_stays_expired_for_a_caller_with_an_older_moment) {
  detail::local_table<int> table({30min, std::nullopt}, 10, {});
  auto const start = time_point(1h);
  BOOST_TEST(table.create("a", 1, std::nullopt, false, revision(1, 1), start).is_written());
  auto const later = table.touch("a", start + 30min);
  BOOST_TEST((later && !*later));
  auto const older = table.touch("a", start + 29min);
  BOOST_TEST((older && !*older));
  auto const read = table.read("a", detail::local_table<int>::reading::sliding, start + 29min);
  BOOST_TEST((read && !*read));
  BOOST_TEST(table.size(start) == 0U);
}

// LO03
BOOST_AUTO_TEST_CASE(a_sweep_closes_each_value_once_and_goes_on_after_a_failure) {
  std::vector<std::string> lines;
  auto options = with_ttl(1min);
  options.log = [&lines](severity level, std::string_view line) {
    BOOST_TEST((level == severity::error));
    lines.emplace_back(line);
    throw std::runtime_error("a sink that throws is ignored");
  };
  fixture f(options);
  auto const a = f.put("a");
  auto const b = f.put("b", [] { throw std::runtime_error("stuck"); });
  auto const c = f.put("c");
  auto const d = f.put("d", [] { throw 42; });
  BOOST_TEST(f.ask(f.store->create("plain", std::make_shared<plain_value>())).is_written());
  f.sim.run_for(5min);
  for (auto const& one : {a, b, c, d}) {
    BOOST_TEST(one->closed == 1);
    BOOST_TEST(one.use_count() == 2);  // ours, and the loop's copy
  }
  BOOST_TEST(lines.size() == 2U);
  BOOST_TEST(f.store->size() == 0U);
}

// LO03
BOOST_AUTO_TEST_CASE(close_closes_each_value_once_and_empties_the_storage) {
  fixture f;
  auto const a = f.put("a");
  auto const b = f.put("b", [] { throw std::runtime_error("stuck"); });
  auto const c = f.put("c");
  BOOST_TEST(f.ask(f.store->create("plain", std::make_shared<plain_value>())).is_written());
  int ended = 0;
  for (int i = 0; i < 3; ++i) asio::co_spawn(f.sim.get_executor(), f.store->close(), [&ended](std::exception_ptr failure) { ended += !failure; });
  BOOST_TEST(f.sim.run(1000));
  BOOST_TEST(ended == 3);
  BOOST_TEST(a->closed + b->closed + c->closed == 3);
  BOOST_TEST(f.store->size() == 0U);
  BOOST_TEST(a.use_count() == 1);
}

// LO03: outside the lock, or this would hang
BOOST_AUTO_TEST_CASE(a_value_may_call_the_storage_while_it_is_closed) {
  fixture f;
  storage_type* const store = f.store.get();
  std::size_t seen = 99;
  f.put("a", [store, &seen] { seen = store->size(); });
  f.sim.run_for(45min);
  BOOST_TEST(seen == 0U);
}

// LO03: what a caller erases or replaces is the caller's to close, what had expired is not
BOOST_AUTO_TEST_CASE(only_what_expired_is_closed_by_a_write) {
  auto options = with_ttl(1min);
  options.is_sweeping = false;
  fixture f(options);
  auto const a = f.put("a");
  auto const b = f.put("b");
  BOOST_TEST(f.ask(f.store->erase("a")).value());
  BOOST_TEST(f.ask(f.store->store("b", std::make_shared<plain_value>())).is_written());
  auto const c = f.put("c");
  auto const d = f.put("d");
  f.sim.run_for(1min);
  BOOST_TEST(f.ask(f.store->store("c", std::make_shared<plain_value>())).is_written());
  BOOST_TEST(f.ask(f.store->create("d", std::make_shared<plain_value>())).is_written());
  BOOST_TEST(a->closed == 0);
  BOOST_TEST(b->closed == 0);
  BOOST_TEST(c->closed == 1);
  BOOST_TEST(d->closed == 1);
}

// LO04
BOOST_AUTO_TEST_CASE(a_cancelled_sweep_leaves_the_rest_for_the_next) {
  auto options = with_ttl(1min);
  options.is_sweeping = false;
  fixture f(options);
  asio::cancellation_signal signal;
  int closed = 0;
  std::vector<std::shared_ptr<noted_value>> all;
  for (int i = 0; i < 5; ++i)
    all.push_back(f.put(std::to_string(i), [&] {
      if (++closed == 2) signal.emit(asio::cancellation_type::terminal);
    }));
  f.sim.run_for(1min);
  std::optional<result<std::size_t>> swept;
  asio::co_spawn(f.sim.get_executor(), f.store->erase_expired(),
                 asio::bind_cancellation_slot(signal.slot(), [&swept](std::exception_ptr, result<std::size_t> outcome) { swept = outcome; }));
  while (!swept) BOOST_REQUIRE(f.sim.step());
  BOOST_TEST((swept->error() == errc::cancelled));
  BOOST_TEST(closed == 2);
  BOOST_TEST(f.ask(f.store->erase_expired()).value() == 3U);
  for (auto const& one : all) BOOST_TEST(one->closed == 1);
}

// LO04
BOOST_AUTO_TEST_CASE(a_sweep_out_of_time_leaves_the_rest_for_the_next) {
  auto options = with_ttl(1min);
  options.is_sweeping = false;
  fixture f(options);
  int closed = 0;
  for (int i = 0; i < 5; ++i)
    f.put(std::to_string(i), [&] {
      ++closed;
      f.sim.run_for(10ms);  // nothing else is ready: only time passes
    });
  f.sim.run_for(1min);
  BOOST_TEST((f.ask(f.store->erase_expired({.deadline = duration::zero()})).error() == errc::deadline_exceeded));
  BOOST_TEST(closed == 0);
  BOOST_TEST((f.ask(f.store->erase_expired({.deadline = 25ms})).error() == errc::deadline_exceeded));
  BOOST_TEST(closed == 3);
  BOOST_TEST(f.ask(f.store->erase_expired()).value() == 2U);
}

// LO06
BOOST_AUTO_TEST_CASE(every_operation_answers_without_suspending) {
  fixture f;
  bool is_done = false;
  auto const value = std::make_shared<plain_value>();
  auto all = [&]() -> awaitable<void> {
    auto made = co_await f.store->create("a", value);
    auto found = co_await f.store->load("a");
    found = co_await f.store->peek("a");
    made = co_await f.store->update("a", value);
    made = co_await f.store->update("a", value, **made);
    auto done = co_await f.store->update_hints("a", hint_map());
    done = co_await f.store->touch("a");
    done = co_await f.store->erase("a", **made);
    made = co_await f.store->store("a", value);
    done = co_await f.store->erase("a");
    auto swept = co_await f.store->erase_expired();
    is_done = swept.has_value() && done.has_value() && *done;
  };
  f.sim.run_for(1s);  // the sweep has begun to wait
  auto const outstanding = f.sim.outstanding();
  asio::co_spawn(f.sim.get_executor(), all, [](std::exception_ptr) {});
  while (!is_done) {
    BOOST_REQUIRE(f.sim.step());
    BOOST_TEST(f.sim.outstanding() <= outstanding + 1);  // no alarm, no post of its own
  }
  auto const steps = f.sim.steps();
  bool is_done_again = false;
  asio::co_spawn(f.sim.get_executor(), [&]() -> awaitable<void> {
    co_await all();
    is_done_again = true;
  }, [](std::exception_ptr) {});
  while (!is_done_again) BOOST_REQUIRE(f.sim.step());
  BOOST_TEST(f.sim.steps() - steps == 1U);
}

// LO06
BOOST_AUTO_TEST_CASE(two_storages_share_nothing) {
  fixture f;
  auto const other = storage_type::make(f.sim.get_executor()).value();
  f.put("a");
  BOOST_TEST(!f.ask(other->peek("a")).value().has_value());
  BOOST_TEST(!f.ask(other->erase("a")).value());
  BOOST_TEST(other->size() == 0U);
  BOOST_TEST(f.store->size() == 1U);
  asio::co_spawn(f.sim.get_executor(), other->close(), [](std::exception_ptr) {});
  f.sim.run_for(1s);
  BOOST_TEST(f.ask(f.store->peek("a")).value().has_value());
}

// LO06, ST20
BOOST_AUTO_TEST_CASE(size_and_for_each_see_live_records_only) {
  auto options = with_ttl(1min);
  options.is_sweeping = false;
  fixture f(options);
  f.put("a");
  f.sim.run_for(30s);
  f.put("b");
  f.put("c");
  BOOST_TEST(f.store->size() == 3U);
  f.sim.run_for(30s);
  BOOST_TEST(f.store->size() == 2U);
  std::set<std::string> seen;
  f.store->for_each([&](std::string const& id, stored<value_pointer> const& record) {
    BOOST_TEST(!record.revision.is_none());
    BOOST_TEST(seen.insert(id).second);
    // The visitor may call the storage: what it erases is not shown later.
    std::string const other = id == "b" ? "c" : "b";
    asio::co_spawn(f.sim.get_executor(), f.store->erase(other), [](std::exception_ptr, result<bool>) {});
    BOOST_REQUIRE(f.sim.step());
    BOOST_TEST(f.store->size() == 1U);
  });
  BOOST_TEST(seen.size() == 1U);
}

// LO07, DE12
BOOST_AUTO_TEST_CASE(a_full_storage_drops_what_expired_before_it_refuses) {
  auto options = with_ttl(1min);
  options.is_sweeping = false;
  options.max_entries = 3;
  fixture f(options);
  auto const a = f.put("a");
  f.put("b");
  f.put("c");
  auto const value = std::make_shared<plain_value>();
  BOOST_TEST((f.ask(f.store->create("d", value)).error() == errc::storage_full));
  BOOST_TEST((f.ask(f.store->store("d", value)).error() == errc::storage_full));
  BOOST_TEST(f.ask(f.store->store("c", value)).is_written());
  BOOST_TEST((f.ask(f.store->create("c", value)).error() == errc::exists));
  f.sim.run_for(30s);
  BOOST_TEST(f.ask(f.store->touch("b")).value());
  BOOST_TEST(f.ask(f.store->touch("c")).value());
  f.sim.run_for(30s);
  BOOST_TEST(f.ask(f.store->create("d", value)).is_written());
  BOOST_TEST(a->closed == 1);
  BOOST_TEST((f.ask(f.store->create("e", value)).error() == errc::storage_full));
  BOOST_TEST(f.store->size() == 3U);
  BOOST_TEST(f.ask(f.store->erase("b")).value());
  BOOST_TEST(f.ask(f.store->create("e", value)).is_written());
  BOOST_TEST(local_storage_options().max_entries == 100'000U);
}

// ST19: the manager's hit path slides as load does
BOOST_AUTO_TEST_CASE(load_revision_at_once_slides_and_reports_as_load_does) {
  fixture f(with_ttl(1min));
  BOOST_TEST((f.store->load_revision_at_once("").value().error() == errc::invalid_id));
  BOOST_TEST(!f.store->load_revision_at_once("a").value().value());
  f.put("a");
  auto const loaded = f.ask(f.store->load("a"));
  f.sim.run_for(50s);
  auto const found = f.store->load_revision_at_once("a").value().value();
  BOOST_TEST((found && *found == (*loaded)->revision));
  f.sim.run_for(1min - 1ns);
  BOOST_TEST(f.store->load_revision_at_once("a").value().value().has_value());
  f.sim.run_for(1min);
  BOOST_TEST(!f.store->load_revision_at_once("a").value().value());
  asio::co_spawn(f.sim.get_executor(), f.store->close(), [](std::exception_ptr) {});
  f.sim.run_for(1s);
  BOOST_TEST((f.store->load_revision_at_once("a").value().error() == errc::closed));
}

// ST28, RA29
BOOST_AUTO_TEST_CASE(a_write_without_a_fresh_revision_changes_nothing) {
  fixture f;
  f.put("a");
  auto const value = std::make_shared<plain_value>();
  f.sim.fail_entropy(true);
  BOOST_TEST((f.ask(f.store->create("b", value)).error() == errc::unavailable));
  BOOST_TEST((f.ask(f.store->update("a", value)).error() == errc::unavailable));
  BOOST_TEST((f.ask(f.store->store("a", value)).error() == errc::unavailable));
  BOOST_TEST(f.store->size() == 1U);
}

// ST22
BOOST_AUTO_TEST_CASE(refused_options_are_named) {
  simulation sim(1);
  auto const refused = [&sim](std::function<void(local_storage_options&)> const& change) {
    local_storage_options options;
    change(options);
    std::string why;
    auto const made = storage_type::make(sim.get_executor(), options, &why);
    BOOST_TEST((made.has_error() && made.error() == errc::invalid_argument));
    return why;
  };
  BOOST_TEST(refused([](auto& o) { o.ttl = duration::zero(); }) ==
             "local_storage_options::ttl is 0 ms, but must be above zero; set how long an idle session lives, such as 30 min.");
  BOOST_TEST(refused([](auto& o) { o.ttl = -1s; }).find("ttl is -1000 ms") != std::string::npos);
  BOOST_TEST(refused([](auto& o) { o.absolute_lifetime = 29min; }).find("absolute_lifetime is 1740000 ms, but must be at least ttl") != std::string::npos);
  BOOST_TEST(refused([](auto& o) { o.max_entries = 0; }).find("max_entries is 0") != std::string::npos);
  BOOST_TEST(refused([](auto& o) { o.sweep_interval = 999us; }).find("sweep_interval is 999000 ns, but must be at least 1 ms") != std::string::npos);
  local_storage_options longest;
  longest.ttl = duration::max();
  longest.absolute_lifetime = duration::max();
  fixture f(longest);
  f.put("a");
  f.sim.run_for(24h * 365);
  BOOST_TEST(f.store->size() == 1U);
}

// ST30
BOOST_AUTO_TEST_CASE(a_storage_may_be_destroyed_with_calls_that_have_not_begun) {
  simulation sim(1);
  auto store = storage_type::make(sim.get_executor()).value();
  auto const value = std::make_shared<noted_value>();
  std::optional<error_code> created;
  asio::co_spawn(sim.get_executor(), store->create("a", value), [&](std::exception_ptr, write_outcome made) { created = made.error(); });
  auto never = store->load("a");
  store.reset();
  BOOST_TEST(sim.run(1000));
  BOOST_REQUIRE(created.has_value());
  BOOST_TEST((*created == errc::closed));
  std::optional<error_code> loaded;
  asio::co_spawn(sim.get_executor(), std::move(never), [&](std::exception_ptr, result<std::optional<stored<value_pointer>>> found) { loaded = found.error(); });
  BOOST_TEST(sim.run(1000));
  BOOST_TEST((*loaded == errc::closed));
  BOOST_TEST(value.use_count() == 1);
}

// ST30: the context ends at every possible step of a little life
BOOST_AUTO_TEST_CASE(a_context_may_end_at_every_step) {
  for (std::uint64_t cut = 0; cut < 60; ++cut) {
    std::shared_ptr<storage_type> store;
    auto const value = std::make_shared<noted_value>();
    {
      simulation sim(cut);
      store = storage_type::make(sim.get_executor(), with_ttl(10ms)).value();
      asio::co_spawn(sim.get_executor(), store->create("a", value), [](std::exception_ptr, write_outcome) {});
      asio::co_spawn(sim.get_executor(), store->load("a"), [](std::exception_ptr, result<std::optional<stored<value_pointer>>>) {});
      for (std::uint64_t step = 0; step < cut; ++step) {
        if (step == 30) asio::co_spawn(sim.get_executor(), store->close(), [](std::exception_ptr) {});
        sim.step();
      }
    }
    store.reset();
    BOOST_TEST(value.use_count() == 1);
  }
}

BOOST_AUTO_TEST_SUITE_END()
