#pragma once

#include <mooring/core/awaitable.hpp>
#include <mooring/core/clock.hpp>
#include <mooring/core/error.hpp>
#include <mooring/storage/storage.hpp>
#include <mooring/storage/text_map.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/test/unit_test.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace mooring {

inline std::ostream& boost_test_print_type(std::ostream& out, errc value) { return out << name_of(value); }

}  // namespace mooring

namespace mooring::test {

/** How a value of the storage under test is made from texts, and read. */
template <class T>
struct contract_values {
  static T of(text_map texts) {
    T made;
    static_cast<text_map&>(made) = std::move(texts);
    return made;
  }
  static text_map texts_of(T const& value) { return value; }
};

template <class T>
struct contract_values<std::shared_ptr<T const>> {
  static std::shared_ptr<T const> of(text_map texts) { return std::make_shared<T const>(contract_values<T>::of(std::move(texts))); }
  static text_map texts_of(std::shared_ptr<T const> const& value) { return contract_values<T>::texts_of(*value); }
};

/** A value for tests whose storage keeps maps of texts, as metadata is. */
struct document : text_map {
  using text_map::text_map;
};

struct contract_options {
  duration ttl{};
  std::optional<duration> absolute_lifetime;
  text_limits limits;
};

/** @brief Where the contract of storages is put to the test: a context, time, and the one factory function of an implementation.
 *
 *  Derive, and give `register_contract` a function that makes one: that is all the suite wants to know of a storage.
 */
template <class T>
class contract_world {
 public:
  using value_type = T;
  using storage_pointer = std::shared_ptr<storage<T>>;

  contract_world() = default;
  contract_world(contract_world const&) = delete;
  contract_world& operator=(contract_world const&) = delete;
  virtual ~contract_world() = default;

  /** The factory function. The storages of one world share what they store only if they are told to. */
  virtual result<storage_pointer> make(contract_options const& options) = 0;

  virtual executor get_executor() = 0;
  /** Runs the context until `is_done` says so; a world that comes to rest before fails the test. */
  virtual void run_until(std::function<bool()> const& is_done) = 0;
  /** Lets time pass, with all that is due in it. */
  virtual void advance(duration span) = 0;
  /** A TTL that tests can wait for. */
  virtual duration ttl() const = 0;
  /** How far an expiry may be off, as seen by a caller. */
  virtual duration slack() const = 0;

  /** Storages that can be cut off from what they store say true, and then nothing sent is answered until `cut(false)`. */
  virtual bool can_be_cut() const { return false; }
  virtual void cut(bool is_cut) { static_cast<void>(is_cut); }
  /** Whether operations answer at once, so that a call that has begun has ended. */
  virtual bool is_at_once() const { return false; }
};

/** What one test works with: a storage of the world, and short words for asking it. */
template <class T>
class contract_bench {
 public:
  using values = contract_values<T>;

  explicit contract_bench(contract_world<T>& w) : contract_bench(w, contract_options{w.ttl(), std::nullopt, {}}) {}
  contract_bench(contract_world<T>& w, contract_options const& options) : world(w), store(w.make(options).value()) {}
  ~contract_bench() {
    if (store) done(store->close());
  }

  /** Awaits to the end and gives the outcome. */
  template <class X>
  X ask(awaitable<X> work) {
    auto const answer = start(std::move(work));
    world.run_until([&answer] { return answer->has_value(); });
    return std::move(**answer);
  }

  /** Starts without waiting. */
  template <class X>
  std::shared_ptr<std::optional<X>> start(awaitable<X> work) {
    auto answer = std::make_shared<std::optional<X>>();
    asio::co_spawn(world.get_executor(), std::move(work), [answer](std::exception_ptr failure, X outcome) {
      if (failure) std::rethrow_exception(failure);
      answer->emplace(std::move(outcome));
    });
    return answer;
  }

  template <class X>
  void finish(std::vector<std::shared_ptr<std::optional<X>>> const& answers) {
    world.run_until([&answers] {
      for (auto const& answer : answers)
        if (!answer->has_value()) return false;
      return true;
    });
  }

  void done(awaitable<void> work) {
    bool is_done = false;
    asio::co_spawn(world.get_executor(), std::move(work), [&is_done](std::exception_ptr failure) {
      is_done = true;
      if (failure) std::rethrow_exception(failure);
    });
    world.run_until([&is_done] { return is_done; });
  }

  T value(std::string text = "v") const { return values::of(text_map{{"k", std::move(text)}}); }

  /** Creates, and gives the revision. */
  revision put(std::string id, std::string text = "v") {
    auto const made = ask(store->create(std::move(id), value(std::move(text))));
    BOOST_REQUIRE(made.is_written());
    return **made;
  }

  /** What is stored now; the expiry stays. */
  std::optional<stored<T>> see(std::string id) {
    auto found = ask(store->peek(std::move(id)));
    BOOST_REQUIRE(found.has_value());
    return std::move(*found);
  }

  bool is_there(std::string id) { return see(std::move(id)).has_value(); }

  std::string text_at(std::string id) {
    auto const found = see(std::move(id));
    if (!found) return "(absent)";
    auto const texts = values::texts_of(found->value);
    auto const place = texts.find("k");
    return place == texts.end() ? "(no k)" : place->second;
  }

  contract_world<T>& world;
  std::shared_ptr<storage<T>> store;
};

}  // namespace mooring::test
