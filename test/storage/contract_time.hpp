#pragma once

#include "storage/contract_world.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace mooring::test {

/** The part of the contract that is about time: what slides an expiry, and what an expired record is. */
template <class T>
struct contract_time {
  using world = contract_world<T>;
  using bench = contract_bench<T>;
  using contract_case = std::pair<std::string, void (*)(world&)>;

  static std::vector<contract_case> cases() {
    return {
        {"a_record_is_there_until_its_ttl_has_passed", lives_for_ttl},
        {"what_succeeds_slides_to_a_full_ttl", sliding_operations},
        {"what_reads_still_or_fails_slides_nothing", still_operations},
        {"an_expired_record_is_absent_to_every_operation", expired_is_absent},
        {"nothing_outlives_the_absolute_lifetime", absolute_lifetime},
        {"create_may_bring_a_shorter_ttl", shorter_ttl},
        {"a_fixed_record_expires_whoever_asks_until_it_is_updated", fixed_ttl},
        {"times_that_make_no_sense_are_refused", refused_times},
        {"erase_expired_drops_no_live_record", erase_expired},
    };
  }

  struct named_operation {
    std::string name;
    std::function<void(bench&, revision)> run;
  };

  // ST18
  static void lives_for_ttl(world& w) {
    bench b(w);
    b.put("a");
    w.advance(w.ttl() - w.slack());
    BOOST_TEST(b.is_there("a"));
    w.advance(2 * w.slack());
    BOOST_TEST(!b.is_there("a"));
  }

  // ST12, ST13, ST19, ST08
  static void sliding_operations(world& w) {
    std::vector<named_operation> const all{
        {"load", [](bench& b, revision) { BOOST_TEST(b.ask(b.store->load("a")).value().has_value()); }},
        {"touch", [](bench& b, revision) { BOOST_TEST(b.ask(b.store->touch("a")).value()); }},
        {"update", [](bench& b, revision) { BOOST_TEST(b.ask(b.store->update("a", b.value())).is_written()); }},
        {"update_if", [](bench& b, revision r) { BOOST_TEST(b.ask(b.store->update("a", b.value(), r)).is_written()); }},
        {"update_hints", [](bench& b, revision) { BOOST_TEST(b.ask(b.store->update_hints("a", hint_map{})).value()); }},
        {"store", [](bench& b, revision) { BOOST_TEST(b.ask(b.store->store("a", b.value())).is_written()); }},
    };
    for (auto const& operation : all) {
      BOOST_TEST_CONTEXT(operation.name) {
        bench b(w);
        b.ask(b.store->erase("a")).value();
        auto const made = b.put("a");
        w.advance(w.ttl() / 2);
        operation.run(b, made);
        w.advance(w.ttl() - w.slack());
        BOOST_TEST(b.is_there("a"));
        w.advance(2 * w.slack());
        BOOST_TEST(!b.is_there("a"));
      }
    }
  }

  // ST02, ST04, ST13, ST19
  static void still_operations(world& w) {
    std::vector<named_operation> const all{
        {"peek", [](bench& b, revision) { BOOST_TEST(b.is_there("a")); }},
        {"create", [](bench& b, revision) { BOOST_TEST(b.ask(b.store->create("a", b.value())).error() == errc::exists); }},
        {"update_conflict", [](bench& b, revision) { BOOST_TEST(b.ask(b.store->update("a", b.value(), revision(1, 2))).error() == errc::conflict); }},
        {"erase_conflict", [](bench& b, revision) { BOOST_TEST(b.ask(b.store->erase("a", revision(1, 2))).error() == errc::conflict); }},
        {"too_large",
         [](bench& b, revision r) {
           auto const large = contract_values<T>::of(text_map{{std::string(257, 'k'), ""}});
           BOOST_TEST(b.ask(b.store->update("a", large, r)).error() == errc::too_large);
           BOOST_TEST(b.ask(b.store->update_hints("a", hint_map{{std::string(257, 'k'), ""}})).error() == errc::too_large);
         }},
        {"late", [](bench& b, revision) { BOOST_TEST(b.ask(b.store->load("a", {.deadline = duration::zero()})).error() == errc::deadline_exceeded); }},
    };
    for (auto const& operation : all) {
      BOOST_TEST_CONTEXT(operation.name) {
        bench b(w);
        b.ask(b.store->erase("a")).value();
        auto const made = b.put("a");
        w.advance(w.ttl() / 2);
        operation.run(b, made);
        w.advance(w.ttl() - w.ttl() / 2 + w.slack());
        BOOST_TEST(!b.is_there("a"));
      }
    }
  }

  // ST20, RA39
  static void expired_is_absent(world& w) {
    bench b(w);
    auto const made = b.put("a", "old");
    w.advance(w.ttl() + w.slack());
    BOOST_TEST(!b.ask(b.store->load("a")).value().has_value());
    BOOST_TEST(!b.is_there("a"));
    BOOST_TEST(!b.ask(b.store->touch("a")).value());
    BOOST_TEST(b.ask(b.store->update("a", b.value())).is_absent());
    BOOST_TEST(b.ask(b.store->update("a", b.value(), made)).is_absent());
    BOOST_TEST(!b.ask(b.store->update_hints("a", hint_map{})).value());
    BOOST_TEST(!b.ask(b.store->erase("a")).value());
    BOOST_TEST(!b.ask(b.store->erase("a", made)).value());
    b.put("a", "new");
    BOOST_TEST(b.text_at("a") == "new");
    BOOST_TEST(b.ask(b.store->update("a", b.value(), made)).error() == errc::conflict);
  }

  // ST21
  static void absolute_lifetime(world& w) {
    auto const lifetime = w.ttl() + w.ttl() / 2;
    bench b(w, contract_options{w.ttl(), lifetime, {}});
    b.put("touched");
    b.put("updated");
    b.put("stored");
    auto const step = w.ttl() / 2;
    for (auto passed = step; passed < lifetime; passed += step) {
      w.advance(passed == step ? step - w.slack() : step);
      BOOST_TEST(b.ask(b.store->load("touched")).value().has_value());
      BOOST_TEST(b.ask(b.store->touch("touched")).value());
      BOOST_TEST(b.ask(b.store->update_hints("updated", hint_map{})).value());
      BOOST_TEST(b.ask(b.store->update("updated", b.value())).is_written());
      BOOST_TEST(b.ask(b.store->store("stored", b.value())).is_written());
    }
    // Half a TTL after the last touch, but at the end of the lifetime; a store began a new life.
    w.advance(step + w.slack());
    BOOST_TEST(!b.is_there("touched"));
    BOOST_TEST(!b.is_there("updated"));
    BOOST_TEST(b.is_there("stored"));
  }

  // ST22, ST21
  static void shorter_ttl(world& w) {
    bench b(w);
    auto const third = w.ttl() / 3;
    BOOST_TEST(b.ask(b.store->create("left", b.value(), {.deadline = {}, .ttl = third})).is_written());
    BOOST_TEST(b.ask(b.store->create("loaded", b.value(), {.deadline = {}, .ttl = third})).is_written());
    BOOST_TEST(b.ask(b.store->create("longer", b.value(), {.deadline = {}, .ttl = 3 * w.ttl()})).is_written());
    w.advance(third - w.slack());
    BOOST_TEST(b.is_there("left"));
    BOOST_TEST(b.ask(b.store->load("loaded")).value().has_value());
    w.advance(2 * w.slack());
    BOOST_TEST(!b.is_there("left"));
    BOOST_TEST(b.is_there("loaded"));
    w.advance(w.ttl() - third - 2 * w.slack());
    BOOST_TEST(b.is_there("loaded"));
    w.advance(third + w.slack());
    BOOST_TEST(!b.is_there("loaded"));
    BOOST_TEST(!b.is_there("longer"));
  }

  static void fixed_ttl(world& w) {
    bench b(w);
    auto const third = w.ttl() / 3;
    create_options const fixed{.deadline = {}, .ttl = third, .is_fixed = true};
    BOOST_TEST(b.ask(b.store->create("asked", b.value(), fixed)).is_written());
    auto const made = b.ask(b.store->create("updated", b.value(), fixed));
    BOOST_REQUIRE(made.is_written());
    w.advance(third - w.slack());
    BOOST_TEST(b.ask(b.store->load("asked")).value().has_value());
    BOOST_TEST(b.ask(b.store->touch("asked")).value());
    BOOST_TEST(b.ask(b.store->update_hints("asked", hint_map{})).value());
    BOOST_TEST(b.ask(b.store->update("updated", b.value(), **made)).is_written());
    w.advance(2 * w.slack());
    BOOST_TEST(!b.is_there("asked"));
    w.advance(w.ttl() - 4 * w.slack());
    BOOST_TEST(b.ask(b.store->load("updated")).value().has_value());
    w.advance(w.ttl() - w.slack());
    BOOST_TEST(b.is_there("updated"));
  }

  // ST22
  static void refused_times(world& w) {
    auto const refused = [&w](duration ttl, std::optional<duration> lifetime) {
      auto const made = w.make(contract_options{ttl, lifetime, {}});
      return !made && made.error() == errc::invalid_argument;
    };
    BOOST_TEST(refused(duration::zero(), std::nullopt));
    BOOST_TEST(refused(duration(-1), std::nullopt));
    BOOST_TEST(refused(w.ttl(), w.ttl() - std::chrono::milliseconds(1)));
    BOOST_TEST(refused(w.ttl(), duration::zero()));

    bench b(w, contract_options{w.ttl(), w.ttl(), {}});
    BOOST_TEST(b.ask(b.store->create("a", b.value(), {.deadline = {}, .ttl = duration::zero()})).error() == errc::invalid_argument);
    BOOST_TEST(b.ask(b.store->create("a", b.value(), {.deadline = {}, .ttl = duration(-1)})).error() == errc::invalid_argument);
    BOOST_TEST(b.ask(b.store->create("a", b.value(), {.deadline = {}, .ttl = {}, .is_fixed = true})).error() == errc::invalid_argument);
    BOOST_TEST(!b.is_there("a"));
    BOOST_TEST(b.ask(b.store->create("a", b.value(), {.deadline = {}, .ttl = duration(1)})).is_written());
    bench shortest(w, contract_options{duration(1), std::nullopt, {}});
    BOOST_TEST(shortest.ask(shortest.store->create("b", b.value())).is_written());
  }

  // ST23
  static void erase_expired(world& w) {
    bench b(w);
    b.put("old");
    w.advance(w.ttl() / 2);
    b.put("young");
    w.advance(w.ttl() - w.ttl() / 2 + w.slack());
    BOOST_TEST(b.ask(b.store->erase_expired()).has_value());
    BOOST_TEST(!b.is_there("old"));
    BOOST_TEST(b.is_there("young"));
    auto const again = b.ask(b.store->erase_expired());
    BOOST_TEST(again.value() == 0U);
  }
};

}  // namespace mooring::test
