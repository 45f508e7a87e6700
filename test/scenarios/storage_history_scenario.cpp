#include "history/linearization.hpp"
#include "history/register_model.hpp"
#include "scenarios/clients.hpp"
#include "scenarios/scenarios.hpp"
#include "scenarios/shared_store.hpp"
#include "simulation/simulation.hpp"

#include <array>
#include <bit>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace mooring::test {
namespace {

using namespace std::chrono_literals;
using model = register_model;

// Half of a random revision stands for it: that two of a schedule agree by chance is out of the question.
model::token token_of(revision const& at) { return std::bit_cast<std::array<std::uint64_t, 2>>(at)[0]; }

class world {
 public:
  world(std::uint64_t seed, make_store<text_map> make) : sim_(seed) {
    sim_.run_inline(sim_.random(2) == 0);
    store_settings settings;
    settings.way.deadline = 20ms;
    settings.way.faults_permille = sim_.random(2) == 0 ? 0 : 150;
    store_ = make(sim_, settings);
    for (unsigned i = 0; i < 3; ++i) links_.push_back(store_->way(sim_.lane(i)));
  }

  schedule_result run() {
    for (unsigned i = 0; i < 4; ++i) callers_.start(calls(i % 3));
    for (int i = 0; i < 2; ++i) callers_.start(canceller());
    found_.expect(sim_.run(100'000), "the run does not end");
    found_.expect(callers_.running() == 0, "a call never ended (RA45)");
    // What the store holds at the end is a read that comes after everything.
    for (char id = 'a'; id < 'a' + ids; ++id) {
      auto& calls = history_[static_cast<std::size_t>(id - 'a')];
      auto const left = store_->look(std::string(1, id));
      auto const start = ++events_;
      calls.push_back({start, ++events_, {model::verb::read, left ? model::seen::found : model::seen::absent, 0, left ? token_of(left->revision) : 0}});
      auto const broken = unexplained<model>(calls);
      if (!broken.empty()) found_.fail("id " + std::string(1, id) + ": " + broken);
    }
    return {found_.first(), sim_.trace(), sim_.steps()};
  }

 private:
  static constexpr char ids = 2;

  awaitable<void> calls(unsigned replica) {
    for (int i = 0; i < 6; ++i) {
      auto slept = co_await sleep_for(duration(sim_.random(3) * 1ms));
      if (!slept) co_return;
      auto const which = sim_.random(ids);
      std::string const id(1, static_cast<char>('a' + which));
      co_await call(*links_[replica], id, history_[which]);
    }
  }

  awaitable<void> canceller() {
    auto slept = co_await sleep_for(duration(sim_.random(40) * 1ms));
    found_.expect(slept.has_value(), "a sleep was cut short");
    if (sim_.random(3) == 0) callers_.cancel(sim_.random(4), asio::cancellation_type::terminal);
  }

  using calls_of_id = std::vector<operation<model::call>>;

  awaitable<void> call(storage<text_map>& link, std::string id, calls_of_id& into) {
    text_map const value{{"n", "v"}};
    auto const start = ++events_;
    auto const seen_before = last_seen_;
    switch (sim_.random(6)) {
      case 0: {
        auto const made = co_await link.create(id, value);
        co_return note(into, start, model::verb::create, {}, made);
      }
      case 1: {
        auto const made = co_await link.update(id, value);
        co_return note(into, start, model::verb::update, {}, made);
      }
      case 2: {
        auto const made = co_await link.update(id, value, seen_before);
        co_return note(into, start, model::verb::update_if, seen_before, made);
      }
      case 3: {
        bool const is_conditional = sim_.random(2) == 0;
        auto made = is_conditional ? link.erase(id, seen_before) : link.erase(id);
        auto const done = co_await std::move(made);
        co_return note_erase(into, start, is_conditional ? seen_before : revision(), done);
      }
      case 4: {
        auto const made = co_await link.store(id, value);
        co_return note(into, start, model::verb::store, {}, made);
      }
      default: {
        auto reading = sim_.random(2) == 0 ? link.load(id) : link.peek(id);
        auto const read = co_await std::move(reading);
        if (!read) co_return;
        if (*read) last_seen_ = (*read)->revision;
        into.push_back({start, ++events_, {model::verb::read, *read ? model::seen::found : model::seen::absent, 0, *read ? token_of((*read)->revision) : 0}});
      }
    }
  }

  void note(calls_of_id& into, event_number start, model::verb what, revision expected, write_outcome const& made) {
    model::call call{what, model::seen::lost, token_of(expected), token_of(made.attempted())};
    auto end = operation<model::call>::never;
    if (made.is_written()) {
      call.outcome = model::seen::written;
      last_seen_ = **made;
    } else if (made.is_absent()) {
      call.outcome = model::seen::absent;
    } else if (made.error() == errc::exists) {
      call.outcome = model::seen::exists;
    } else if (made.error() == errc::conflict) {
      call.outcome = model::seen::conflict;
    } else if (made.error() != errc::ambiguous) {
      return;  // certainly nothing was done
    }
    if (call.outcome != model::seen::lost) end = ++events_;
    into.push_back({start, end, call});
  }

  void note_erase(calls_of_id& into, event_number start, revision expected, result<bool> const& done) {
    model::call call{expected.is_none() ? model::verb::erase : model::verb::erase_if, model::seen::lost, token_of(expected), 0};
    auto end = operation<model::call>::never;
    if (done) {
      call.outcome = *done ? model::seen::removed : model::seen::absent;
    } else if (done.error() == errc::conflict) {
      call.outcome = model::seen::conflict;
    } else if (done.error() != errc::ambiguous) {
      return;
    }
    if (call.outcome != model::seen::lost) end = ++events_;
    into.push_back({start, end, call});
  }

  simulation sim_;
  verdicts found_;
  std::unique_ptr<shared_store<text_map>> store_;
  std::vector<std::shared_ptr<storage<text_map>>> links_;
  std::array<calls_of_id, ids> history_;
  clients callers_{sim_, found_};
  event_number events_ = 0;
  revision last_seen_{1, 1};
};

}  // namespace

schedule_result storage_history(std::uint64_t seed) { return world(seed, make_of<plain_store, text_map>).run(); }

schedule_result redis_history(std::uint64_t seed) { return world(seed, make_of<redis_store, text_map>).run(); }

}  // namespace mooring::test
