#include "storage/contract_world.hpp"
#include "storage/fault_proxy.hpp"
#include "storage/redis_server.hpp"

#include <mooring/storage/redis_storage.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace mooring;
using namespace mooring::test;
using namespace std::chrono_literals;

// A real server behind a proxy that fails at byte counts.

namespace {

using storage_type = redis_storage<document>;
using seen_record = result<std::optional<stored<document>>>;
using fault = fault_proxy::fault;
using steady = std::chrono::steady_clock;

boost::test_tools::assertion_result has_redis(boost::unit_test::test_unit_id) { return redis_server::is_available(); }

document doc(std::string text) {
  document made;
  made["k"] = std::move(text);
  return made;
}

struct fixture {
  ~fixture() {
    for (auto const& store : stores) asio::co_spawn(context, store->close(), [](std::exception_ptr) {});
    run_until([this] { return context.stopped(); }, [this] { proxy.close(); });
  }

  std::shared_ptr<storage_type> make(std::string const& port) {
    redis_storage_options options;
    options.address = redis_address{"127.0.0.1", port};
    options.key_prefix = "t:";
    options.health_check = health_check;
    return stores.emplace_back(storage_type::make(context.get_executor(), std::move(options)).value());
  }

  void run_until(std::function<bool()> const& is_done, std::function<void()> const& first = {}) {
    auto const patience = steady::now() + 30s;
    if (context.stopped()) context.restart();
    if (first) first();
    while (!is_done()) {
      BOOST_REQUIRE((steady::now() < patience));
      if (context.stopped()) context.restart();
      context.run_one_for(50ms);
    }
  }

  template <class X>
  X ask(awaitable<X> work) {
    std::optional<X> answer;
    start(std::move(work), answer);
    run_until([&answer] { return answer.has_value(); });
    return std::move(*answer);
  }

  template <class X>
  void start(awaitable<X> work, std::optional<X>& answer) {
    asio::co_spawn(context, std::move(work), [&answer](std::exception_ptr failure, X outcome) {
      if (failure) std::rethrow_exception(failure);
      answer.emplace(std::move(outcome));
    });
  }

  duration health_check{};
  redis_server server;
  asio::io_context context;
  fault_proxy proxy{context, server.port()};
  std::vector<std::shared_ptr<storage_type>> stores;
};

enum class kind { load, update, erase };

/** One operation on a record of its own, over a connection of its own that fails at one byte, beside a look at what the server really holds. */
struct attempt {
  kind what;
  fault_proxy::plan plan;
  std::string id;

  bool was_limited = false;
  bool is_explained = false;
  bool works_again = false;
  error_code error;
};

std::string describe(attempt const& one) {
  auto const& on = one.plan.requests.limit != fault_proxy::unlimited ? one.plan.requests : one.plan.replies;
  return std::string(one.what == kind::load ? "load" : one.what == kind::update ? "update" : "erase") + ", " +
         (&on == &one.plan.requests ? "requests" : "replies") + " fail (" + std::to_string(static_cast<int>(on.after_limit)) + ") after " + std::to_string(on.limit) +
         " bytes: " + one.error.message();
}

bool is_not_known(error_code error) { return error == errc::unavailable || error == errc::deadline_exceeded; }

/** Runs attempts side by side, each through a proxy and a storage of its own: the pause after a lost connection is then one for all. */
class attempts {
 public:
  attempts(fixture& f, duration deadline, std::size_t greeting) : f_(f), deadline_(deadline), greeting_(greeting), direct_(f.make(f.server.port())) {}

  void run(std::vector<attempt>& all) {
    // The server knows the script from here on, so that an update is one command.
    static_cast<void>(f_.ask(direct_->update("nobody", doc("1"))));
    std::size_t ended = 0;
    std::vector<std::unique_ptr<fault_proxy>> proxies;
    for (auto& one : all) {
      auto const& proxy = proxies.emplace_back(std::make_unique<fault_proxy>(f_.context, f_.server.port()));
      proxy->next = one.plan;
      asio::co_spawn(f_.context, try_it(*this, &one, proxy.get(), f_.make(proxy->port())), [&ended](std::exception_ptr failure) {
        if (failure) std::rethrow_exception(failure);
        ++ended;
      });
    }
    f_.run_until([&] { return ended == all.size(); });
  }

 private:
  static awaitable<void> try_it(attempts& self, attempt* one, fault_proxy* proxy, std::shared_ptr<storage_type> store) {
    auto before = doc("1");
    auto const made = co_await self.direct_->store(one->id, std::move(before));
    if (!made.is_written()) co_return;
    call_options const call{self.deadline_};
    std::optional<revision> attempted;
    std::optional<bool> is_done;  // empty: not known
    if (one->what == kind::load) {
      auto const found = co_await store->load(one->id, call);
      one->error = found.has_error() ? found.error() : error_code();
      one->is_explained = found ? *found && (*found)->value == doc("1") : is_not_known(one->error);
      is_done = false;
    } else if (one->what == kind::update) {
      auto after = doc("2");
      auto const written = co_await store->update(one->id, std::move(after), **made, call);
      one->error = written.has_error() ? written.error() : error_code();
      one->is_explained = written.is_written() || one->error == errc::ambiguous || is_not_known(one->error);
      attempted = written.attempted();
      if (written.is_written()) is_done = true;
      else if (one->error != errc::ambiguous) is_done = false;
    } else {
      auto const erased = co_await store->erase(one->id, call);
      one->error = erased.has_error() ? erased.error() : error_code();
      one->is_explained = erased ? *erased : one->error == errc::ambiguous || is_not_known(one->error);
      if (erased) is_done = true;
      else if (one->error != errc::ambiguous) is_done = false;
    }
    auto const truth = co_await self.direct_->peek(one->id);
    if (!truth) co_return;
    bool const was_done = one->what == kind::update ? *truth && attempted && (*truth)->revision == *attempted : one->what == kind::erase ? !*truth : false;
    bool const is_as_before = *truth && (*truth)->revision == **made;
    if (is_done && *is_done != was_done) one->is_explained = false;
    if (!was_done && !is_as_before) one->is_explained = false;
    // A command that was never sent is never ambiguous.
    if (one->plan.requests.limit < self.greeting_ && one->error == errc::ambiguous) one->is_explained = false;
    one->was_limited = proxy->connections() > 0 && proxy->seen(0).is_limited;
    proxy->next = fault_proxy::plan();
    if (proxy->connections() > 0) proxy->allow();
    for (int i = 0; i < 200 && !one->works_again; ++i) {
      auto const found = co_await store->peek(one->id, call);
      one->works_again = found && found->has_value() == truth->has_value();
      if (one->works_again) co_return;
      auto const slept = co_await sleep_for(20ms);
      if (!slept) co_return;
    }
  }

  fixture& f_;
  duration const deadline_;
  std::size_t const greeting_;
  std::shared_ptr<storage_type> const direct_;
};

// How many bytes are said before the first command: all that is sent while no reply comes.
std::size_t bytes_of_greeting() {
  fixture f;
  f.proxy.next.replies.limit = 0;
  auto const store = f.make(f.proxy.port());
  BOOST_TEST((f.ask(store->load("a", {.deadline = 200ms})).error() == errc::deadline_exceeded));
  return f.proxy.seen(0).requests;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(redis_faults, *boost::unit_test::precondition(has_redis))

// FA05, FA03, FA04: cut at every byte, in turn, of what is sent and of what comes back
BOOST_AUTO_TEST_CASE(whichever_byte_a_connection_ends_at_the_outcome_is_true_and_the_next_call_works) {
  auto const greeting = bytes_of_greeting();
  BOOST_TEST(greeting > 20U);
  for (auto const way : {&fault_proxy::plan::requests, &fault_proxy::plan::replies}) {
    std::size_t limited = 0, ambiguous = 0, done = 0;
    bool has_ended = false;
    // Where an operation no longer meets the limit, all of its steps have failed once.
    for (std::size_t from = 0; !has_ended && from < 4000; from += 60) {
      fixture f;
      attempts some(f, 5s, greeting);
      std::vector<attempt> all;
      for (auto limit = from; limit < from + 60; ++limit) {
        for (auto const what : {kind::load, kind::update, kind::erase}) {
          attempt one;
          one.what = what;
          one.id = std::to_string(all.size());
          (one.plan.*way).limit = limit;
          (one.plan.*way).after_limit = limit % 2 == 0 ? fault::reset : fault::end;
          all.push_back(one);
        }
      }
      some.run(all);
      has_ended = true;
      for (auto const& one : all) {
        BOOST_TEST(one.is_explained, describe(one));
        BOOST_TEST(one.works_again, describe(one));
        limited += one.was_limited;
        ambiguous += one.error == errc::ambiguous;
        done += !one.error;
        has_ended = has_ended && !one.was_limited;
      }
    }
    BOOST_TEST(has_ended);
    BOOST_TEST(limited > 300U);
    BOOST_TEST(ambiguous > 10U);
    BOOST_TEST(done > 100U);
  }
}

// FA05, FA01, FA03: as above, and nobody hears of it but by the deadline
BOOST_AUTO_TEST_CASE(whichever_byte_a_connection_falls_silent_at_the_outcome_is_true_and_the_next_call_works) {
  auto const greeting = bytes_of_greeting();
  fixture f;
  f.health_check = 3s;  // whoever meets its limit hears no more of it before its deadline, which leaves a slow machine the time to meet it
  attempts some(f, 2s, greeting);
  std::vector<attempt> all;
  for (auto const way : {&fault_proxy::plan::requests, &fault_proxy::plan::replies}) {
    for (std::size_t limit = 0; limit < 700; limit += 9) {
      attempt one;
      one.what = static_cast<kind>(limit % 3);
      if (all.size() % 2 == 0) one.what = kind::update;
      one.id = std::to_string(all.size());
      (one.plan.*way).limit = limit;
      (one.plan.*way).after_limit = limit % 2 == 0 ? fault::stall : fault::lose;
      all.push_back(one);
    }
  }
  auto const begun = steady::now();
  some.run(all);
  std::size_t limited = 0;
  for (auto const& one : all) {
    BOOST_TEST(one.is_explained, describe(one));
    BOOST_TEST(one.works_again, describe(one));
    limited += one.was_limited;
  }
  BOOST_TEST(limited > 40U);  // the others' operations have fewer bytes
  BOOST_TEST((steady::now() - begun < 20s));
}

// FA04
BOOST_AUTO_TEST_CASE(replies_in_single_bytes_are_read_as_they_are) {
  fixture f;
  f.proxy.next.requests.piece = f.proxy.next.replies.piece = 1;
  auto const store = f.make(f.proxy.port());
  auto const made = f.ask(store->create("a", doc("\xc3\xa9\r\n$5\r\n")));
  BOOST_TEST(made.is_written());
  BOOST_TEST(f.ask(store->update("a", doc("\xc3\xa9\r\n-ERR\r\n"), **made)).is_written());
  BOOST_TEST(f.ask(store->touch("a")).value());
  auto const found = f.ask(store->load("a"));
  BOOST_TEST((found && *found && (*found)->value == doc("\xc3\xa9\r\n-ERR\r\n")));
  BOOST_TEST(!f.ask(store->load("b")).value().has_value());
  BOOST_TEST(f.ask(store->erase("a")).value());
  BOOST_TEST(f.proxy.connections() == 1U);
}

// FA04: delayed until all have come, and then read at once
BOOST_AUTO_TEST_CASE(replies_that_come_late_and_joined_reach_their_own_calls) {
  constexpr std::size_t calls = 50;
  fixture f;
  auto const store = f.make(f.proxy.port());
  for (std::size_t i = 0; i < calls; ++i) BOOST_TEST(f.ask(store->create(std::to_string(i), doc(std::to_string(i)))).is_written());
  auto const before = f.proxy.seen(0);
  for (std::size_t i = 0; i < calls; ++i) static_cast<void>(f.ask(store->load(std::to_string(i))));
  auto const bytes = f.proxy.seen(0).replies - before.replies;
  f.proxy.hold_replies();
  std::vector<std::optional<seen_record>> answers(calls);
  for (std::size_t i = 0; i < calls; ++i) f.start(store->load(std::to_string(i)), answers[i]);
  f.run_until([&] { return f.proxy.seen(0).held_replies >= bytes; });
  for (auto const& one : answers) BOOST_TEST(!one.has_value());
  f.proxy.allow();
  f.run_until([&] { return std::all_of(answers.begin(), answers.end(), [](auto const& one) { return one.has_value(); }); });
  for (std::size_t i = 0; i < calls; ++i) BOOST_TEST((**answers[i])->value == doc(std::to_string(i)));
  BOOST_TEST(f.proxy.connections() == 1U);
}

// RE18, RE22, FA04: they go out as one request, and share no fate
BOOST_AUTO_TEST_CASE(calls_that_ask_together_end_each_by_its_own_reply_deadline_or_loss) {
  constexpr std::size_t calls = 9;
  constexpr std::size_t hasty = 4;
  fixture f;
  f.health_check = 60s;
  auto const store = f.make(f.proxy.port());
  for (std::size_t i = 0; i < calls; ++i) BOOST_TEST(f.ask(store->create(std::to_string(i), doc(std::to_string(i)))).is_written());
  auto const before = f.proxy.seen(0).replies;
  static_cast<void>(f.ask(store->load("0")));
  auto const bytes = f.proxy.seen(0).replies - before;
  f.proxy.hold_replies();
  std::vector<std::optional<seen_record>> answers(calls);
  for (std::size_t i = 0; i < calls; ++i) f.start(i == hasty ? store->load(std::to_string(i), {.deadline = 100ms}) : store->load(std::to_string(i)), answers[i]);
  f.run_until([&] { return f.proxy.seen(0).held_replies >= bytes * calls; });
  f.run_until([&] { return answers[hasty].has_value(); });
  BOOST_TEST((answers[hasty]->has_error() && answers[hasty]->error() == errc::deadline_exceeded));
  auto const ended = [&] { return std::count_if(answers.begin(), answers.end(), [](auto const& one) { return one.has_value(); }); };
  BOOST_TEST(ended() == 1);
  for (std::size_t const next : {3U, 6U}) {
    f.proxy.allow(3 * bytes);
    f.run_until([&] { return answers[next - 1].has_value(); });
    while (f.context.poll() != 0) {
    }
    for (std::size_t i = 0; i < calls; ++i) {
      if (i == hasty) continue;
      BOOST_TEST(answers[i].has_value() == (i < next));
      if (i < next) BOOST_TEST((*answers[i] && **answers[i] && (**answers[i])->value == doc(std::to_string(i))));
    }
  }
  f.proxy.close();
  f.run_until([&] { return ended() == static_cast<std::ptrdiff_t>(calls); });
  for (std::size_t i = 6; i < calls; ++i) BOOST_TEST((answers[i]->has_error() && answers[i]->error() == errc::unavailable));
}

// FA01, FA02, FA04: bytes that come in drips make no deadline longer, and a late reply is nobody's
BOOST_AUTO_TEST_CASE(a_reply_in_drips_ends_its_call_at_the_deadline_and_shifts_no_other) {
  fixture f;
  f.health_check = 60s;
  auto const store = f.make(f.proxy.port());
  BOOST_TEST(f.ask(store->create("a", doc("0"))).is_written());
  auto const made = f.ask(store->update("a", doc("1")));  // the server knows the script now
  BOOST_TEST(made.is_written());
  f.proxy.hold_replies();
  std::optional<seen_record> read;
  std::optional<write_outcome> written;
  auto const begun = steady::now();
  f.start(store->load("a", {.deadline = 200ms}), read);
  f.start(store->update("a", doc("2"), **made, {.deadline = 200ms}), written);
  auto const before = f.proxy.seen(0).replies;
  auto next = begun;
  f.run_until([&] {
    if (steady::now() < next) return read && written;
    next = steady::now() + 5ms;
    f.proxy.allow(1);
    return read && written;
  });
  BOOST_TEST((steady::now() - begun < 400ms));
  BOOST_TEST((read->error() == errc::deadline_exceeded));
  BOOST_TEST((written->error() == errc::ambiguous));
  BOOST_TEST(f.proxy.seen(0).replies > before);
  std::optional<seen_record> absent;
  f.start(store->load("nobody"), absent);
  f.proxy.allow();
  f.run_until([&] { return absent.has_value(); });
  BOOST_TEST(!absent->value().has_value());
  auto const found = f.ask(store->peek("a"));
  BOOST_TEST((found && *found && (*found)->revision == written->attempted() && (*found)->value == doc("2")));
  BOOST_TEST(f.proxy.connections() == 1U);
}

// FA03, RE21: nobody is told that the other side has gone
BOOST_AUTO_TEST_CASE(a_half_open_connection_is_left_and_what_comes_over_it_later_is_nobodys) {
  fixture f;
  f.health_check = 500ms;
  auto const store = f.make(f.proxy.port());
  auto const made = f.ask(store->create("a", doc("1")));
  BOOST_TEST(made.is_written());
  f.proxy.hold_replies();
  auto const begun = steady::now();
  auto const written = f.ask(store->update("a", doc("2"), **made, {.deadline = 5s}));
  BOOST_TEST((written.error() == errc::ambiguous));
  BOOST_TEST((steady::now() - begun < 2s));  // given up long before the deadline
  std::optional<stored<document>> found;
  f.run_until([&] {
    auto const answer = f.ask(store->peek("a", {.deadline = 500ms}));
    if (answer && *answer) found = **answer;
    return found.has_value();
  });
  BOOST_TEST((found->revision == written.attempted() || found->revision == **made));
  BOOST_TEST(f.proxy.connections() == 2U);
  f.proxy.allow();
  for (int i = 0; i < 10; ++i) BOOST_TEST(f.ask(store->load("a")).value().has_value());
  BOOST_TEST(f.proxy.connections() == 2U);
}

BOOST_AUTO_TEST_SUITE_END()
