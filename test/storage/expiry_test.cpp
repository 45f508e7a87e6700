#include "simulation/faulty_storage.hpp"
#include "simulation/simulation.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

using namespace mooring;
using namespace mooring::test;
using namespace std::chrono_literals;

namespace {

constexpr auto ttl = 10s;
constexpr auto lifetime = 60s;

/** What is certain of an id: it is there until `kept`, and gone from `end` on. */
struct certainty {
  time_point created{};
  time_point kept{};
  revision last;

  time_point end() const { return created + lifetime; }
  void slide(time_point now) { kept = std::max(kept, std::min(now + ttl, end())); }
};

class history {
 public:
  explicit history(std::uint64_t seed) : sim(seed) {
    local_storage_options options;
    options.ttl = ttl;
    options.absolute_lifetime = lifetime;
    options.sweep_interval = 3s;
    store = local_storage<text_map>::make(sim.get_executor(), options).value();
  }

  template <class T>
  T run(awaitable<T> work) {
    std::optional<T> outcome;
    asio::co_spawn(sim, std::move(work), [&](std::exception_ptr failure, T made) {
      BOOST_REQUIRE(!failure);
      outcome.emplace(std::move(made));
    });
    while (!outcome && sim.step()) {}
    return std::move(outcome.value());
  }

  void step() {
    std::string const id(1, static_cast<char>('a' + sim.random(3)));
    auto const known = records.find(id);
    switch (sim.random(12)) {
      case 0: {
        create_options how;
        if (sim.random(2) == 0) how.ttl = 1s + duration(sim.random(20'000'000'000));
        how.is_fixed = how.ttl && sim.random(2) == 0;
        auto const made = run(store->create(id, {}, how));
        if (!made.is_written()) break;
        certainty fresh;
        fresh.created = sim.now();
        fresh.kept = std::min(sim.now() + std::min<duration>(how.ttl.value_or(ttl), ttl), fresh.end());
        fresh.last = **made;
        is_fixed[id] = how.is_fixed;
        records[id] = fresh;
        break;
      }
      case 1: moved(id, run(store->update(id, {{"k", "v"}}))); break;
      case 2: moved(id, run(store->update(id, {{"k", "w"}}, known == records.end() ? revision(1, 1) : known->second.last))); break;
      case 3: BOOST_TEST(!run(store->update(id, {}, revision(7, 7))).is_written()); break;
      case 4: slid(id, run(store->update_hints(id, {{"h", "1"}})).value()); break;
      case 5: slid(id, run(store->load(id)).value().has_value()); break;
      case 6: slid(id, run(store->touch(id)).value()); break;
      case 7: static_cast<void>(run(store->peek(id)).value()); break;
      case 8: BOOST_TEST(run(store->update(id, {{"\xff", ""}})).has_error()); break;
      case 9: static_cast<void>(run(store->erase_expired()).value()); break;
      case 10:
        if (sim.random(4) == 0 && run(store->erase(id)).value()) records.erase(id);
        break;
      default: sim.run_for(duration(sim.random(6'000'000'000)));
    }
    check();
  }

  void moved(std::string const& id, write_outcome const& written) {
    if (!written.is_written()) return;
    is_fixed[id] = false;
    auto& record = records.at(id);
    record.last = **written;
    record.slide(sim.now());
  }

  void slid(std::string const& id, bool was_there) {
    if (was_there && !is_fixed[id]) records.at(id).slide(sim.now());
  }

  void check() {
    for (auto place = records.begin(); place != records.end();) {
      auto const& [id, record] = *place;
      bool const is_there = run(store->peek(id)).value().has_value();
      // Nothing slides but what says so, so the moment is exact.
      BOOST_REQUIRE_MESSAGE(is_there == (sim.now() < record.kept), "seed " << sim.seed() << ", id " << id << (is_there ? " is still there" : " is gone too early"));
      BOOST_REQUIRE_MESSAGE(!is_there || sim.now() < record.end(), "beyond its lifetime, seed " << sim.seed());
      if (is_there) ++place;
      else place = records.erase(place);
    }
  }

  simulation sim;
  std::shared_ptr<local_storage<text_map>> store;
  std::map<std::string, certainty> records;
  std::map<std::string, bool> is_fixed;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(storage_expiry)

// RA49, ST18, ST19, ST20, ST21: whatever comes in whatever order, an expiry never moves earlier, nor beyond the absolute lifetime, nor later without reason.
BOOST_AUTO_TEST_CASE(an_expiry_never_moves_earlier_nor_beyond_the_lifetime) {
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    history h(seed);
    for (int i = 0; i < 150; ++i) h.step();
  }
}

BOOST_AUTO_TEST_SUITE_END()
