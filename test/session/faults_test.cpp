#include "session/session_world.hpp"

#include <array>

using namespace mooring;
using namespace mooring::test;

// The fail-loops: each public operation meets each fault at each storage call, and is cancelled, out of time, shut down and abandoned at each step. Every single
// answer is held against what the storage did: done, not done, or ambiguous, and never absent (RA50).

namespace {

/** An operation that runs, whatever it returns. An answer that claims absence counts as `not_found`. */
struct running {
  std::function<bool()> is_done;
  std::function<void(asio::cancellation_type)> cancel;
  std::function<error_code()> take;
};

struct trial {
  explicit trial(std::uint64_t seed) : w(seed, setup()) {
    id = w.opened(named("alice"));
    minted = *w.run(w.m(1).generate());
    binding = w.record(id)->value.find(record_key::owner)->second;
  }

  static session_world::setup setup() {
    session_world::setup how;
    how.replicas = 2;
    return how;
  }

  template <class T, class Absent = std::nullptr_t>
  running start(awaitable<result<T>> work, Absent is_absent = nullptr) {
    auto const one = std::make_shared<call<result<T>>>(w.start(std::move(work)));
    return {[one] { return one->is_done(); }, [one](asio::cancellation_type type) { one->cancel(type); },
            [one, is_absent] {
              auto const ended = one->take();
              if (!ended) return ended.error();
              if constexpr (std::is_null_pointer_v<Absent>) static_cast<void>(is_absent);
              else if (is_absent(*ended)) return make_error_code(errc::not_found);
              return error_code();
            }};
  }

  void finish(running const& one) {
    for (int i = 0; i < 100'000 && !one.is_done() && w.sim.step(); ++i) {}
    BOOST_REQUIRE_MESSAGE(one.is_done(), "a call never ended, seed " << w.sim.seed());
  }

  // Live records but the first session's.
  std::size_t live_beside() const {
    std::size_t n = 0;
    for (auto const& each : w.store->table.ids()) {
      auto const found = w.replicas.empty() ? std::nullopt : w.replicas.at(0).link->look(each);
      n += each != id && found && *state_of(found->value) == record_state::live;
    }
    return n;
  }

  session_world w;
  std::string id;      // live, in the cache of replica 0
  std::string minted;  // a placeholder
  std::string binding;
};

struct operation {
  char const* name;
  std::size_t on;
  running (*start)(trial&, manager&, call_options);
  bool (*has_happened)(trial&);  // null: it changes nothing
};

bool is_empty(test_lease const& lease) { return !lease; }
bool is_not_live(validity const& v) { return v != validity::live; }
bool had_nothing(termination const& ended) { return !ended.existed; }

running get(trial& t, manager& m, call_options how) { return t.start(m.get(t.id, named("alice"), how), is_empty); }
running validate(trial& t, manager& m, call_options how) { return t.start(m.validate(t.id, named("alice"), how), is_not_live); }
running notify(trial& t, manager& m, call_options how) { return t.start(m.notify_backend_expired(t.id, named("alice"), "a", how)); }
running terminate(trial& t, manager& m, call_options how) { return t.start(m.terminate(t.id, named("alice"), how), had_nothing); }
running terminate_minted(trial& t, manager& m, call_options how) { return t.start(m.terminate(t.minted, {}, how), had_nothing); }
running generate(trial& t, manager& m, call_options how) { return t.start(m.generate(how)); }
running create(trial& t, manager& m, call_options how) { return t.start(m.create(t.minted, {}, open_parameters({"a"}), how), is_empty); }
running open(trial& t, manager& m, call_options how) {
  return t.start(m.open({}, open_parameters({"a"}), how), [](auto const& made) { return !made.lease; });
}
running decorate(trial& t, manager& m, call_options how) {
  decorator<test_session> const add = [](std::shared_ptr<test_session> s, metadata d) {
    d["n"] += "x";
    return result<decoration<test_session>>(decoration<test_session>(std::make_shared<test_session>(*s), d));
  };
  return t.start(m.decorate(t.id, named("alice"), add, how), is_empty);
}

bool is_decorated(trial& t) {
  auto const found = t.w.record(t.id);
  BOOST_REQUIRE(found.has_value());
  auto const data = read_record(found->value)->data;
  if (!data.contains("n")) return false;
  BOOST_TEST(data.at("n") == "x", "written twice, seed " << t.w.sim.seed());
  return true;
}
bool is_told(trial& t) {
  auto const found = t.w.record(t.id);
  BOOST_REQUIRE(found.has_value());
  return read_record(found->value)->backends == std::vector<std::string>{"b"};
}
bool is_ended(trial& t) { return !t.w.record(t.id).has_value(); }
bool is_minted_ended(trial& t) { return !t.w.record(t.minted).has_value(); }
bool is_opened(trial& t) { return t.live_beside() == 1; }

constexpr std::array operations{
    operation{"generate", 0, generate, nullptr},          operation{"create", 0, create, is_opened},       operation{"open", 0, open, is_opened},
    operation{"get of a cached session", 0, get, nullptr}, operation{"get that restores", 1, get, nullptr},  operation{"validate of a cached session", 0, validate, nullptr},
    operation{"validate", 1, validate, nullptr},           operation{"decorate", 0, decorate, is_decorated}, operation{"decorate that restores", 1, decorate, is_decorated},
    operation{"notify", 0, notify, is_told},               operation{"notify elsewhere", 1, notify, is_told}, operation{"terminate", 0, terminate, is_ended},
    operation{"terminate elsewhere", 1, terminate, is_ended}, operation{"terminate of a placeholder", 0, terminate_minted, is_minted_ended}};

struct tally {
  std::size_t done = 0, not_done = 0, ambiguous = 0;
};

// What may be told where nothing but storage, time and the caller are at fault.
bool is_honest(error_code told) {
  for (auto const one : {errc::unavailable, errc::server_error, errc::deadline_exceeded, errc::cancelled, errc::closed, errc::load_failed, errc::ambiguous})
    if (told == one) return true;
  return false;
}

void judge(trial& t, operation const& one, error_code told, tally& counted) {
  BOOST_TEST_INFO_SCOPE(one.name << ", seed " << t.w.sim.seed() << ": " << told.message());
  BOOST_TEST((!told || is_honest(told)));
  bool const is_ambiguous = told == errc::ambiguous;
  ++(is_ambiguous ? counted.ambiguous : told ? counted.not_done : counted.done);
  if (!one.has_happened) {
    BOOST_TEST((!is_ambiguous || one.start == generate));
    return;
  }
  if (!told) BOOST_TEST(one.has_happened(t));
  // Whatever is still on its way arrives.
  for (auto& each : t.w.replicas) {
    each.link->decide(nullptr);
    each.link->set_options(link_options());
  }
  t.w.sim.run_for(25s);
  if (!is_ambiguous) BOOST_TEST(one.has_happened(t) == !told);
  // RA49: whatever was done, the owner stays.
  if (auto const found = t.w.record(t.id)) BOOST_TEST(found->value.find(record_key::owner)->second == t.binding);
}

// Every write but an erase is sent once; `store` and an `update` without condition never (SM48).
void check_sent_once(test_link const& link, std::array<std::size_t, storage_operations> const& before, operation const& one) {
  auto const sent = [&](storage_operation o) { return link.calls(o) - before[static_cast<std::size_t>(o)]; };
  BOOST_TEST_INFO_SCOPE(one.name);
  BOOST_TEST(sent(storage_operation::store) == 0u);
  BOOST_TEST(sent(storage_operation::update) == 0u);
  BOOST_TEST(sent(storage_operation::update_if) <= 1u);
  BOOST_TEST(sent(storage_operation::create) <= 2u);  // the second under another id
}

std::array<std::size_t, storage_operations> calls_of(test_link const& link) {
  std::array<std::size_t, storage_operations> made{};
  for (std::size_t i = 0; i < made.size(); ++i) made[i] = link.calls(static_cast<storage_operation>(i));
  return made;
}

// False: the operation made fewer than n calls.
bool fails_at(operation const& one, std::size_t n, bool goes_on, storage_fault fault, std::uint64_t seed, tally& all) {
  trial t(seed);
  auto& link = t.w.link(one.on);
  auto const before = calls_of(link);
  auto const met = link.faults_met();
  auto const first = link.calls() + n;
  link.decide([=](storage_operation, std::size_t number) { return number == first || (goes_on && number > first) ? fault : storage_fault::none; });
  auto const going = one.start(t, t.w.m(one.on), {});
  t.finish(going);
  bool const is_met = link.faults_met() > met;
  link.decide(nullptr);
  judge(t, one, going.take(), all);
  check_sent_once(link, before, one);
  t.w.end();
  return is_met;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(session_faults)

// RA41, RA45, RA50, RA51: one call fails, or that one and all after it.
BOOST_AUTO_TEST_CASE(every_answer_agrees_with_the_storage_whichever_call_fails_in_which_way) {
  tally all;
  for (auto const& one : operations)
    for (bool const goes_on : {false, true})
      for (std::size_t fault = 1; fault < storage_faults; ++fault)
        for (std::uint64_t seed = 0; seed < 10; ++seed)
          for (std::size_t n = 1; n <= 20 && fails_at(one, n, goes_on, static_cast<storage_fault>(fault), seed, all);) ++n;
  BOOST_TEST(all.done > 1000u);
  BOOST_TEST(all.not_done > 1000u);
  BOOST_TEST(all.ambiguous > 500u);
}

// RA45, RA50, ST26: cancelled after each step, with each type of cancellation.
BOOST_AUTO_TEST_CASE(every_answer_agrees_with_the_storage_whenever_its_caller_leaves) {
  tally all;
  for (auto const& one : operations) {
    for (auto const type : {asio::cancellation_type::terminal, asio::cancellation_type::partial, asio::cancellation_type::total}) {
      for (std::size_t steps = 0; steps < 400; ++steps) {
        trial t(steps % 7);
        auto const going = one.start(t, t.w.m(one.on), {});
        for (std::size_t i = 0; i < steps && !going.is_done(); ++i) t.w.sim.step();
        bool const is_in_time = !going.is_done();
        going.cancel(type);
        t.finish(going);
        judge(t, one, going.take(), all);
        t.w.end();
        if (!is_in_time) break;
      }
    }
  }
  BOOST_TEST(all.not_done > 100u);
  BOOST_TEST(all.ambiguous > 100u);
}

// RA13, RA45, RA50: out of time at each moment of a slow storage's work.
BOOST_AUTO_TEST_CASE(every_answer_agrees_with_the_storage_whenever_time_runs_out) {
  tally all;
  for (auto const& one : operations) {
    bool is_whole = false;
    for (std::int64_t k = 0; k < 300 && !is_whole; ++k) {
      trial t(static_cast<std::uint64_t>(k));
      t.w.link(one.on).set_options({3ms, 3ms, 3ms, 5s, 0});
      auto const going = one.start(t, t.w.m(one.on), {.deadline = k * 167us});
      t.finish(going);
      auto const told = going.take();
      is_whole = !told && k > 180;
      judge(t, one, told, all);
      t.w.end();
    }
    BOOST_TEST(is_whole, one.name);
  }
  BOOST_TEST(all.not_done > 50u);
  BOOST_TEST(all.ambiguous > 20u);
}

// RA37, RA45, RA50, RA51: its manager is shut down, or destroyed without that, after each step.
BOOST_AUTO_TEST_CASE(every_answer_agrees_with_the_storage_whenever_its_manager_ends) {
  tally all;
  for (auto const& one : operations) {
    for (bool const is_shut_down : {true, false}) {
      for (std::size_t steps = 0; steps < 400; ++steps) {
        trial t(steps % 5);
        auto const going = one.start(t, t.w.m(one.on), {});
        // A call outlives its manager from its first step on.
        for (std::size_t i = 0; i <= steps && !going.is_done(); ++i) t.w.sim.step();
        bool const is_in_time = !going.is_done();
        std::optional<call<result<>>> ending;
        if (is_shut_down) ending.emplace(t.w.start(session_world::shutdown_of(t.w.m(one.on))));
        else t.w.replicas[one.on].manager.reset();
        t.finish(going);
        judge(t, one, going.take(), all);
        if (ending) t.w.finish(*ending);
        if (is_shut_down) t.w.end();
        if (!is_in_time) break;
      }
    }
  }
  BOOST_TEST(all.done > 100u);
  BOOST_TEST(all.not_done > 100u);
}

BOOST_AUTO_TEST_SUITE_END()
