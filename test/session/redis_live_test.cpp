#include "storage/sentinel_deployment.hpp"

#include <mooring/session/session_manager.hpp>
#include <mooring/storage/redis_storage.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace mooring;
using namespace mooring::test;

// Managers on Redis servers of the tests' own, which lose what they were told.

namespace {

using steady = std::chrono::steady_clock;

boost::test_tools::assertion_result has_redis(boost::unit_test::test_unit_id) { return redis_server::is_available(); }

struct visit {};

struct visits final : session_factory<visit> {
  awaitable<result<opened<visit>>> open(session_request) override { co_return opened<visit>(std::make_shared<visit>()); }
  awaitable<void> close(std::string, std::shared_ptr<visit>, disposal_reason) override {
    ++closed;
    co_return;
  }
  std::size_t closed = 0;
};

using manager = session_manager<visit>;
using visit_lease = session_lease<visit>;

/** One replica of a gateway. */
struct gateway {
  gateway(client_world& w, redis_storage_options where, manager_options how = {}) : world(w) {
    store = redis_storage<metadata>::make(world.context.get_executor(), std::move(where)).value();
    sessions = manager::make(world.context.get_executor(), store, factory, std::move(how)).value();
  }
  ~gateway() { world.ask(end(sessions.get())); }

  static awaitable<result<>> end(manager* ended) {
    co_await ended->shutdown();
    co_return result<>();
  }

  std::string open() { return world.ask(sessions->open(principal(), open_parameters())).value().id; }
  result<visit_lease> get(std::string const& id) { return world.ask(sessions->get(id, principal())); }

  client_world& world;
  std::shared_ptr<redis_storage<metadata>> store;
  std::shared_ptr<visits> const factory = std::make_shared<visits>();
  std::unique_ptr<manager> sessions;
};

/** Clients of several gateways that keep asking for sessions. Everything is noted. */
class load_of_gets {
 public:
  struct ending {
    std::size_t gateway = 0;
    std::string id;
    steady::time_point began;
    steady::time_point ended;
    bool is_served = false;
    error_code error;
  };

  explicit load_of_gets(client_world& world) : world_(world) {}

  static constexpr duration deadline = 1s;

  void add_clients(std::size_t gateway, manager& of, int count) {
    for (int i = 0; i < count; ++i) {
      ++running_;
      asio::co_spawn(world_.context, keep_asking(this, &of, gateway, static_cast<std::size_t>(i)), [this](std::exception_ptr failure) {
        --running_;
        if (failure) std::rethrow_exception(failure);
      });
    }
  }

  void stop() {
    is_stopping_ = true;
    world_.run_until([this] { return running_ == 0; });
  }

  std::vector<std::string> ids;  // what is asked for
  std::vector<ending> endings;

 private:
  static awaitable<void> keep_asking(load_of_gets* self, manager* of, std::size_t gateway, std::size_t next) {
    while (!self->is_stopping_) {
      ending one;
      one.gateway = gateway;
      one.id = self->ids[++next % self->ids.size()];
      one.began = steady::now();
      call_options const call{deadline};
      principal who;
      auto got = co_await of->get(one.id, std::move(who), call);
      one.ended = steady::now();
      one.is_served = got && *got;
      if (!got) one.error = got.error();
      self->endings.push_back(one);
      auto const slept = co_await sleep_for(5ms);
      if (!slept) co_return;
    }
  }

  client_world& world_;
  int running_ = 0;
  bool is_stopping_ = false;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(session_on_redis, *boost::unit_test::precondition(has_redis))

// FA13, FA12: whatever the check interval says
BOOST_AUTO_TEST_CASE(sessions_of_a_server_that_restarted_empty_are_gone) {
  client_world world;
  redis_server server;
  redis_storage_options where;
  where.unix_socket = server.socket();
  where.key_prefix = "t:";
  manager_options how;
  how.check_interval = 60s;
  gateway here(world, where, how);
  auto const id = here.open();
  BOOST_TEST(static_cast<bool>(*here.get(id)));
  auto const before = here.store->epoch();
  server.kill();
  BOOST_TEST(static_cast<bool>(*here.get(id)));  // within the interval
  server.start();
  world.run_until([&] { return here.store->epoch() > before; });
  auto const got = here.get(id);
  BOOST_TEST((got && !*got));
  world.run_until([&] { return here.factory->closed == 1; });
  BOOST_TEST(server.command({"DBSIZE"}) == ":0");  // nothing brings it back
  auto const next = here.open();
  BOOST_TEST(static_cast<bool>(*here.get(next)));
}

// FA13
BOOST_AUTO_TEST_CASE(sessions_that_the_servers_memory_policy_evicted_are_absent_and_the_others_right) {
  client_world world;
  redis_server server({"--maxmemory", "4mb", "--maxmemory-policy", "allkeys-lru"});
  redis_storage_options where;
  where.unix_socket = server.socket();
  where.key_prefix = "t:";
  auto const store = world.make(where);
  auto const value = [](int i) {
    document made;
    made["number"] = std::to_string(i);
    made["ballast"] = std::string(4000, 'x');
    return made;
  };
  constexpr int records = 2000;
  int present = 0;
  for (int i = 0; i < records; ++i) BOOST_TEST(world.ask(store->create(std::to_string(i), value(i))).is_written());
  for (int i = 0; i < records; ++i) {
    auto const id = std::to_string(i);
    auto const found = world.ask(store->load(id));
    BOOST_REQUIRE(found.has_value());
    present += found->has_value();
    if (*found) {
      BOOST_TEST(((*found)->value == value(i)));
    } else {
      BOOST_TEST(world.ask(store->update(id, value(i))).is_absent());
      BOOST_TEST(!world.ask(store->update_hints(id, hint_map())).value());
      BOOST_TEST(!world.ask(store->touch(id)).value());
    }
  }
  BOOST_TEST(present > 0);
  BOOST_TEST(present < records);
}

// FA13
BOOST_AUTO_TEST_CASE(an_extension_lost_in_a_failover_ends_a_session_early_and_never_late) {
  deployment d;
  auto options = d.options();
  options.ttl = 10s;
  auto const store = d.make(options);
  document value;
  value["k"] = "1";
  BOOST_TEST(d.ask(store->create("short", value)).is_written());
  BOOST_TEST(d.ask(store->create("slid", value)).is_written());
  wait_for([&] { return d.second.command({"DBSIZE"}) == ":2"; });
  d.first.command({"PEXPIRE", "t:short", "1500"});
  wait_for([&] { return std::stol(d.second.command({"PTTL", "t:short"}).substr(1)) <= 1500; });
  d.cut_replication();
  BOOST_TEST(d.ask(store->load("short")).value().has_value());  // slid to 10 s, and only the first server knows
  d.first.kill();
  d.run_until_second_is_named();
  std::optional<bool> is_there;
  d.run_until([&] {
    auto const found = d.ask(store->peek("short", {.deadline = 500ms}));
    if (found) is_there = found->has_value();
    return is_there == false;
  });
  auto const left = std::stol(d.second.command({"PTTL", "t:slid"}).substr(1));
  BOOST_TEST(left <= 10'000);
  auto const kept = d.ask(store->load("slid"));
  BOOST_TEST((!kept.has_value() || !*kept || (*kept)->value == value));
  BOOST_TEST(std::stol(d.second.command({"PTTL", "t:slid"}).substr(1)) <= 10'000);
  BOOST_TEST(d.second.command({"EXISTS", "t:short"}) == ":0");
}

// FA09, FA11, FA12: kill -9 under load; the successor has never heard of the terminations
BOOST_AUTO_TEST_CASE(nobody_serves_what_was_terminated_before_an_unplanned_failover_for_long_after_it) {
  deployment d;
  gateway first(d, d.options());
  gateway second(d, d.options());
  gateway* const gateways[] = {&first, &second};
  load_of_gets load(d);
  std::vector<std::string> doomed;
  for (int i = 0; i < 20; ++i) load.ids.push_back(first.open());
  for (int i = 0; i < 20; ++i) doomed.push_back(first.open());
  for (auto const& id : load.ids) BOOST_TEST(static_cast<bool>(*second.get(id)));
  for (auto const& id : doomed) BOOST_TEST(static_cast<bool>(*second.get(id)));
  wait_for([&] { return d.second.command({"DBSIZE"}) == ":40"; });
  auto const living = std::set<std::string>(load.ids.begin(), load.ids.end());
  for (std::size_t i = 0; i < 2; ++i) load.add_clients(i, *gateways[i]->sessions, 10);
  d.wait(200ms);
  d.cut_replication();
  std::set<std::string> ended_by[2];
  for (std::size_t i = 0; i < doomed.size(); ++i) {
    auto const by = i % 2;
    BOOST_TEST(d.ask(gateways[by]->sessions->terminate(doomed[i], principal())).value().existed);
    ended_by[by].insert(doomed[i]);
  }
  load.ids.insert(load.ids.end(), doomed.begin(), doomed.end());
  d.first.kill();
  auto const killed = steady::now();
  auto const named = d.run_until_second_is_named();
  d.wait(4s);
  load.stop();

  std::size_t served_before = 0, served_after = 0, doomed_served = 0;
  steady::time_point last_served = killed;
  duration longest{};
  for (auto const& one : load.endings) {
    longest = std::max<duration>(longest, one.ended - one.began);
    bool const is_living = living.contains(one.id);
    bool const is_absent = !one.is_served && !one.error;
    if (is_living) {
      BOOST_TEST(!is_absent);  // not known is never taken for absence
      served_before += one.is_served && one.began < killed;
      served_after += one.is_served && one.began > named + 2s;
      continue;
    }
    BOOST_TEST((!one.is_served || !ended_by[one.gateway].contains(one.id)));  // who terminated it never serves it
    if (!one.is_served) continue;
    ++doomed_served;
    last_served = std::max(last_served, one.began);
  }
  BOOST_TEST((longest < load_of_gets::deadline + 500ms));
  BOOST_TEST((last_served < named + 2s));
  BOOST_TEST(served_before > 100U);
  BOOST_TEST(served_after > 100U);
  auto const seconds = [](auto span) { return std::chrono::duration<double>(span).count(); };
  BOOST_TEST_MESSAGE("named " << seconds(named - killed) << " s after the kill; " << load.endings.size() << " gets, the longest " << seconds(longest) << " s; terminated sessions served "
                              << doomed_served << " times elsewhere, last " << seconds(last_served - named) << " s after the naming");
  for (auto const& id : doomed) BOOST_TEST(d.second.command({"EXISTS", "t:" + id}) == ":0");
}

// SM43, DE06
BOOST_AUTO_TEST_CASE(creations_and_terminations_say_whether_the_servers_replicas_know) {
  deployment d;
  auto options = d.options();
  options.health_check = 20s;
  options.durability.emplace().within = 4s;  // however slow the machine
  gateway here(d, options);
  options.durability->within = 400ms;
  gateway hasty(d, options);
  gateway careless(d, d.options());
  auto opened = d.ask(here.sessions->open(principal(), open_parameters())).value();
  BOOST_TEST(opened.lease.is_replicated());
  BOOST_TEST(d.second.command({"EXISTS", "t:" + opened.id}) == ":1");  // at once
  BOOST_TEST(here.get(opened.id)->is_replicated());
  auto const ended = d.ask(here.sessions->terminate(opened.id, principal())).value();
  BOOST_TEST((ended.existed && ended.is_replicated));
  BOOST_TEST(d.second.command({"EXISTS", "t:" + opened.id}) == ":0");
  auto const doomed = here.open();

  d.second.pause();
  auto begun = steady::now();
  auto const lonely = d.ask(hasty.sessions->open(principal(), open_parameters())).value();
  BOOST_TEST(!lonely.lease.is_replicated());  // a success, and said to be so
  BOOST_TEST((steady::now() - begun >= 400ms));
  BOOST_TEST(static_cast<bool>(*hasty.get(lonely.id)));
  auto const alone = d.ask(hasty.sessions->terminate(doomed, principal())).value();
  BOOST_TEST((alone.existed && !alone.is_replicated));
  auto const unasked = d.ask(careless.sessions->open(principal(), open_parameters())).value();
  BOOST_TEST(unasked.lease.is_replicated());

  // Terminated once more: there is nothing left to erase, and now the other one knows.
  d.second.resume();
  bool is_known = false;
  for (int i = 0; i < 20 && !is_known; ++i) {
    auto const again = d.ask(here.sessions->terminate(doomed, principal())).value();
    BOOST_TEST(!again.existed);
    is_known = again.is_replicated;
  }
  BOOST_TEST(is_known);
  BOOST_TEST(d.second.command({"EXISTS", "t:" + doomed}) == ":0");
}

BOOST_AUTO_TEST_SUITE_END()
