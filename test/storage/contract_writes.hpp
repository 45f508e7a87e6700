#pragma once

#include "storage/contract_world.hpp"

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace mooring::test {

/** The part of the contract that is about who wins: create, update, store, hints, erase. */
template <class T>
struct contract_writes {
  using world = contract_world<T>;
  using bench = contract_bench<T>;
  using values = contract_values<T>;
  using contract_case = std::pair<std::string, void (*)(world&)>;
  using written = std::vector<std::shared_ptr<std::optional<write_outcome>>>;

  static std::vector<contract_case> cases() {
    return {
        {"create_stores_an_absent_id_under_a_fresh_revision", create_stores},
        {"create_of_a_present_id_changes_nothing", create_of_a_present_id},
        {"one_of_twenty_concurrent_creates_wins", concurrent_creates},
        {"update_overwrites_what_is_present_and_creates_nothing", update_overwrites},
        {"update_on_a_revision_succeeds_once", update_on_a_revision},
        {"update_on_another_revision_changes_nothing", update_conflict},
        {"a_revision_never_repeats", revisions_differ},
        {"hints_leave_value_and_revision_alone", hints_beside},
        {"hints_and_updates_do_not_disturb_each_other", hints_and_updates},
        {"store_creates_or_overwrites", store_always},
        {"erase_says_whether_anything_was_there", erase_once},
        {"erase_on_a_revision_removes_that_one_only", erase_on_a_revision},
        {"no_write_on_an_earlier_revision_survives_an_erase", erase_is_final},
        {"load_and_peek_find_the_same", load_and_peek},
    };
  }

  // ST01
  static void create_stores(world& w) {
    bench b(w);
    auto const made = b.ask(b.store->create("a", b.value("first")));
    BOOST_REQUIRE(made.is_written());
    BOOST_TEST(!(*made)->is_none());
    BOOST_TEST((made.attempted() == **made));
    auto const found = b.see("a");
    BOOST_REQUIRE(found.has_value());
    BOOST_TEST((found->revision == **made));
    BOOST_TEST((values::texts_of(found->value) == text_map{{"k", "first"}}));
    BOOST_TEST(found->hints.empty());
  }

  // ST02
  static void create_of_a_present_id(world& w) {
    bench b(w);
    auto const first = b.put("a", "first");
    auto const again = b.ask(b.store->create("a", b.value("second")));
    BOOST_TEST(again.error() == errc::exists);
    auto const found = b.see("a");
    BOOST_REQUIRE(found.has_value());
    BOOST_TEST((found->revision == first));
    BOOST_TEST(b.text_at("a") == "first");
  }

  // ST02
  static void concurrent_creates(world& w) {
    bench b(w);
    written all;
    for (int i = 0; i < 20; ++i) all.push_back(b.start(b.store->create("a", b.value(std::to_string(i)))));
    b.finish(all);
    int winner = -1;
    for (int i = 0; i < 20; ++i) {
      auto const& one = **all[static_cast<std::size_t>(i)];
      if (!one.is_written()) {
        BOOST_TEST(one.error() == errc::exists);
        continue;
      }
      BOOST_TEST(winner == -1);
      winner = i;
      BOOST_TEST((b.see("a")->revision == **one));
    }
    BOOST_TEST(b.text_at("a") == std::to_string(winner));
  }

  // ST03
  static void update_overwrites(world& w) {
    bench b(w);
    auto const first = b.put("a", "first");
    auto const next = b.ask(b.store->update("a", b.value("second")));
    BOOST_REQUIRE(next.is_written());
    BOOST_TEST((**next != first));
    BOOST_TEST((b.see("a")->revision == **next));
    BOOST_TEST(b.text_at("a") == "second");

    BOOST_TEST(b.ask(b.store->update("never", b.value())).is_absent());
    BOOST_TEST(!b.is_there("never"));
    BOOST_TEST(b.ask(b.store->erase("a")).value());
    BOOST_TEST(b.ask(b.store->update("a", b.value())).is_absent());
    BOOST_TEST(!b.is_there("a"));
    b.put("b");
    w.advance(w.ttl() + w.slack());
    BOOST_TEST(b.ask(b.store->update("b", b.value())).is_absent());
    BOOST_TEST(!b.is_there("b"));
  }

  // ST04
  static void update_on_a_revision(world& w) {
    bench b(w);
    auto const first = b.put("a", "first");
    written all;
    for (int i = 0; i < 8; ++i) all.push_back(b.start(b.store->update("a", b.value(std::to_string(i)), first)));
    b.finish(all);
    int winner = -1;
    for (int i = 0; i < 8; ++i) {
      auto const& one = **all[static_cast<std::size_t>(i)];
      if (!one.is_written()) {
        BOOST_TEST(one.error() == errc::conflict);
        continue;
      }
      BOOST_TEST(winner == -1);
      winner = i;
      BOOST_TEST((b.see("a")->revision == **one));
    }
    BOOST_TEST(b.text_at("a") == std::to_string(winner));
  }

  // ST04
  static void update_conflict(world& w) {
    bench b(w);
    auto const first = b.put("a", "first");
    BOOST_REQUIRE(b.ask(b.store->update("a", b.value("second"), first)).is_written());
    BOOST_TEST(b.ask(b.store->update("a", b.value("third"), first)).error() == errc::conflict);
    BOOST_TEST(b.ask(b.store->update("a", b.value("third"), revision())).error() == errc::conflict);
    BOOST_TEST(b.text_at("a") == "second");
    BOOST_TEST(b.ask(b.store->update("never", b.value(), first)).is_absent());
    BOOST_TEST(!b.is_there("never"));
  }

  // ST05
  static void revisions_differ(world& w) {
    bench b(w);
    std::set<std::string> seen;
    auto const add = [&seen](revision r) { BOOST_TEST(seen.insert(r.text()).second); };
    for (int round = 0; round < 3; ++round) {
      add(b.put("a", "same"));
      add(**b.ask(b.store->update("a", b.value("other"))));
      add(**b.ask(b.store->update("a", b.value("same"))));
      add(**b.ask(b.store->update("a", b.value("same"), b.see("a")->revision)));
      add(**b.ask(b.store->store("a", b.value("same"))));
      BOOST_TEST(b.ask(b.store->erase("a")).value());
    }
  }

  // ST06
  static void hints_beside(world& w) {
    bench b(w);
    auto const first = b.put("a", "first");
    BOOST_TEST(b.ask(b.store->update_hints("a", hint_map{{"one", "1"}, {"two", "2"}})).value());
    BOOST_TEST(b.ask(b.store->update_hints("a", hint_map{{"one", "11"}})).value());
    auto const found = b.see("a");
    BOOST_REQUIRE(found.has_value());
    BOOST_TEST((found->hints == hint_map{{"one", "11"}}));
    BOOST_TEST((found->revision == first));
    BOOST_TEST(b.text_at("a") == "first");
    BOOST_TEST(!b.ask(b.store->update_hints("never", hint_map{{"one", "1"}})).value());
    BOOST_TEST(!b.is_there("never"));
  }

  // ST07
  static void hints_and_updates(world& w) {
    bench b(w);
    auto const first = b.put("a", "first");
    auto const hints = b.start(b.store->update_hints("a", hint_map{{"one", "1"}}));
    auto const update = b.start(b.store->update("a", b.value("second"), first));
    auto const more = b.start(b.store->update_hints("b", hint_map{}));
    w.run_until([&] { return hints->has_value() && update->has_value() && more->has_value(); });
    BOOST_TEST((*hints)->value());
    BOOST_TEST((*update)->is_written());
    BOOST_TEST(!(*more)->value());
    BOOST_TEST(b.text_at("a") == "second");
    BOOST_TEST((b.see("a")->hints == hint_map{{"one", "1"}}));
    BOOST_TEST(b.ask(b.store->update("a", b.value("third"))).is_written());
    BOOST_TEST((b.see("a")->hints == hint_map{{"one", "1"}}));
  }

  // ST08
  static void store_always(world& w) {
    bench b(w);
    auto const made = b.ask(b.store->store("a", b.value("first")));
    BOOST_REQUIRE(made.is_written());
    BOOST_TEST(b.ask(b.store->update_hints("a", hint_map{{"one", "1"}})).value());
    auto const again = b.ask(b.store->store("a", b.value("second")));
    BOOST_REQUIRE(again.is_written());
    BOOST_TEST((**again != **made));
    BOOST_TEST(b.text_at("a") == "second");
    BOOST_TEST(b.see("a")->hints.empty());
    BOOST_TEST((b.see("a")->revision == **again));
  }

  // ST09
  static void erase_once(world& w) {
    bench b(w);
    BOOST_TEST(!b.ask(b.store->erase("never")).value());
    b.put("a");
    std::vector<std::shared_ptr<std::optional<result<bool>>>> all;
    for (int i = 0; i < 20; ++i) all.push_back(b.start(b.store->erase("a")));
    b.finish(all);
    int removed = 0;
    for (auto const& one : all) {
      BOOST_REQUIRE((*one)->has_value());
      removed += (*one)->value();
    }
    BOOST_TEST(removed == 1);
    BOOST_TEST(!b.is_there("a"));
  }

  // ST10
  static void erase_on_a_revision(world& w) {
    bench b(w);
    auto const first = b.put("a", "first");
    auto const next = b.ask(b.store->update("a", b.value("second")));
    BOOST_TEST(b.ask(b.store->erase("a", first)).error() == errc::conflict);
    BOOST_TEST(b.text_at("a") == "second");
    BOOST_TEST(b.ask(b.store->erase("a", **next)).value());
    BOOST_TEST(!b.is_there("a"));
    BOOST_TEST(!b.ask(b.store->erase("a", **next)).value());
  }

  // ST11: writes that begin before, while and after an erase runs
  static void erase_is_final(world& w) {
    bench b(w);
    auto const first = b.put("a", "first");
    auto const before = b.start(b.store->update("a", b.value("second"), first));
    auto const erase = b.start(b.store->erase("a"));
    auto const meanwhile = b.start(b.store->update("a", b.value("third"), first));
    w.run_until([&] { return erase->has_value(); });
    BOOST_TEST((*erase)->value());
    BOOST_TEST(!b.is_there("a"));
    auto const after = b.start(b.store->update("a", b.value("fourth"), first));
    w.run_until([&] { return before->has_value() && meanwhile->has_value() && after->has_value(); });
    BOOST_TEST((*after)->is_absent());
    BOOST_TEST(!b.is_there("a"));
    auto const anew = b.put("a", "anew");
    BOOST_TEST(b.ask(b.store->update("a", b.value("fifth"), first)).error() == errc::conflict);
    BOOST_TEST(b.ask(b.store->erase("a", first)).error() == errc::conflict);
    BOOST_TEST((b.see("a")->revision == anew));
  }

  // ST12, ST13
  static void load_and_peek(world& w) {
    bench b(w);
    auto const nothing = b.ask(b.store->load("a"));
    BOOST_REQUIRE(nothing.has_value());
    BOOST_TEST(!nothing->has_value());
    BOOST_TEST(!b.is_there("a"));
    BOOST_TEST(!b.ask(b.store->touch("a")).value());
    auto const first = b.put("a", "first");
    BOOST_TEST(b.ask(b.store->update_hints("a", hint_map{{"one", "1"}})).value());
    BOOST_TEST(b.ask(b.store->touch("a")).value());
    auto const loaded = b.ask(b.store->load("a"));
    BOOST_REQUIRE(loaded.has_value());
    BOOST_REQUIRE(loaded->has_value());
    auto const peeked = b.see("a");
    BOOST_REQUIRE(peeked.has_value());
    BOOST_TEST(((*loaded)->revision == first));
    BOOST_TEST((peeked->revision == first));
    BOOST_TEST((values::texts_of((*loaded)->value) == values::texts_of(peeked->value)));
    BOOST_TEST(((*loaded)->hints == peeked->hints));
  }
};

}  // namespace mooring::test
