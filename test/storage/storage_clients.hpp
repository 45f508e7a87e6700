#pragma once

#include "history/linearization.hpp"
#include "storage/contract_world.hpp"
#include "storage/storage_model.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace mooring::test {

/** What clients of one id did and saw. Any thread. */
class storage_history {
 public:
  using entry = operation<storage_model::call>;

  event_number next() { return ++last_; }
  void add(entry one) {
    std::lock_guard lock(mutex_);
    entries_.push_back(std::move(one));
  }
  std::vector<entry> take() {
    std::lock_guard lock(mutex_);
    return std::exchange(entries_, {});
  }

 private:
  std::atomic<event_number> last_{0};
  std::mutex mutex_;  // guards entries_
  std::vector<entry> entries_;
};

/** A client that makes `count` random calls on one id, remembers revisions as a careless client would, and writes down what it saw. */
template <class T>
awaitable<void> storage_client(std::shared_ptr<storage<T>> store, std::shared_ptr<storage_history> history, std::string id, std::uint32_t seed, int count) {
  using model = storage_model;
  std::mt19937 random(seed);
  revision known;
  auto const ex = co_await asio::this_coro::executor;
  for (int i = 0; i < count; ++i) {
    model::call made;
    made.what = static_cast<model::verb>(random() % 9);
    made.hints = random();
    T value = contract_values<T>::of(text_map{{"k", std::to_string(made.hints)}});
    hint_map hints;
    hints["h"] = std::to_string(made.hints);
    error_code error;
    bool is_absent = false;
    storage_history::entry entry;
    entry.start = history->next();
    if (made.what <= model::verb::store) {
      if (made.what == model::verb::update_if) made.expected = known.text();
      write_outcome written;
      if (made.what == model::verb::create) written = co_await store->create(id, value);
      if (made.what == model::verb::update) written = co_await store->update(id, value);
      if (made.what == model::verb::update_if) written = co_await store->update(id, value, known);
      if (made.what == model::verb::store) written = co_await store->store(id, value);
      if (!written) error = written.error();
      is_absent = written.is_absent();
      made.revision = written.attempted().text();
      if (written.is_written()) known = **written;
    } else if (made.what == model::verb::read) {
      result<std::optional<stored<T>>> found;
      if (made.hints % 2 == 0) found = co_await store->load(id);
      if (made.hints % 2 != 0) found = co_await store->peek(id);
      if (!found) error = found.error();
      is_absent = found && !*found;
      made.hints = 0;
      if (found && *found) {
        known = (*found)->revision;
        made.revision = known.text();
        auto const place = (*found)->hints.find("h");
        if (place != (*found)->hints.end()) made.hints = std::stoull(place->second);
      }
    } else {
      result<bool> done;
      if (made.what == model::verb::erase_if) made.expected = known.text();
      if (made.what == model::verb::hint) done = co_await store->update_hints(id, hints);
      if (made.what == model::verb::touch) done = co_await store->touch(id);
      if (made.what == model::verb::erase) done = co_await store->erase(id);
      if (made.what == model::verb::erase_if) done = co_await store->erase(id, known);
      if (!done) error = done.error();
      is_absent = done && !*done;
    }
    entry.end = history->next();
    if (error == errc::ambiguous) entry.end = storage_history::entry::never;
    made.outcome = error == errc::ambiguous ? model::seen::lost
                   : error == errc::conflict ? model::seen::conflict
                   : error == errc::exists   ? model::seen::exists
                   : is_absent               ? model::seen::absent
                                             : model::seen::done;
    // Another error says that nothing was changed and nothing was learnt: there is nothing to place.
    bool const is_certain_failure = error.failed() && made.outcome == model::seen::done;
    entry.call = made;
    if (!is_certain_failure) history->add(entry);
    co_await asio::post(ex, asio::use_awaitable);
  }
}

enum class executors { plain, strands };

/** Rounds of four clients on four threads, each on an id of few; every round has to have an order. */
template <class T>
void run_clients_on_threads(asio::io_context& context, std::shared_ptr<storage<T>> const& store, int rounds, executors which) {
  for (int round = 0; round < rounds; ++round) {
    auto const history = std::make_shared<storage_history>();
    auto const id = std::to_string(round % 7);
    std::atomic<int> running = 4;
    for (unsigned client = 0; client < 4; ++client) {
      executor const on = which == executors::strands ? executor(asio::make_strand(context)) : executor(context.get_executor());
      auto const seed = static_cast<std::uint32_t>(round) * 4 + client;
      asio::co_spawn(on, storage_client<T>(store, history, id, seed, 8), [&](std::exception_ptr failure) {
        if (failure || --running == 0) context.stop();
      });
    }
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([&context] { context.run(); });
    for (auto& thread : threads) thread.join();
    context.restart();
    BOOST_REQUIRE(running == 0);
    BOOST_REQUIRE_EQUAL(unexplained<storage_model>(history->take(), {}), "");
    // The next round begins from absence.
    std::optional<result<bool>> erased;
    asio::co_spawn(context, store->erase(id), [&](std::exception_ptr, result<bool> done) { erased = done; });
    while (!erased) context.run_one();
  }
}

}  // namespace mooring::test
