#include "scenarios/clients.hpp"
#include "scenarios/scenarios.hpp"
#include "scenarios/storage_model.hpp"
#include "simulation/simulation.hpp"

#include <mooring/storage/local_storage.hpp>

#include <chrono>
#include <string>

namespace mooring::test {
namespace {

using namespace std::chrono_literals;

local_storage_options options_of(simulation& sim) {
  local_storage_options options;
  options.ttl = 10ms;
  if (sim.random(2) == 0) options.absolute_lifetime = 25ms;
  options.max_entries = 1 + sim.random(3);
  options.is_sweeping = sim.random(4) != 0;
  return options;
}

class world {
 public:
  explicit world(std::uint64_t seed) : sim_(seed), options_(options_of(sim_)), model_(options_.ttl, options_.absolute_lifetime, options_.max_entries) {
    sim_.run_inline(sim_.random(2) == 0);
    if (auto made = local_storage<text_map>::make(sim_.get_executor(), options_)) store_ = *made;
    found_.expect(store_ != nullptr, "the options were refused");
  }

  schedule_result run() {
    for (int i = 0; i < 3; ++i) callers_.start(calls());
    sim_.run_for(1s);
    found_.expect(callers_.running() == 0, "a call never ended (RA45)");
    callers_.start(end());
    sim_.run(100'000);
    found_.expect(callers_.running() == 0 && sim_.outstanding() == 0, "close never ended, or left work behind (RA51)");
    return {found_.first(), sim_.trace(), sim_.steps()};
  }

 private:
  awaitable<void> calls() {
    for (int i = 0; i < 12; ++i) {
      duration const pause = sim_.random(3) == 0 ? duration(0) : duration(sim_.random(6) * 2ms);
      auto slept = co_await sleep_for(pause);
      found_.expect(slept.has_value(), "a sleep was cut short");
      std::string const id(1, static_cast<char>('a' + sim_.random(4)));
      co_await call(id);
      check_size();
    }
  }

  awaitable<void> call(std::string id) {
    switch (sim_.random(12)) {
      case 0: co_return co_await create(id);
      case 1: co_return co_await update(id);
      case 2: co_return co_await update_on(id, last_revision_);
      case 3: co_return co_await update_on(id, known(id));
      case 4: co_return co_await store(id);
      case 5: co_return co_await hint(id);
      case 6: co_return co_await load(id);
      case 7: co_return co_await peek(id);
      case 8: co_return co_await touch(id);
      case 9: co_return co_await erase(id);
      case 10: co_return co_await erase_on(id, known(id));
      default: co_return co_await erase_on(id, last_revision_);
    }
  }

  awaitable<void> create(std::string id) {
    create_options how;
    if (sim_.random(3) == 0) how.ttl = 1ms + duration(sim_.random(12) * 1ms);
    if (how.ttl) how.is_fixed = sim_.random(2) == 0;
    if (how.ttl && *how.ttl > options_.ttl) how.ttl = options_.ttl;
    auto const value = fresh_value();
    bool const is_there = model_.find(id, sim_.now()) != nullptr;
    bool const is_full = !is_there && model_.is_full(sim_.now());
    auto const made = co_await store_->create(id, value, how);
    if (is_there) co_return found_.expect(made.has_error() && made.error() == errc::exists, "create of a present id (ST02)");
    if (is_full) co_return found_.expect(made.has_error() && made.error() == errc::storage_full, "create in a full storage (LO07)");
    found_.expect(made.is_written(), "create of an absent id was not written (ST01, ST20)");
    if (made.is_written()) model_.put(id, value, fresh_revision(made), sim_.now(), how);
  }

  awaitable<void> update(std::string id) {
    auto* const kept = model_.find(id, sim_.now());
    auto const value = fresh_value();
    auto const made = co_await store_->update(id, value);
    if (!kept) co_return found_.expect(made.is_absent(), "update of an absent id (ST03)");
    found_.expect(made.is_written(), "update of a present id was not written (ST03)");
    if (made.is_written()) model_.change(*kept, value, fresh_revision(made), sim_.now());
  }

  awaitable<void> update_on(std::string id, revision expected) {
    auto* const kept = model_.find(id, sim_.now());
    auto const value = fresh_value();
    auto const made = co_await store_->update(id, value, expected);
    if (!kept) co_return found_.expect(made.is_absent(), "update of an absent id on a revision (ST04, ST11)");
    if (kept->at != expected) co_return found_.expect(made.has_error() && made.error() == errc::conflict, "update on another revision (ST04)");
    found_.expect(made.is_written(), "update on the stored revision was not written (ST04)");
    if (made.is_written()) model_.change(*kept, value, fresh_revision(made), sim_.now());
  }

  awaitable<void> store(std::string id) {
    auto const value = fresh_value();
    bool const is_full = !model_.find(id, sim_.now()) && model_.is_full(sim_.now());
    auto const made = co_await store_->store(id, value);
    if (is_full) co_return found_.expect(made.has_error() && made.error() == errc::storage_full, "store in a full storage");
    found_.expect(made.is_written(), "store was not written (ST08)");
    if (made.is_written()) model_.put(id, value, fresh_revision(made), sim_.now());
  }

  awaitable<void> hint(std::string id) {
    auto* const kept = model_.find(id, sim_.now());
    hint_map const hints = fresh_value();
    auto const made = co_await store_->update_hints(id, hints);
    found_.expect(made.has_value() && *made == (kept != nullptr), "a hint write said the wrong thing (ST06)");
    if (!kept) co_return;
    kept->hints = hints;
    model_.slide(*kept, sim_.now());
  }

  awaitable<void> load(std::string id) {
    if (auto* const kept = model_.find(id, sim_.now())) model_.slide(*kept, sim_.now());
    auto const read = co_await store_->load(id);
    compare(id, read, "load differs from the model (ST12, ST18, RA39)");
  }

  awaitable<void> peek(std::string id) {
    auto const read = co_await store_->peek(id);
    compare(id, read, "peek differs from the model (ST13, ST18)");
  }

  awaitable<void> touch(std::string id) {
    auto* const kept = model_.find(id, sim_.now());
    if (kept) model_.slide(*kept, sim_.now());
    auto const made = co_await store_->touch(id);
    found_.expect(made.has_value() && *made == (kept != nullptr), "touch differs from the model (ST13)");
  }

  awaitable<void> erase(std::string id) {
    bool const is_there = model_.find(id, sim_.now()) != nullptr;
    auto const made = co_await store_->erase(id);
    found_.expect(made.has_value() && *made == is_there, "erase differs from the model (ST09)");
    model_.erase(id);
  }

  awaitable<void> erase_on(std::string id, revision expected) {
    auto* const kept = model_.find(id, sim_.now());
    bool const fits = kept && kept->at == expected;
    auto const made = co_await store_->erase(id, expected);
    if (!kept) co_return found_.expect(made.has_value() && !*made, "erase of an absent id on a revision (ST10)");
    if (!fits) co_return found_.expect(made.has_error() && made.error() == errc::conflict, "erase on another revision (ST10)");
    found_.expect(made.has_value() && *made, "erase on the stored revision did nothing (ST10)");
    model_.erase(id);
  }

  awaitable<void> end() {
    co_await store_->close();
    auto const read = co_await store_->load("a");
    found_.expect(read.has_error() && read.error() == errc::closed, "a closed storage answered (ST30)");
  }

  void compare(std::string const& id, result<std::optional<stored<text_map>>> const& read, char const* broken) {
    auto* const kept = model_.find(id, sim_.now());
    found_.expect(read.has_value() && read->has_value() == (kept != nullptr), broken);
    if (!kept || !read || !*read) return;
    found_.expect((*read)->value == kept->value && (*read)->hints == kept->hints && (*read)->revision == kept->at, broken);
  }

  void check_size() { found_.expect(store_->size() == model_.live(sim_.now()), "size counts other than the live records (LO06)"); }

  text_map fresh_value() { return {{"n", std::to_string(++values_)}}; }

  revision fresh_revision(write_outcome const& made) {
    found_.expect(made.attempted() == **made, "a write names another revision than it stored");
    last_revision_ = **made;
    return last_revision_;
  }

  revision known(std::string const& id) {
    auto* const kept = model_.find(id, sim_.now());
    return kept ? kept->at : last_revision_;
  }

  simulation sim_;
  verdicts found_;
  local_storage_options options_;
  storage_model model_;
  std::shared_ptr<local_storage<text_map>> store_;
  clients callers_{sim_, found_};
  revision last_revision_{1, 1};
  int values_ = 0;
};

}  // namespace

schedule_result local_storage_against_model(std::uint64_t seed) { return world(seed).run(); }

}  // namespace mooring::test
