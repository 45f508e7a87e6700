#pragma once

#include "storage/contract_world.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mooring::test {

/** The part of the contract that is about how calls end: deadlines, cancellation, lost replies, close, completion tokens. */
template <class T>
struct contract_ends {
  using world = contract_world<T>;
  using bench = contract_bench<T>;
  using values = contract_values<T>;
  using contract_case = std::pair<std::string, void (*)(world&)>;

  static std::vector<contract_case> cases() {
    return {
        {"a_deadline_that_has_passed_changes_nothing", passed_deadline},
        {"an_unanswered_call_ends_at_its_deadline", unanswered},
        {"an_ambiguous_write_is_settled_by_one_peek", ambiguous_is_settled},
        {"each_operation_has_a_full_deadline", full_deadlines},
        {"a_call_cancelled_before_it_began_has_no_effect", cancelled_before},
        {"a_call_cancelled_on_its_way_is_named_for_what_is_known", cancelled_later},
        {"close_ends_what_is_pending_and_refuses_what_follows", closing},
        {"calls_outlive_a_storage_that_was_closed", outliving},
        {"every_completion_token_serves", tokens},
    };
  }

  // Every operation on id "a", with the call options given; writes say what they attempted.
  struct any_outcome {
    error_code error;
    revision attempted;
    bool is_write = false;
    bool has_found = false;
  };

  static std::size_t operations() { return 10; }

  // Calls that are cut off take their time, and nothing here is about expiry.
  static contract_options long_lived(world& w) { return {40 * w.ttl(), std::nullopt, {}}; }

  static awaitable<any_outcome> perform(std::shared_ptr<storage<T>> store, std::size_t which, revision known, T value, std::optional<duration> deadline) {
    call_options call;
    call.deadline = deadline;
    create_options first;
    first.deadline = deadline;
    any_outcome seen;
    seen.is_write = which < 5 || which >= 8;
    if (which < 4) {
      write_outcome written;
      if (which == 0) written = co_await store->create("a", value, first);
      if (which == 1) written = co_await store->update("a", value, call);
      if (which == 2) written = co_await store->update("a", value, known, call);
      if (which == 3) written = co_await store->store("a", value, call);
      seen.attempted = written.attempted();
      if (!written) seen.error = written.error();
    } else if (which < 6) {
      result<bool> done;
      hint_map hints;
      hints["h"] = "1";
      if (which == 4) done = co_await store->update_hints("a", hints, call);
      if (which == 5) done = co_await store->touch("a", call);
      if (!done) seen.error = done.error();
      seen.has_found = done && *done;
    } else if (which < 8) {
      result<std::optional<stored<T>>> found;
      if (which == 6) found = co_await store->load("a", call);
      if (which == 7) found = co_await store->peek("a", call);
      if (!found) seen.error = found.error();
      seen.has_found = found && *found;
    } else {
      result<bool> done;
      if (which == 8) done = co_await store->erase("a", call);
      if (which == 9) done = co_await store->erase("a", known, call);
      if (!done) seen.error = done.error();
    }
    co_return seen;
  }

  // ST24, RA29
  static void passed_deadline(world& w) {
    bench b(w);
    auto const made = b.put("a", "first");
    for (auto const past : {duration::zero(), duration(-1), duration::min()}) {
      for (std::size_t which = 0; which < operations(); ++which) {
        auto const seen = b.ask(perform(b.store, which, made, b.value("second"), past));
        BOOST_TEST(seen.error == errc::deadline_exceeded);
      }
      BOOST_TEST(b.ask(b.store->erase_expired({.deadline = past})).error() == errc::deadline_exceeded);
    }
    BOOST_TEST((b.see("a")->revision == made));
    BOOST_TEST(b.see("a")->hints.empty());
  }

  // ST24, ST28, RA29
  static void unanswered(world& w) {
    if (!w.can_be_cut()) return;
    auto const deadline = std::chrono::milliseconds(100);
    for (std::size_t which = 0; which < operations(); ++which) {
      BOOST_TEST_CONTEXT("operation " << which) {
        bench b(w, long_lived(w));
        auto const made = b.put("a", "first");
        auto const begun = clock_of(w.get_executor()).now();
        w.cut(true);
        auto const seen = b.ask(perform(b.store, which, made, b.value("second"), deadline));
        BOOST_TEST((clock_of(w.get_executor()).now() - begun <= deadline + w.slack()));
        w.cut(false);
        w.advance(4 * w.slack());
        BOOST_TEST(seen.error.failed());
        BOOST_TEST(!seen.has_found);
        bool const is_certain = seen.error == errc::deadline_exceeded || seen.error == errc::unavailable;
        if (seen.is_write) BOOST_TEST((is_certain || seen.error == errc::ambiguous));
        else BOOST_TEST(is_certain);
        if (!is_certain) continue;
        auto const found = b.see("a");
        BOOST_REQUIRE(found.has_value());
        BOOST_TEST((found->revision == made));
        BOOST_TEST(found->hints.empty());
      }
    }
  }

  // ST24, ST27, RA41
  static void ambiguous_is_settled(world& w) {
    if (!w.can_be_cut()) return;
    for (std::size_t which = 1; which < 4; ++which) {
      BOOST_TEST_CONTEXT("operation " << which) {
        bench b(w, long_lived(w));
        auto const made = b.put("a", "first");
        w.cut(true);
        auto const seen = b.ask(perform(b.store, which, made, b.value("second"), std::chrono::milliseconds(100)));
        w.cut(false);
        w.advance(4 * w.slack());
        if (seen.error != errc::ambiguous) continue;
        BOOST_TEST(!seen.attempted.is_none());
        auto const found = b.see("a");
        BOOST_REQUIRE(found.has_value());
        bool const is_written = found->revision == seen.attempted;
        BOOST_TEST((is_written || found->revision == made));
        BOOST_TEST(b.text_at("a") == (is_written ? "second" : "first"));
        BOOST_TEST(b.ask(b.store->erase("a")).value());
        BOOST_TEST(!b.ask(b.store->erase("a")).value());
      }
    }
  }

  // ST25
  static void full_deadlines(world& w) {
    bench b(w, long_lived(w));
    b.put("a");
    auto const deadline = std::chrono::milliseconds(100);
    if (w.can_be_cut()) {
      w.cut(true);
      auto const begun = clock_of(w.get_executor()).now();
      auto const slow = b.ask(b.store->peek("a", {.deadline = deadline}));
      BOOST_TEST(slow.has_error());
      if (slow.error() == errc::deadline_exceeded) BOOST_TEST((clock_of(w.get_executor()).now() - begun >= deadline));
      w.cut(false);
      w.advance(w.slack());
    }
    auto const found = b.ask(b.store->peek("a", {.deadline = deadline}));
    BOOST_REQUIRE(found.has_value());
    BOOST_TEST(found->has_value());
  }

  // Begins only once it has been cancelled, and hears every type of cancellation.
  static awaitable<any_outcome> perform_cancelled(std::shared_ptr<storage<T>> store, std::size_t which, revision known, T value, asio::cancellation_signal& signal,
                                                  asio::cancellation_type type) {
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
    auto const ex = co_await asio::this_coro::executor;
    auto const state = co_await asio::this_coro::cancellation_state;
    signal.emit(type);
    while (state.cancelled() == asio::cancellation_type::none) {
      co_await asio::post(ex, asio::use_awaitable);
    }
    co_return co_await perform(std::move(store), which, known, std::move(value), std::nullopt);
  }

  // ST26
  static void cancelled_before(world& w) {
    bench b(w);
    auto const made = b.put("a", "first");
    for (auto const type : {asio::cancellation_type::terminal, asio::cancellation_type::partial, asio::cancellation_type::total}) {
      for (std::size_t which = 0; which < operations(); ++which) {
        asio::cancellation_signal signal;
        std::optional<any_outcome> seen;
        asio::co_spawn(w.get_executor(), perform_cancelled(b.store, which, made, b.value("second"), signal, type),
                       asio::bind_cancellation_slot(signal.slot(), [&seen](std::exception_ptr failure, any_outcome outcome) {
                         BOOST_TEST(!failure);
                         seen = outcome;
                       }));
        w.run_until([&] { return seen.has_value(); });
        BOOST_TEST(seen->error == errc::cancelled);
      }
    }
    BOOST_TEST((b.see("a")->revision == made));
    BOOST_TEST(b.see("a")->hints.empty());
  }

  // Hears every type of cancellation, and does not throw for it.
  static awaitable<any_outcome> perform_cancellable(std::shared_ptr<storage<T>> store, std::size_t which, revision known, T value) {
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
    co_return co_await perform(std::move(store), which, known, std::move(value), std::nullopt);
  }

  // ST26
  static void cancelled_later(world& w) {
    for (std::size_t which = 0; which < 2 * operations(); ++which) {
      BOOST_TEST_CONTEXT("operation " << which) {
        bench b(w, long_lived(w));
        auto const made = b.put("a", "first");
        bool const is_cut = which >= operations() && w.can_be_cut();
        if (is_cut) w.cut(true);
        asio::cancellation_signal signal;
        std::optional<any_outcome> seen;
        asio::co_spawn(w.get_executor(), perform_cancellable(b.store, which % operations(), made, b.value("second")),
                       asio::bind_cancellation_slot(signal.slot(), [&seen](std::exception_ptr failure, any_outcome outcome) {
                         if (failure) outcome.error = errc::cancelled;  // before its first step: co_spawn itself says so
                         seen = outcome;
                       }));
        if (is_cut) w.advance(w.slack());
        asio::post(w.get_executor(), [&] { signal.emit(asio::cancellation_type::partial); });
        w.run_until([&] { return seen.has_value(); });
        if (is_cut) w.cut(false);
        w.advance(4 * w.slack());
        // A call that is cut off may have learnt so before the cancellation came.
        bool const is_undone = seen->error == errc::cancelled || seen->error == errc::unavailable;
        if (seen->is_write) BOOST_TEST((!seen->error || is_undone || seen->error == errc::ambiguous || seen->error == errc::exists));
        else BOOST_TEST((!seen->error || is_undone));
        if (!is_undone) continue;
        auto const found = b.see("a");
        BOOST_REQUIRE(found.has_value());
        BOOST_TEST((found->revision == made));
        BOOST_TEST(found->hints.empty());
      }
    }
  }

  // ST30
  static void closing(world& w) {
    bench b(w);
    auto const made = b.put("a", "first");
    std::vector<std::shared_ptr<std::optional<any_outcome>>> pending;
    for (std::size_t which = 0; which < operations(); ++which) pending.push_back(b.start(perform(b.store, which, made, b.value("second"), std::nullopt)));
    int closed = 0;
    for (int i = 0; i < 2; ++i) asio::co_spawn(w.get_executor(), b.store->close(), [&closed](std::exception_ptr failure) { closed += !failure; });
    w.run_until([&closed] { return closed == 2; });
    b.finish(pending);
    for (std::size_t which = 0; which < operations(); ++which) {
      auto const seen = b.ask(perform(b.store, which, made, b.value("third"), std::nullopt));
      BOOST_TEST(seen.error == errc::closed);
    }
    BOOST_TEST(b.ask(b.store->erase_expired()).error() == errc::closed);
    b.done(b.store->close());
  }

  // ST30
  static void outliving(world& w) {
    bench b(w);
    b.put("a", "first");
    std::vector<std::shared_ptr<std::optional<result<bool>>>> direct;
    for (int i = 0; i < 3; ++i) direct.push_back(b.start(b.store->touch("a")));
    b.done(b.store->close());
    b.store.reset();
    b.finish(direct);
    for (auto const& one : direct) BOOST_TEST(((*one)->has_value() || (*one)->error() == errc::closed));
  }

  // ST31
  static void tokens(world& w) {
    bench b(w);
    b.put("a", "first");
    auto future = asio::co_spawn(w.get_executor(), b.store->load("a"), asio::use_future);
    w.run_until([&future] { return future.wait_for(std::chrono::seconds(0)) == std::future_status::ready; });
    auto const loaded = future.get();
    BOOST_REQUIRE(loaded.has_value());
    BOOST_TEST(loaded->has_value());

    std::optional<result<bool>> touched;
    auto deferred = asio::co_spawn(w.get_executor(), b.store->touch("a"), asio::deferred);
    std::move(deferred)([&touched](std::exception_ptr failure, result<bool> outcome) {
      BOOST_TEST(!failure);
      touched = outcome;
    });
    w.run_until([&touched] { return touched.has_value(); });
    BOOST_TEST(touched->value());

    std::optional<result<std::size_t>> swept;
    asio::co_spawn(w.get_executor(), b.store->erase_expired(), [&swept](std::exception_ptr failure, result<std::size_t> outcome) {
      BOOST_TEST(!failure);
      swept = outcome;
    });
    w.run_until([&swept] { return swept.has_value(); });
    BOOST_TEST(swept->has_value());
    for (std::size_t which = 0; which < operations(); ++which) {
      auto each = asio::co_spawn(w.get_executor(), perform(b.store, which, revision(1, 2), b.value(), std::nullopt), asio::use_future);
      w.run_until([&each] { return each.wait_for(std::chrono::seconds(0)) == std::future_status::ready; });
      each.get();
    }
  }
};

}  // namespace mooring::test
