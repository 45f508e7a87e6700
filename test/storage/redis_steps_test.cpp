#include "simulation/scripted_redis.hpp"
#include "storage/contract_ends.hpp"
#include "storage/record_codec.hpp"
#include "storage/redis_errors.hpp"
#include "storage/scripted_world.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace mooring;
using namespace mooring::test;
using namespace std::chrono_literals;

// Every operation of redis_storage, with each request that it sends failing in turn, in every way.

namespace {

using ends = contract_ends<document>;
using storage_pointer = std::shared_ptr<storage<document>>;

constexpr auto deadline = 100ms;

/** What an operation finds: how the record came to be, and what the storage was told. */
struct setting {
  char const* name;
  bool is_there = true;
  bool is_fixed = false;
  bool has_lifetime = false;
  bool knows_scripts = false;
};

constexpr setting settings[] = {
    {"a record"},
    {"no record", false},
    {"a fixed record", true, true},
    {"a record, and a server that was used before", true, false, false, true},
    {"a record of limited life", true, false, true},
    {"no record, of limited life", false, false, true},
};

struct blow {
  redis_fault fault;
  std::size_t which;
};

std::ostream& operator<<(std::ostream& out, blow const& one) {
  out << "fault " << static_cast<int>(one.fault);
  return one.fault == redis_fault::error ? out << ": " << error_texts()[one.which] : out << ", " << one.which;
}

std::vector<blow> all_blows() {
  std::vector<blow> all;
  for (std::size_t i = 1; i < redis_faults; ++i) {
    auto const fault = static_cast<redis_fault>(i);
    bool const is_strange = fault == redis_fault::strange_undone || fault == redis_fault::strange_done;
    // As many wrong replies as any command has.
    std::size_t const kinds = fault == redis_fault::error ? error_texts().size() : is_strange ? 10 : 1;
    for (std::size_t which = 0; which < kinds; ++which) all.push_back({fault, which});
  }
  return all;
}

class world {
 public:
  world(std::uint64_t seed, setting const& given) : given_(given), sim_(seed) {
    if (given.knows_scripts) server_->learn_scripts();
    link_ = std::make_shared<scripted_redis>(sim_, sim_.get_executor(), server_);
    store_ = on(link_);
    observer_ = on(std::make_shared<scripted_redis>(sim_, sim_.lane(1), server_));
    if (!given.is_there) return;
    create_options how;
    if (given.is_fixed) how = {std::nullopt, 1min, true};
    auto const made = ask(store_->create("a", text("first"), how));
    BOOST_REQUIRE(made.is_written());
    first_ = **made;
  }
  ~world() {
    if (is_torn_) return;
    for (auto const& one : {store_, observer_}) asio::co_spawn(sim_, one->close(), [](std::exception_ptr) {});
    BOOST_TEST(sim_.run(10'000));
    BOOST_TEST(link_->pending() == 0U);
  }

  // FA05: ends in time, says what happened and no more, and the next one works. True when the fault was met.
  bool perform(std::size_t which, std::size_t step, blow const& hit) {
    auto const before = look();
    link_->fail(step, hit.fault, hit.which);
    auto const start = sim_.now();
    auto const seen = ask(ends::perform(store_, which, first_, text("second"), deadline));
    BOOST_TEST((sim_.now() - start <= deadline));
    sim_.run_for(200ms);  // what is still on its way arrives
    bool const is_met = link_->faults_met() != 0;
    judge(which, seen, before, look());
    if (auto const expected = expected_of(hit, seen.is_write); is_met && expected) BOOST_TEST(seen.error == *expected);
    // A blow that was not met would meet this one.
    auto const next = ask((is_met ? store_ : observer_)->peek("a"));
    BOOST_REQUIRE(next.has_value());
    BOOST_TEST(next->has_value() == look().has_value());
    if (*next) BOOST_TEST(((*next)->revision == look()->record.revision));
    return is_met;
  }

  // Stops the world after so many handlers of an operation. False when it has ended before.
  bool stop(std::size_t which, std::size_t handlers) {
    bool is_done = false;
    asio::co_spawn(sim_, ends::perform(store_, which, first_, text("second"), deadline), [&is_done](std::exception_ptr, ends::any_outcome) { is_done = true; });
    for (std::size_t i = 0; i < handlers && !is_done; ++i) BOOST_REQUIRE(sim_.step());
    is_torn_ = true;
    return !is_done;
  }

  std::weak_ptr<redis_model> server() const { return server_; }

 private:
  storage_pointer on(std::shared_ptr<scripted_redis> link) {
    redis_storage_options options;
    options.key_prefix = "t:";
    if (given_.has_lifetime) options.absolute_lifetime = 1h;
    return redis_storage_on<document>(std::move(link), sim_.get_executor(), options);
  }

  static document text(std::string value) {
    document made;
    made["k"] = std::move(value);
    return made;
  }

  std::optional<detail::read_record> look() const {
    auto const found = server_->look("t:a", sim_.now());
    if (!found) return std::nullopt;
    return detail::parse_record("a", *found).value();
  }

  template <class X>
  X ask(awaitable<X> work) {
    std::optional<X> answer;
    asio::co_spawn(sim_, std::move(work), [&answer](std::exception_ptr failure, X outcome) {
      if (failure) std::rethrow_exception(failure);
      answer.emplace(std::move(outcome));
    });
    while (!answer) BOOST_REQUIRE(sim_.step());
    return std::move(*answer);
  }

  static bool is_same(std::optional<detail::read_record> const& a, std::optional<detail::read_record> const& b) {
    if (!a || !b) return a.has_value() == b.has_value();
    return a->record.revision == b->record.revision && a->record.hints == b->record.hints;
  }

  // RA50: what is said to be done is done, and what is said to have failed is not.
  static void judge(std::size_t which, ends::any_outcome const& seen, std::optional<detail::read_record> const& before, std::optional<detail::read_record> const& after) {
    if (seen.error && seen.error != errc::ambiguous) BOOST_TEST(is_same(before, after));
    if (seen.has_found) BOOST_TEST(before.has_value());
    if (seen.error) return;
    if (!seen.attempted.is_none()) BOOST_TEST((after && after->record.revision == seen.attempted));
    bool const is_erase = which >= 8;
    if (is_erase) BOOST_TEST(!after);
    bool const is_hint_write = which == 4;
    if (is_hint_write && seen.has_found) BOOST_TEST((after && after->record.hints.contains("h")));
  }

  // RE22, RE26 and the table behind it. Empty where it depends on the request.
  static std::optional<errc> expected_of(blow const& hit, bool is_write) {
    switch (hit.fault) {
      case redis_fault::refused: return errc::unavailable;
      case redis_fault::cut_before:
      case redis_fault::cut_after: return is_write ? errc::ambiguous : errc::unavailable;
      case redis_fault::no_request:
      case redis_fault::no_reply:
      case redis_fault::late: return is_write ? errc::ambiguous : errc::deadline_exceeded;
      case redis_fault::strange_undone:
      case redis_fault::strange_done: return is_write ? errc::ambiguous : errc::protocol_error;
      default: break;
    }
    // A server that is no master, or lacks a script, is asked again.
    auto const text = error_texts()[hit.which];
    if (text.starts_with("READONLY") || text.starts_with("NOSCRIPT")) return std::nullopt;
    return detail::error_of_reply(text);
  }

  setting const given_;
  simulation sim_;
  std::shared_ptr<redis_model> const server_ = std::make_shared<redis_model>();
  std::shared_ptr<scripted_redis> link_;
  storage_pointer store_;
  storage_pointer observer_;
  revision first_{1, 2};
  bool is_torn_ = false;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(redis_steps)

// FA05, RE22, RE26, RA50
BOOST_AUTO_TEST_CASE(every_step_of_every_operation_may_fail_in_every_way) {
  for (auto const& given : settings) {
    for (std::size_t which = 0; which < ends::operations(); ++which) {
      std::size_t most = 0;
      for (auto const& hit : all_blows()) {
        std::size_t step = 1;
        for (bool is_met = true; is_met; ++step) {
          BOOST_TEST_INFO_SCOPE(given.name << ", operation " << which << ", request " << step << ", " << hit);
          world one(step + 7 * hit.which, given);
          is_met = one.perform(which, step, hit);
          if (is_met) most = std::max(most, step);
        }
      }
      BOOST_TEST(most >= 1U);
    }
  }
}

// FA05, FA14: torn down at every suspension point; a sanitizer sees what stays behind
BOOST_AUTO_TEST_CASE(every_operation_may_be_left_at_every_step) {
  for (auto const& given : settings) {
    for (std::size_t which = 0; which < ends::operations(); ++which) {
      bool is_running = true;
      for (std::size_t handlers = 0; is_running; ++handlers) {
        BOOST_REQUIRE(handlers < 1000U);
        std::weak_ptr<redis_model> left;
        {
          world one(handlers, given);
          is_running = one.stop(which, handlers);
          left = one.server();
        }
        BOOST_TEST(left.expired());
      }
    }
  }
}

// ST27, SM34: whoever leaves between a refusal and the plain read that would follow it is told so, and nothing is thrown
BOOST_AUTO_TEST_CASE(load_may_be_cancelled_before_it_reads_without_sliding) {
  std::size_t cancelled = 0, served = 0;
  for (std::size_t handlers = 1; handlers < 40; ++handlers) {  // before the first, no code of the storage has run
    BOOST_TEST_INFO_SCOPE(handlers << " handlers");
    simulation sim(handlers);
    auto const link = std::make_shared<scripted_redis>(sim, sim.get_executor(), std::make_shared<redis_model>());
    redis_storage_options options;
    options.key_prefix = "t:";
    options.loads_without_sliding = true;
    auto const store = redis_storage_on<document>(link, sim.get_executor(), options);
    link->decide([](redis_command const& sent) { return sent[0] == "GETEX" ? redis_fault::error : redis_fault::none; });
    link->fail(1, redis_fault::error, std::ranges::find_if(error_texts(), [](auto text) { return text.starts_with("NOREPLICAS"); }) - error_texts().begin());
    asio::cancellation_signal leave;
    bool is_done = false, is_thrown = false;
    error_code told;
    asio::co_spawn(sim, store->load("a"), asio::bind_cancellation_slot(leave.slot(), [&](std::exception_ptr thrown, result<std::optional<stored<document>>> found) {
      is_done = true;
      is_thrown = thrown != nullptr;
      if (!is_thrown && !found) told = found.error();
    }));
    for (std::size_t i = 0; i < handlers && !is_done && sim.step(); ++i) continue;
    leave.emit(asio::cancellation_type::terminal);
    BOOST_REQUIRE(sim.run(10'000));
    BOOST_REQUIRE(is_done);
    BOOST_TEST(!is_thrown);
    BOOST_TEST((is_thrown || !told || told == errc::cancelled));
    ++(told == errc::cancelled ? cancelled : served);
    asio::co_spawn(sim, store->close(), [](std::exception_ptr) {});
    BOOST_TEST(sim.run(10'000));
  }
  BOOST_TEST(cancelled > 3U);
  BOOST_TEST(served > 3U);
}

BOOST_AUTO_TEST_SUITE_END()
