#include "session/session_world.hpp"

#include <algorithm>

using namespace mooring;
using namespace mooring::test;

namespace {

result<decoration<test_session>> wrapped(std::shared_ptr<test_session> const& current, metadata data, std::string const& with) {
  auto next = std::make_shared<test_session>(*current);
  next->decorations.push_back(with);
  data[with] = "on";
  return decoration<test_session>(next, std::move(data));
}

decorator<test_session> add(std::string with) {
  return [with](std::shared_ptr<test_session> current, metadata data) { return wrapped(current, std::move(data), with); };
}

// A decorator that lets another write come first, so many times.
decorator<test_session> disturbed(session_world& w, std::string id, int times) {
  auto const left = std::make_shared<int>(times);
  return [&w, id, left](std::shared_ptr<test_session> current, metadata data) {
    if (*left > 0) {
      auto next = w.record(id)->value;
      next["other"] = std::to_string(--*left);
      auto const outcome = w.store->table.update(id, next, std::nullopt, *revision::fresh(entropy_of(w.sim)), w.sim.now());
      BOOST_REQUIRE(outcome.is_written());
    }
    return wrapped(current, std::move(data), "mine");
  };
}

}  // namespace

BOOST_AUTO_TEST_SUITE(session_change)

// SM35
BOOST_AUTO_TEST_CASE(decorated_session_is_what_the_next_get_returns) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    session_world w(seed, with_replicas(2));
    auto const id = w.opened(named("alice"), open_parameters({"a"}, metadata{{"k", "v"}}));
    auto const before = w.run(w.m().get(id, named("alice")));
    auto const made = w.run(w.m().decorate(id, named("alice"), add("x")));
    BOOST_REQUIRE(made);
    BOOST_TEST((*made)->decorations.size() == 1u);
    auto const after = w.run(w.m().get(id, named("alice")));
    BOOST_TEST((*after)->decorations.size() == 1u);
    BOOST_TEST((*before)->decorations.empty());  // a lease keeps what it was taken for
    BOOST_TEST(w.book->opened() == 1u);
    BOOST_TEST((read_record(w.record(id)->value)->data == metadata{{"k", "v"}, {"x", "on"}}));
    auto const other = w.run(w.m(1).get(id, named("alice")));
    BOOST_TEST(((*other)->request.data == metadata{{"k", "v"}, {"x", "on"}}));
    w.end();
  }
}

// SM36, RA07
BOOST_AUTO_TEST_CASE(decorate_of_an_unknown_or_terminated_session_is_not_found_and_recreates_nothing) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    session_world w(seed, with_replicas(2));
    if (seed == 0) BOOST_TEST(w.run(w.m().decorate("unknown", {}, add("x"))).error() == errc::not_found);
    auto const id = w.opened();
    auto decorating = w.start(w.m().decorate(id, {}, add("x")));
    for (auto i = w.sim.random(25); i > 0; --i) w.sim.step();
    auto ending = w.start(w.m(seed % 2).terminate(id, {}));
    w.finish(ending);
    w.finish(decorating);
    BOOST_REQUIRE(ending.look());
    if (!decorating.look()) BOOST_TEST(decorating.look().error() == errc::not_found);
    else decorating.take();
    BOOST_TEST(!w.record(id).has_value());
    for (std::size_t i = 0; i < 2; ++i) BOOST_TEST(!*w.run(w.m(i).get(id, {})));
    w.end();
  }
}

// SM37
BOOST_AUTO_TEST_CASE(conflicting_decorate_is_redone_on_a_fresh_session_and_ends_as_conflict) {
  session_world w(1);
  auto const id = w.opened();
  auto const made = w.run(w.m().decorate(id, {}, disturbed(w, id, 3)));
  BOOST_REQUIRE(made);
  BOOST_TEST((*made)->decorations.size() == 1u);
  BOOST_TEST((*made)->request.data.at("other") == "0");
  BOOST_TEST(read_record(w.record(id)->value)->data.at("other") == "0");
  BOOST_TEST(w.run(w.m().decorate(id, {}, disturbed(w, id, 100))).error() == errc::conflict);
  w.end();
}

// SM38, SM58, ID11
BOOST_AUTO_TEST_CASE(failed_decoration_leaves_cache_and_storage_as_they_were) {
  session_world w(1);
  auto const id = w.opened(named("alice"));
  auto const before = *w.record(id);
  using made = result<decoration<test_session>>;
  using session = std::shared_ptr<test_session>;
  struct trial {
    decorator<test_session> decorate;
    errc told;
  };
  for (auto const& one : std::vector<trial>{
           {[](session, metadata d) { return made(decoration<test_session>(nullptr, d)); }, errc::invalid_argument},
           {[](session s, metadata d) {
              auto other = std::make_shared<test_session>(*s);
              other->own_id = "another";
              return made(decoration<test_session>(other, d));
            },
            errc::invalid_argument},
           {[](session, metadata) -> made { throw std::runtime_error("no"); }, errc::load_failed},
           {[](session, metadata) -> made { throw 1; }, errc::load_failed},
           {[](session, metadata) { return made(make_error_code(errc::busy)); }, errc::busy},
           {[](session, metadata) { return made(make_error_code(errc::not_found)); }, errc::not_found},
           {[](session, metadata) { return made(make_error_code(errc::conflict)); }, errc::conflict},
           {[](session, metadata) { return made(make_error_code(errc::wrong_owner)); }, errc::wrong_owner},
           {[](session s, metadata d) {
              d[std::string(record_key::owner)] = "anonymous";
              return made(decoration<test_session>(s, d));
            },
            errc::invalid_argument},
           {[](session s, metadata d) {
              d["big"] = std::string(70'000, 'x');
              return made(decoration<test_session>(s, d));
            },
            errc::too_large},
           {nullptr, errc::invalid_argument}})
    BOOST_TEST(w.run(w.m().decorate(id, named("alice"), one.decorate)).error() == one.told);
  for (auto const fault : {storage_fault::unavailable, storage_fault::server_error}) {
    w.link().decide([=](storage_operation o, std::size_t) { return o == storage_operation::update_if ? fault : storage_fault::none; });
    BOOST_TEST(w.run(w.m().decorate(id, named("alice"), add("x"))).has_error());
  }
  w.link().decide(nullptr);
  BOOST_TEST((w.record(id)->revision == before.revision));
  auto const got = w.run(w.m().get(id, named("alice")));
  BOOST_TEST((*got)->decorations.empty());
  BOOST_TEST(w.book->opened() == 1u);
  w.end();
}

// RA25
BOOST_AUTO_TEST_CASE(of_two_decorates_none_is_lost_in_silence) {
  std::size_t both = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    session_world w(seed, with_replicas(2));
    auto const id = w.opened();
    auto one = w.start(w.m(0).decorate(id, {}, add("x")));
    auto two = w.start(w.m(seed % 2).decorate(id, {}, add("y")));
    w.finish(one);
    w.finish(two);
    auto const data = read_record(w.record(id)->value)->data;
    for (auto* each : {&one, &two}) {
      bool const is_first = each == &one;
      if (each->look()) BOOST_TEST(data.contains(is_first ? "x" : "y"));
      else BOOST_TEST(each->look().error() == errc::conflict);
    }
    bool const are_both = one.look().has_value() && two.look().has_value();
    both += are_both;
    static_cast<void>(one.take());
    static_cast<void>(two.take());
    auto const got = w.run(w.m(0).get(id, {}));
    BOOST_REQUIRE(*got);
    BOOST_TEST(!(*got)->is_closed);
    // On one replica the session itself wears both, each once.
    if (are_both && seed % 2 == 0) {
      auto worn = (*got)->decorations;
      std::sort(worn.begin(), worn.end());
      BOOST_TEST((worn == std::vector<std::string>{"x", "y"}), "seed " << seed << ", " << worn.size());
    }
    w.end();
  }
  BOOST_TEST(both > 500u);
}

// RA24: evicted by capacity, by another's update, or by a concurrent get, while it is being decorated.
BOOST_AUTO_TEST_CASE(closed_session_is_never_cached_by_a_decorate) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    auto how = with_replicas(2);
    how.options.cache_capacity = 1;
    session_world w(seed, how);
    auto const other = w.opened({}, open_parameters(), 1);
    auto const id = w.opened();
    auto decorating = w.start(w.m(0).decorate(id, {}, add("x")));
    for (auto i = w.sim.random(25); i > 0; --i) w.sim.step();
    auto evicting = w.start(w.m(0).get(other, {}));
    auto telling = w.start(w.m(1).notify_backend_expired(id, {}, "b"));
    w.finish(decorating);
    w.finish(evicting);
    w.finish(telling);
    if (decorating.look()) {
      BOOST_TEST(!(*decorating.look())->is_closed);
      BOOST_TEST((*decorating.look())->decorations.size() == 1u);
    }
    static_cast<void>(decorating.take());
    static_cast<void>(evicting.take());
    auto const got = w.run(w.m(0).get(id, {}));
    BOOST_REQUIRE(got);
    BOOST_REQUIRE(*got);
    BOOST_TEST(!(*got)->is_closed);
    BOOST_TEST((read_record(w.record(id)->value)->backends == std::vector<std::string>{"a"}));
    w.end();
  }
}

// SM41
BOOST_AUTO_TEST_CASE(terminate_that_fails_leaves_the_session_and_an_ambiguous_one_says_so) {
  session_world w(1, with_replicas(2));
  auto const id = w.opened();
  w.link().cut_off(true);
  BOOST_TEST(w.run(w.m().terminate(id, {})).error() == errc::unavailable);
  w.link().cut_off(false);
  BOOST_TEST(static_cast<bool>(*w.run(w.m().get(id, {}))));
  // A lost reply is confirmed by erasing again.
  w.link().fail(1, storage_fault::lost_reply);
  BOOST_TEST(w.run(w.m().terminate(id, {})).has_value());
  BOOST_TEST(!w.record(id).has_value());

  auto const next = w.opened();
  w.link().decide([](storage_operation o, std::size_t) { return o == storage_operation::erase ? storage_fault::lost_request : storage_fault::none; });
  BOOST_TEST(w.run(w.m().terminate(next, {})).error() == errc::ambiguous);
  BOOST_TEST(w.record(next).has_value());
  for (int i = 0; i < 3; ++i) BOOST_TEST(!*w.run(w.m().get(next, {})));  // SM42: treated as gone here
  BOOST_TEST((*w.run(w.m().validate(next, {})) == validity::gone));
  w.sim.run_for(1s);
  BOOST_TEST(w.book->open() == 0u);
  BOOST_TEST(static_cast<bool>(*w.run(w.m(1).get(next, {}))));
  w.link().decide(nullptr);
  w.end();
}

// SM41, SM42: whoever is told `ambiguous`, because the erase was or because they left while it was under way, is told that the id is gone here; from that moment
// on it is.
BOOST_AUTO_TEST_CASE(id_is_gone_on_this_replica_from_the_moment_its_terminate_is_told_ambiguous) {
  for (std::uint64_t seed = 0; seed < 600; ++seed) {
    auto how = with_replicas(2);
    how.options.check_interval = seed % 3 == 0 ? 10s : 0s;
    session_world w(seed, how);
    auto const id = w.opened();
    bool const is_cached = seed % 4 < 2;
    auto const on = is_cached ? 0u : 1u;
    w.link(on).decide([](storage_operation o, std::size_t) { return o == storage_operation::erase ? storage_fault::no_request : storage_fault::none; });
    auto const erases = w.link(on).calls(storage_operation::erase);
    auto ending = w.start(w.m(on).terminate(id, {}));
    while (w.link(on).calls(storage_operation::erase) == erases) BOOST_REQUIRE(w.sim.step());
    bool const is_leaving = seed % 2 == 0;
    for (auto i = w.sim.random(4); i > 0; --i) w.sim.step();
    if (is_leaving) ending.cancel();
    w.finish(ending);
    BOOST_TEST(ending.look().error() == errc::ambiguous);
    auto const restores = w.f(on).requests.size();
    for (int i = 0; i < 3; ++i) {
      auto const got = w.run(w.m(on).get(id, {}));
      BOOST_REQUIRE((got && !*got));
      BOOST_TEST((*w.run(w.m(on).validate(id, {})) == validity::gone));
      BOOST_TEST(w.run(w.m(on).decorate(id, {}, add("x"))).error() == errc::not_found);
    }
    BOOST_TEST(w.f(on).requests.size() == restores);
    BOOST_TEST(w.m(on).stats().cache.size == 0u);
    // Nothing was erased yet: elsewhere it lives.
    BOOST_TEST(w.record(id).has_value());
    w.link(on).decide(nullptr);
    w.sim.run_for(11s);
    BOOST_TEST(!*w.run(w.m(on).get(id, {})));
    BOOST_TEST(w.record(id).has_value() == !is_leaving);  // whoever left had the erase confirmed behind their back
    w.end();
  }
}

// SM41, RA03: as above, where what was erased first was a placeholder that had become a session meanwhile. The second round is not given up.
BOOST_AUTO_TEST_CASE(terminate_that_was_left_by_its_caller_ends_also_what_a_placeholder_became) {
  std::size_t second_rounds = 0;
  for (std::uint64_t seed = 0; seed < 600; ++seed) {
    session_world w(seed, with_replicas(2));
    auto const id = *w.run(w.m(1).generate());
    auto creating = w.start(w.m(1).create(id, {}, open_parameters({"a"})));
    for (auto i = w.sim.random(30); i > 0; --i) w.sim.step();
    auto ending = w.start(w.m(0).terminate(id, {}));
    while (w.link(0).calls(storage_operation::erase_if) + w.link(0).calls(storage_operation::erase) == 0 && !ending.is_done()) w.sim.step();
    ending.cancel();
    w.finish(ending);
    w.finish(creating);
    w.sim.run_for(11s);
    bool const is_told_ambiguous = ending.look().has_error() && ending.look().error() == errc::ambiguous;
    if (!is_told_ambiguous) continue;
    second_rounds += w.link(0).calls(storage_operation::erase) > 0 && w.link(0).calls(storage_operation::erase_if) > 0;
    static_cast<void>(creating.take());
    BOOST_TEST(!w.record(id).has_value(), "seed " << seed);
    for (std::size_t i = 0; i < 2; ++i) BOOST_TEST(!*w.run(w.m(i).get(id, {})), "seed " << seed);
    w.end();
  }
  BOOST_TEST(second_rounds > 20u);
}

// SM42
BOOST_AUTO_TEST_CASE(tombstones_are_bounded_and_expire_and_unheld_ids_take_no_place) {
  auto how = with_replicas(2);
  how.options.max_tombstones = 10;
  session_world w(1, how);
  std::vector<std::string> ids;
  for (int i = 0; i < 25; ++i) ids.push_back(w.opened());
  for (auto const& id : ids) BOOST_TEST(w.run(w.m().terminate(id, {})).has_value());
  BOOST_TEST(w.m().stats().tombstones == 10u);
  for (auto const& id : ids) BOOST_TEST(!*w.run(w.m(1).get(id, {})));
  BOOST_TEST(w.m(1).stats().tombstones == 0u);
  w.sim.run_for(31min);
  BOOST_TEST(w.m().stats().tombstones == 0u);
  // Held and seen gone.
  auto const id = w.opened();
  BOOST_TEST(w.run(w.m(1).terminate(id, {})).has_value());
  BOOST_TEST(!*w.run(w.m().get(id, {})));
  BOOST_TEST(w.m().stats().tombstones == 1u);
  // Whatever the storage says then.
  auto const back = w.store->table.create(id, placeholder_metadata(), std::nullopt, false, *revision::fresh(entropy_of(w.sim)), w.sim.now());
  BOOST_REQUIRE(back.is_written());
  BOOST_TEST(!*w.run(w.m().get(id, {})));
  w.end();
}

// DE13, SM42
BOOST_AUTO_TEST_CASE(tombstones_last_for_the_time_to_live_and_at_least_a_minute) {
  for (auto const& [ttl, lasts] : {std::pair(duration(30min), duration(30min)), std::pair(duration(10s), duration(1min)), std::pair(duration(1min), duration(1min))}) {
    auto how = with_replicas(2);
    how.store.ttl = ttl;
    session_world w(1, how);
    auto const id = w.opened();
    BOOST_TEST(w.run(w.m().terminate(id, {})).has_value());
    BOOST_TEST(w.m().stats().tombstones == 1u);
    w.sim.run_for(lasts - 1s);
    BOOST_TEST(w.m().stats().tombstones == 1u);
    w.sim.run_for(2s);
    BOOST_TEST(w.m().stats().tombstones == 0u);
    w.end();
  }
}

// SM44, SM47
BOOST_AUTO_TEST_CASE(expired_backend_leaves_the_record_with_its_hint_and_every_replica_rebuilds) {
  session_world w(1, with_replicas(2));
  auto const id = w.opened(named("alice"), open_parameters({"a", "b"}, metadata{{"k", "v"}}));
  BOOST_TEST(static_cast<bool>(*w.run(w.m(1).get(id, named("alice")))));
  BOOST_TEST(w.run(w.m(0).notify_backend_expired(id, named("alice"), "b")).has_value());
  auto const parts = read_record(w.record(id)->value);
  BOOST_TEST((parts->backends == std::vector<std::string>{"a"}));
  BOOST_TEST((parts->data == metadata{{"k", "v"}}));
  BOOST_TEST(w.record(id)->hints.contains("a"));
  BOOST_TEST(!w.record(id)->hints.contains("b"));
  for (std::size_t i = 0; i < 2; ++i) {
    auto const got = w.run(w.m(i).get(id, named("alice")));
    BOOST_REQUIRE(*got);
    BOOST_TEST(((*got)->request.backends == std::vector<std::string>{"a"}));
  }
  BOOST_TEST(w.run(w.m(1).notify_backend_expired(id, named("alice"), "a")).has_value());
  BOOST_TEST(read_record(w.record(id)->value)->backends.empty());
  for (std::size_t i = 0; i < 2; ++i) BOOST_TEST(static_cast<bool>(*w.run(w.m(i).get(id, named("alice")))));
  w.end();
}

// SM45, RA26
BOOST_AUTO_TEST_CASE(notification_without_anything_to_do_does_nothing_and_keeps_nothing_alive) {
  session_world w(1, with_replicas(2));
  auto const placeholder = *w.run(w.m().generate());
  BOOST_TEST(w.run(w.m().notify_backend_expired(placeholder, {}, "a")).has_value());
  BOOST_TEST(w.run(w.m().notify_backend_expired("unknown", {}, "a")).has_value());
  auto const id = w.opened();
  auto const at = w.record(id)->revision;
  for (int i = 0; i < 59; ++i) {
    w.sim.run_for(30s);
    BOOST_TEST(w.run(w.m(1).notify_backend_expired(id, {}, "other")).has_value());
  }
  BOOST_TEST((w.record(id)->revision == at));
  BOOST_TEST(w.f(1).requests.empty());
  w.sim.run_for(31s);
  BOOST_TEST(!w.record(id).has_value());
  BOOST_TEST(w.run(w.m().notify_backend_expired(id, {}, "a")).has_value());
  BOOST_TEST(!w.record(id).has_value());
  w.end();
}

// SM46, SM58
BOOST_AUTO_TEST_CASE(failed_notification_is_returned_and_evicts_nothing) {
  session_world w(1);
  auto const id = w.opened();
  for (auto const fault : {storage_fault::unavailable, storage_fault::server_error, storage_fault::lost_request}) {
    w.link().decide([=](storage_operation o, std::size_t) { return o == storage_operation::update_if ? fault : storage_fault::none; });
    BOOST_TEST(w.run(w.m().notify_backend_expired(id, {}, "a")).has_error());
  }
  w.link().decide(nullptr);
  BOOST_TEST(static_cast<bool>(*w.run(w.m().get(id, {}))));
  BOOST_TEST(w.book->opened() == 1u);
  // RA41: carried out, and the reply lost.
  w.link().decide([](storage_operation o, std::size_t) { return o == storage_operation::update_if ? storage_fault::lost_reply : storage_fault::none; });
  auto const before = w.link().calls(storage_operation::update_if);
  BOOST_TEST(w.run(w.m().notify_backend_expired(id, {}, "a")).has_value());
  BOOST_TEST(w.link().calls(storage_operation::update_if) == before + 1);
  w.link().decide(nullptr);
  BOOST_TEST((read_record(w.record(id)->value)->backends == std::vector<std::string>{"b"}));
  w.end();
}

// RA10, RA11, SM46
BOOST_AUTO_TEST_CASE(concurrent_notifications_lose_nothing_and_recreate_nothing) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    session_world w(seed, with_replicas(2));
    auto const id = w.opened({}, open_parameters({"a", "b", "c"}));
    auto one = w.start(w.m(0).notify_backend_expired(id, {}, "a"));
    auto two = w.start(w.m(1).notify_backend_expired(id, {}, "b"));
    bool const is_ended = seed % 3 == 0;
    std::optional<call<result<termination>>> ending;
    if (is_ended) {
      for (auto i = w.sim.random(12); i > 0; --i) w.sim.step();
      ending = w.start(w.m(seed % 2).terminate(id, {}));
      w.finish(*ending);
    }
    w.finish(one);
    w.finish(two);
    BOOST_TEST(one.look().has_value());
    BOOST_TEST(two.look().has_value());
    if (is_ended) BOOST_TEST(!w.record(id).has_value());
    else BOOST_TEST((read_record(w.record(id)->value)->backends == std::vector<std::string>{"c"}));
    w.end();
  }
}

// SM48
BOOST_AUTO_TEST_CASE(no_operation_writes_without_a_condition_but_the_erase_of_terminate) {
  session_world w(1, with_replicas(2));
  auto const id = w.opened();
  BOOST_TEST(w.run(w.m().decorate(id, {}, add("x"))).has_value());
  BOOST_TEST(static_cast<bool>(*w.run(w.m(1).get(id, {}))));
  BOOST_TEST(w.run(w.m().notify_backend_expired(id, {}, "a")).has_value());
  w.f().instead = [](auto&) { return std::optional(result<opened<test_session>>(make_error_code(errc::busy))); };
  BOOST_TEST(w.run(w.m().open({}, open_parameters())).has_error());
  w.sim.run_for(40min);
  for (std::size_t i = 0; i < 2; ++i) {
    BOOST_TEST(w.link(i).calls(storage_operation::store) == 0u);
    BOOST_TEST(w.link(i).calls(storage_operation::update) == 0u);
    BOOST_TEST(w.link(i).calls(storage_operation::erase) == 0u);
  }
  w.end();
}

BOOST_AUTO_TEST_SUITE_END()
