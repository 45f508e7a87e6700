#include "core/bad_ids.hpp"
#include "simulation/simulation.hpp"

#include <mooring/storage/detail/redis_records.hpp>
#include <mooring/storage/redis_storage.hpp>

#include "storage/redis_link.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using namespace mooring;

namespace {

/** Keeps what is sent, and answers that nothing is there. */
class recording_link final : public detail::redis_link {
 public:
  awaitable<detail::redis_answer> ask(std::vector<std::string> command, time_point, detail::redis_witness_pointer) override {
    sent.push_back(std::move(command));
    detail::redis_reply nothing;
    nothing.what = detail::redis_reply::kind::null;
    co_return detail::redis_answer(std::move(nothing));
  }
  awaitable<detail::redis_answer> count_replicas(time_point) override { co_return detail::redis_answer(errc::unavailable, false); }
  void drop(std::uint64_t) override {}
  std::uint64_t epoch() const noexcept override { return 0; }
  duration pause() const noexcept override { return {}; }
  awaitable<void> close() override { co_return; }

  std::vector<std::vector<std::string>> sent;
};

// The one argument of a command that is a key; what else follows is values.
std::string key_of(std::vector<std::string> const& command) {
  bool const is_script = command.at(0).starts_with("EVAL");
  if (is_script) BOOST_TEST(command.at(2) == "1");
  return command.at(is_script ? 3 : 1);
}

template <class T>
void run(test::simulation& sim, awaitable<T> work) {
  bool is_done = false;
  asio::co_spawn(sim, std::move(work), [&](std::exception_ptr failure, T const&) { is_done = !failure; });
  while (!is_done && sim.step()) {}
  BOOST_TEST(is_done);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(storage_keys)

// SC05, SC06, RE12: from each key exactly its prefix and id can be read back; nothing of an id becomes a command or another key.
BOOST_AUTO_TEST_CASE(each_odd_id_stays_under_its_prefix_in_every_command) {
  using records = detail::redis_records;
  for (std::string const prefix : {"mooring:gateway:", ":", "{tag}:"}) {
    for (auto const& id : test::odd_ids()) {
      for (bool const has_lifetime : {false, true}) {
        test::simulation sim(1);
        redis_storage_options options;
        options.key_prefix = prefix;
        if (has_lifetime) options.absolute_lifetime = options.ttl;
        auto const link = std::make_shared<recording_link>();
        records const storage(link, sim.get_executor(), options);
        create_options fixed;
        fixed.ttl = options.ttl;
        fixed.is_fixed = true;
        run(sim, storage.create(id, text_map{}, {}));
        run(sim, storage.create(id, text_map{}, fixed));
        run(sim, storage.update(id, text_map{}, std::nullopt, {}));
        run(sim, storage.update(id, text_map{}, revision(1, 1), {}));
        run(sim, storage.store(id, text_map{}, {}));
        run(sim, storage.update_hints(id, {}, {}));
        run(sim, storage.read(id, records::reading::sliding, {}));
        run(sim, storage.read(id, records::reading::still, {}));
        run(sim, storage.touch(id, {}));
        run(sim, storage.erase(id, std::nullopt, {}));
        run(sim, storage.erase(id, revision(1, 1), {}));
        BOOST_TEST(link->sent.size() >= 11U);
        for (auto const& command : link->sent) {
          auto const key = key_of(command);
          BOOST_TEST_INFO_SCOPE(command.at(0) << " " << key);
          BOOST_REQUIRE(key.starts_with(prefix));
          BOOST_TEST(key.substr(prefix.size()) == id);
        }
      }
    }
  }
}

// SC05, ST14: what is no id gets no further than the storage.
BOOST_AUTO_TEST_CASE(each_bad_id_is_refused_by_redis_storage_before_any_io) {
  test::simulation sim(1);
  redis_storage_options options;
  options.unix_socket = "/nowhere/redis.sock";
  options.key_prefix = "test:";
  auto const storage = redis_storage<text_map>::make(sim.get_executor(), options).value();
  for (auto const& id : test::bad_ids()) {
    BOOST_TEST_INFO_SCOPE(id.substr(0, 40));
    std::size_t refused = 0;
    auto const ask = [&](auto work) {
      bool is_done = false;
      asio::co_spawn(sim, std::move(work), [&](std::exception_ptr, auto const& ended) {
        is_done = true;
        refused += ended.has_error() && ended.error() == errc::invalid_id;
      });
      while (!is_done && sim.step()) {}
    };
    ask(storage->create(id, {}));
    ask(storage->update(id, {}));
    ask(storage->update(id, {}, revision(1, 1)));
    ask(storage->store(id, {}));
    ask(storage->update_hints(id, {}));
    ask(storage->load(id));
    ask(storage->peek(id));
    ask(storage->touch(id));
    ask(storage->erase(id));
    ask(storage->erase(id, revision(1, 1)));
    BOOST_TEST(refused == 10U);
  }
  BOOST_TEST(sim.outstanding() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
