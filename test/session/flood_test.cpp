#include "session/session_world.hpp"

using namespace mooring;
using namespace mooring::test;

namespace {

/** A local storage that counts what it is asked. */
class counted_storage final : public storage<metadata> {
 public:
  explicit counted_storage(std::shared_ptr<local_storage<metadata>> kept) : kept_(std::move(kept)) {}

  std::size_t reads = 0;   // that move nothing
  std::size_t others = 0;

  awaitable<write_outcome> create(std::string id, metadata value, create_options call) override { return ++others, kept_->create(std::move(id), std::move(value), call); }
  awaitable<write_outcome> update(std::string id, metadata value, call_options call) override { return ++others, kept_->update(std::move(id), std::move(value), call); }
  awaitable<write_outcome> update(std::string id, metadata value, revision expected, call_options call) override {
    return ++others, kept_->update(std::move(id), std::move(value), expected, call);
  }
  awaitable<write_outcome> store(std::string id, metadata value, call_options call) override { return ++others, kept_->store(std::move(id), std::move(value), call); }
  awaitable<result<bool>> update_hints(std::string id, hint_map hints, call_options call) override { return ++others, kept_->update_hints(std::move(id), std::move(hints), call); }
  awaitable<result<std::optional<stored<metadata>>>> load(std::string id, call_options call) override { return ++others, kept_->load(std::move(id), call); }
  awaitable<result<std::optional<stored<metadata>>>> peek(std::string id, call_options call) override { return ++reads, kept_->peek(std::move(id), call); }
  awaitable<result<bool>> touch(std::string id, call_options call) override { return ++others, kept_->touch(std::move(id), call); }
  awaitable<result<bool>> erase(std::string id, call_options call) override { return ++others, kept_->erase(std::move(id), call); }
  awaitable<result<bool>> erase(std::string id, revision expected, call_options call) override { return ++others, kept_->erase(std::move(id), expected, call); }
  awaitable<result<std::size_t>> erase_expired(call_options call) override { return kept_->erase_expired(call); }
  awaitable<void> close() override { return kept_->close(); }
  std::optional<result<std::optional<revision>>> load_revision_at_once(std::string_view id) override { return kept_->load_revision_at_once(id); }

 private:
  std::shared_ptr<local_storage<metadata>> const kept_;
};

constexpr std::size_t sessions = 100;  // as many as the cache holds
constexpr std::size_t flooders = 50;
constexpr std::size_t floods = 20'000;  // of each: a million ids

struct flooded_world {
  flooded_world() : kept(*local_storage<metadata>::make(sim.get_executor())), store(std::make_shared<counted_storage>(kept)) {
    manager_options options;
    options.cache_capacity = sessions;
    replica = *manager::make(sim.get_executor(), store, std::make_shared<test_factory>(sim, book, "r"), options);
  }

  template <class T>
  T run(awaitable<T> work) {
    call<T> running(sim.get_executor(), std::move(work));
    while (!running.is_done() && sim.step()) {}
    return running.take();
  }

  simulation sim{1};
  std::shared_ptr<ledger> book = std::make_shared<ledger>();
  std::shared_ptr<local_storage<metadata>> kept;
  std::shared_ptr<counted_storage> store;
  std::unique_ptr<manager> replica;
  std::vector<std::string> live;
};

struct seen {
  std::size_t absent = 0;  // of the unknown
  std::size_t served = 0;  // of the live
  std::size_t late = 0;    // of those, not within the step of their call
};

awaitable<result<>> flood(flooded_world& w, std::size_t number, std::size_t times, seen& counted) {
  for (std::size_t i = 0; i < times; ++i) {
    auto const id = "unknown-" + std::to_string(number) + "-" + std::to_string(i);
    auto const got = co_await w.replica->get(id, principal());
    counted.absent += got && !*got;
    if (i % 100 != 0) continue;
    auto const paused = co_await sleep_for(1us);
    if (!paused) co_return paused;
  }
  co_return result<>();
}

awaitable<result<>> use(flooded_world& w, std::size_t rounds, seen& counted) {
  for (std::size_t i = 0; i < rounds; ++i) {
    for (auto const& id : w.live) {
      auto const before = w.sim.steps();
      auto const got = co_await w.replica->get(id, principal());
      counted.served += got && *got;
      counted.late += w.sim.steps() != before;
    }
    auto const paused = co_await sleep_for(1us);
    if (!paused) co_return paused;
  }
  co_return result<>();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(session_flood)

// SC02, SC09
BOOST_AUTO_TEST_CASE(a_million_unknown_ids_evict_nobody_and_cost_one_read_each) {
  flooded_world w;
  for (std::size_t i = 0; i < sessions; ++i) {
    auto const opened = w.run(w.replica->open({}, open_parameters()));
    BOOST_REQUIRE(opened);
    w.live.push_back(opened->id);
  }
  auto const before = w.replica->stats();
  auto const reads = w.store->reads;
  auto const others = w.store->others;
  seen counted;
  std::vector<call<result<>>> all;
  for (std::size_t i = 0; i < flooders; ++i) all.emplace_back(w.sim.get_executor(), flood(w, i, floods, counted));
  constexpr std::size_t rounds = 200;
  all.emplace_back(w.sim.get_executor(), use(w, rounds, counted));
  std::size_t most_flights = 0;
  for (auto& one : all) {
    while (!one.is_done() && w.sim.step()) most_flights = std::max(most_flights, w.replica->stats().cache.flights);
    BOOST_TEST(one.take().has_value());
  }
  auto const after = w.replica->stats();
  BOOST_TEST(counted.absent == flooders * floods);
  BOOST_TEST(w.store->reads - reads == flooders * floods);
  BOOST_TEST(w.store->others == others);
  BOOST_TEST(most_flights == 0u);  // an unknown id is looked up before anything is begun for it
  // The sessions were there all the time, each get a hit that was answered on the spot.
  BOOST_TEST(counted.served == rounds * sessions);
  BOOST_TEST(counted.late == 0u);
  BOOST_TEST(after.cache.hits - before.cache.hits == rounds * sessions);
  BOOST_TEST(after.cache.misses == before.cache.misses);
  BOOST_TEST(after.cache.size == sessions);
  BOOST_TEST(after.restored == 0u);
  BOOST_TEST(after.tombstones == 0u);
  BOOST_TEST(w.book->closed() == 0u);
  BOOST_TEST(w.kept->size() == sessions);
  w.run(session_world::shutdown_of(*w.replica));
  BOOST_TEST(w.book->is_balanced());
}

BOOST_AUTO_TEST_SUITE_END()
