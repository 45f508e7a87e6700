#pragma once

#include "storage/contract_world.hpp"

#include <concepts>
#include <string>
#include <utility>
#include <vector>

namespace mooring::test {

/** The part of the contract that is about what may be stored under which id. */
template <class T>
struct contract_limits {
  using world = contract_world<T>;
  using bench = contract_bench<T>;
  using values = contract_values<T>;
  using contract_case = std::pair<std::string, void (*)(world&)>;

  static std::vector<contract_case> cases() {
    return {
        {"every_operation_refuses_an_id_that_breaks_the_rule", refused_ids},
        {"the_longest_and_the_oddest_ids_are_told_apart", odd_ids},
        {"a_null_value_is_refused_and_an_empty_one_is_not", null_and_empty},
        {"what_is_stored_is_a_copy", stored_is_a_copy},
        {"a_value_beyond_a_limit_leaves_the_stored_one", limits},
        {"any_utf8_comes_back_byte_for_byte", round_trip},
        {"text_that_is_not_utf8_is_refused", invalid_utf8},
    };
  }

  static constexpr bool is_map = std::derived_from<T, text_map>;

  // ST14
  static void refused_ids(world& w) {
    bench b(w);
    std::vector<std::string> const bad{"", std::string(257, 'a'), "a b", "a\x1f", "a\x7f", "\xc3\xa4", std::string("a\0b", 3), "a\r\nb", "\t", "a\x80"};
    for (auto const& id : bad) {
      BOOST_TEST(b.ask(b.store->create(id, b.value())).error() == errc::invalid_id);
      BOOST_TEST(b.ask(b.store->update(id, b.value())).error() == errc::invalid_id);
      BOOST_TEST(b.ask(b.store->update(id, b.value(), revision(1, 2))).error() == errc::invalid_id);
      BOOST_TEST(b.ask(b.store->store(id, b.value())).error() == errc::invalid_id);
      BOOST_TEST(b.ask(b.store->update_hints(id, hint_map{})).error() == errc::invalid_id);
      BOOST_TEST(b.ask(b.store->load(id)).error() == errc::invalid_id);
      BOOST_TEST(b.ask(b.store->peek(id)).error() == errc::invalid_id);
      BOOST_TEST(b.ask(b.store->touch(id)).error() == errc::invalid_id);
      BOOST_TEST(b.ask(b.store->erase(id)).error() == errc::invalid_id);
      BOOST_TEST(b.ask(b.store->erase(id, revision(1, 2))).error() == errc::invalid_id);
      auto const at_once = b.store->load_revision_at_once(id);
      BOOST_TEST((!at_once || at_once->error() == errc::invalid_id));
    }
  }

  // ST14: the ends of the rule are inside it
  static void odd_ids(world& w) {
    bench b(w);
    std::vector<std::string> const good{"!", "~", std::string(256, 'a'), std::string(255, 'a') + "b", "a:b", "a*b", "a{b}", "\"", "\\", "'", "%n%s", "A", "a"};
    for (auto const& id : good) b.put(id, id);
    for (auto const& id : good) BOOST_TEST(b.text_at(id) == id);
    for (auto const& id : good) BOOST_TEST(b.ask(b.store->erase(id)).value());
  }

  // ST15
  static void null_and_empty(world& w) {
    bench b(w);
    if constexpr (requires(T const& v) { v == nullptr; }) {
      auto const first = b.put("a", "first");
      BOOST_TEST(b.ask(b.store->create("b", T())).error() == errc::invalid_argument);
      BOOST_TEST(b.ask(b.store->update("a", T())).error() == errc::invalid_argument);
      BOOST_TEST(b.ask(b.store->update("a", T(), first)).error() == errc::invalid_argument);
      BOOST_TEST(b.ask(b.store->store("a", T())).error() == errc::invalid_argument);
      BOOST_TEST(b.text_at("a") == "first");
      BOOST_TEST(!b.is_there("b"));
    }
    BOOST_TEST(b.ask(b.store->create("empty", values::of({}))).is_written());
    BOOST_TEST(values::texts_of(b.see("empty")->value).empty());
    BOOST_TEST(b.see("empty")->hints.empty());
  }

  // ST15
  static void stored_is_a_copy(world& w) {
    bench b(w);
    auto value = b.value("first");
    BOOST_TEST(b.ask(b.store->create("a", value)).is_written());
    if constexpr (is_map) value["k"] = "changed";
    BOOST_TEST(b.text_at("a") == "first");
    auto loaded = b.see("a");
    if constexpr (is_map) loaded->value["k"] = "changed";
    loaded->hints["one"] = "changed";
    BOOST_TEST(b.text_at("a") == "first");
    BOOST_TEST(b.see("a")->hints.empty());
  }

  // ST16
  static void limits(world& w) {
    text_limits limits;
    limits.max_entries = 4;
    limits.max_key_bytes = 8;
    limits.max_value_bytes = 16;
    limits.max_total_bytes = 32;
    bench b(w, contract_options{w.ttl(), std::nullopt, limits});
    std::vector<text_map> const kept{
        {{"a", ""}, {"b", ""}, {"c", ""}, {"d", ""}},
        {{std::string(8, 'k'), ""}},
        {{"k", std::string(16, 'v')}},
        {{"a", std::string(15, 'v')}, {"b", std::string(15, 'v')}},
        {{"", ""}},
    };
    std::vector<text_map> const refused{
        {{"a", ""}, {"b", ""}, {"c", ""}, {"d", ""}, {"e", ""}},
        {{std::string(9, 'k'), ""}},
        {{"k", std::string(17, 'v')}},
        {{"a", std::string(15, 'v')}, {"b", std::string(16, 'v')}},
    };
    BOOST_TEST(b.ask(b.store->create("a", values::of({}))).is_written());
    for (auto const& texts : kept) {
      auto const next = b.ask(b.store->update("a", values::of(texts)));
      BOOST_TEST(next.is_written());
      BOOST_TEST(b.ask(b.store->update_hints("a", texts)).value());
      for (auto const& more : refused) {
        BOOST_TEST(b.ask(b.store->create("b", values::of(more))).error() == errc::too_large);
        BOOST_TEST(b.ask(b.store->update("a", values::of(more))).error() == errc::too_large);
        BOOST_TEST(b.ask(b.store->update("a", values::of(more), **next)).error() == errc::too_large);
        BOOST_TEST(b.ask(b.store->store("a", values::of(more))).error() == errc::too_large);
        BOOST_TEST(b.ask(b.store->update_hints("a", more)).error() == errc::too_large);
      }
      auto const found = b.see("a");
      BOOST_REQUIRE(found.has_value());
      BOOST_TEST((found->revision == **next));
      BOOST_TEST((values::texts_of(found->value) == texts));
      BOOST_TEST((found->hints == texts));
    }
    BOOST_TEST(!b.is_there("b"));
  }

  // ST17
  static void round_trip(world& w) {
    bench b(w);
    std::string every;
    for (int c = 0; c < 128; ++c) every += static_cast<char>(c);
    text_map const texts{
        {"quotes", "\"'`\\\\\"\\u0041\\"},
        {"nul", std::string("a\0b\0", 4)},
        {std::string("nul\0key", 7), "x"},
        {"lines", "a\r\nb\n\rc\r\n\r\n$5\r\nhello\r\n"},
        {"multi", "\xc3\xa4\xe2\x82\xac\xf0\x9f\xa6\x80\xef\xbf\xbf\xf4\x8f\xbf\xbf"},
        {"\xc3\xa4\xe2\x82\xac", "key"},
        {"every", every},
        {"json", "{\"a\":[1,2,{\"b\":null}]}"},
        {"number", "00123e5"},
        {"", "no key"},
        {"space", "  "},
    };
    BOOST_TEST(b.ask(b.store->create("a", values::of(texts))).is_written());
    BOOST_TEST(b.ask(b.store->update_hints("a", texts)).value());
    auto const found = b.see("a");
    BOOST_REQUIRE(found.has_value());
    BOOST_TEST((values::texts_of(found->value) == texts));
    BOOST_TEST((found->hints == texts));
    auto const next = b.ask(b.store->update("a", values::of(texts), found->revision));
    BOOST_TEST(next.is_written());
    BOOST_TEST((values::texts_of(b.see("a")->value) == texts));
    BOOST_TEST((b.see("a")->hints == texts));
  }

  // ST17
  static void invalid_utf8(world& w) {
    bench b(w);
    auto const first = b.put("a", "first");
    std::vector<std::string> const bad{"\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "a\x80", "eight123\xfe"};
    for (auto const& text : bad) {
      for (auto const& texts : {text_map{{"k", text}}, text_map{{text, "v"}}}) {
        BOOST_TEST(b.ask(b.store->create("b", values::of(texts))).error() == errc::invalid_argument);
        BOOST_TEST(b.ask(b.store->update("a", values::of(texts))).error() == errc::invalid_argument);
        BOOST_TEST(b.ask(b.store->update("a", values::of(texts), first)).error() == errc::invalid_argument);
        BOOST_TEST(b.ask(b.store->store("a", values::of(texts))).error() == errc::invalid_argument);
        BOOST_TEST(b.ask(b.store->update_hints("a", texts)).error() == errc::invalid_argument);
      }
    }
    BOOST_TEST((b.see("a")->revision == first));
    BOOST_TEST(!b.is_there("b"));
  }
};

}  // namespace mooring::test
