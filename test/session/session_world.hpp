#pragma once

#include "session/printing.hpp"
#include "simulation/faulty_storage.hpp"
#include "simulation/simulation.hpp"

#include <mooring/session/record.hpp>
#include <mooring/session/session_manager.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mooring::test {

using namespace std::chrono_literals;

/** A session that knows what it was made from. A decorated one wraps another. */
struct test_session {
  std::string own_id;
  session_request request;
  std::size_t serial = 0;
  std::vector<std::string> decorations;
  bool is_closed = false;
  std::string const& id() const { return own_id; }
};

/** Who opened and closed what, on all replicas: each serial is closed once in the end, and never used afterwards. */
struct ledger {
  struct line {
    std::string id;
    int closes = 0;
    std::optional<disposal_reason> reason;
  };
  std::map<std::size_t, line> lines;
  std::size_t last = 0;

  std::size_t opened() const { return lines.size(); }
  std::size_t closed() const {
    std::size_t n = 0;
    for (auto const& [serial, l] : lines) n += l.closes > 0;
    return n;
  }
  std::size_t open() const { return opened() - closed(); }
  std::size_t closed_for(disposal_reason reason) const {
    std::size_t n = 0;
    for (auto const& [serial, l] : lines) n += l.reason == reason;
    return n;
  }
  bool is_balanced() const {
    for (auto const& [serial, l] : lines)
      if (l.closes != 1) return false;
    return true;
  }
  bool is_never_closed_twice() const {
    for (auto const& [serial, l] : lines)
      if (l.closes > 1) return false;
    return true;
  }
};

class test_factory final : public session_factory<test_session> {
 public:
  test_factory(simulation& sim, std::shared_ptr<ledger> book, std::string name) : sim_(sim), book_(std::move(book)), name_(std::move(name)) {}

  /** Longest time that open and close take; zero still suspends. */
  duration latency = 5ms;
  duration close_latency = 2ms;
  /** Where given, how long open takes, whatever is cancelled if it ignores that. */
  std::optional<duration> exact_latency;
  bool hangs_in_open = false;
  bool hangs_in_close = false;
  bool ignores_cancellation = false;
  /** An outcome instead of a session. May throw. */
  std::function<std::optional<result<opened<test_session>>>(session_request const&)> instead;
  /** May change what is returned. */
  std::function<void(session_request const&, opened<test_session>&)> adorn;
  std::vector<session_request> requests;
  std::size_t running = 0;
  std::size_t most_running = 0;

  awaitable<result<opened<test_session>>> open(session_request request) override {
    requests.push_back(request);
    ++running;
    most_running = std::max(most_running, running);
    struct leaver {
      std::size_t& n;
      ~leaver() { --n; }
    } const leave{running};
    auto const usual = duration(sim_.random(static_cast<std::uint64_t>(latency.count()) + 1));
    auto const wait = hangs_in_open ? duration(10h) : exact_latency.value_or(usual);
    if (exact_latency && ignores_cancellation) co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    auto const slept = co_await sleep_for(wait);
    if (!slept && !ignores_cancellation) co_return slept.error();
    if (instead) {
      auto other = instead(request);
      if (other) co_return std::move(*other);
    }
    auto session = std::make_shared<test_session>();
    session->own_id = request.id;
    session->serial = ++book_->last;
    opened<test_session> made(session);
    for (auto const& backend : request.backends) made.hints[backend] = name_ + std::to_string(session->serial);
    session->request = std::move(request);
    book_->lines[session->serial].id = session->own_id;
    if (adorn) adorn(session->request, made);
    co_return std::move(made);
  }

  awaitable<void> close(std::string id, std::shared_ptr<test_session> session, disposal_reason reason) override {
    auto& line = book_->lines[session->serial];
    ++line.closes;
    line.reason = reason;
    session->is_closed = true;
    BOOST_TEST(line.id == id);
    auto const wait = hangs_in_close ? duration(10h) : duration(sim_.random(static_cast<std::uint64_t>(close_latency.count()) + 1));
    auto const slept = co_await sleep_for(wait);
    static_cast<void>(slept);
  }

 private:
  simulation& sim_;
  std::shared_ptr<ledger> const book_;
  std::string const name_;
};

using manager = session_manager<test_session>;
using test_lease = session_lease<test_session>;
using test_link = faulty_storage<metadata>;

/** A call that runs, and its outcome once it has one. The signal lives as long as the frame that listens to it. */
template <class T>
class call {
 public:
  template <class Executor>
  call(Executor ex, awaitable<T> work) : state_(std::make_shared<state>()) {
    asio::co_spawn(ex, begin(std::move(work), state_), asio::bind_cancellation_slot(state_->signal.slot(), [alive = state_](std::exception_ptr failure, T made) {
                     // Cancelled before its first step, an operation never runs.
                     if (failure && !alive->has_begun) made = make_error_code(errc::cancelled);
                     else alive->failure = failure;
                     alive->outcome.emplace(std::move(made));
                   }));
  }
  bool is_done() const { return state_->outcome.has_value(); }
  void cancel(asio::cancellation_type type = asio::cancellation_type::terminal) { state_->signal.emit(type); }
  T take() {
    if (state_->failure) std::rethrow_exception(state_->failure);
    return std::move(*state_->outcome);
  }
  T& look() {
    if (state_->failure) std::rethrow_exception(state_->failure);
    return *state_->outcome;
  }

 private:
  struct state {
    bool has_begun = false;
    std::exception_ptr failure;
    std::optional<T> outcome;
    asio::cancellation_signal signal;
  };
  static awaitable<T> begin(awaitable<T> work, std::weak_ptr<state> of) {
    if (auto const alive = of.lock()) alive->has_begun = true;
    co_return co_await std::move(work);
  }
  std::shared_ptr<state> state_;
};

struct replica {
  std::shared_ptr<test_link> link;
  std::shared_ptr<test_factory> factory;
  std::unique_ptr<mooring::session_manager<test_session>> manager;
};

/** Replicas over one store, under virtual time and a seeded order. */
class session_world {
 public:
  struct setup {
    std::size_t replicas = 1;
    manager_options options;
    local_storage_options store;
    link_options link;
  };

  explicit session_world(std::uint64_t seed) : session_world(seed, setup()) {}
  session_world(std::uint64_t seed, setup how) : sim(seed), book(std::make_shared<ledger>()), how_(std::move(how)) {
    store = std::make_shared<simulated_store<metadata>>(how_.store);
    for (std::size_t i = 0; i < how_.replicas; ++i) add_replica();
  }
  ~session_world() { replicas.clear(); }

  replica& add_replica() { return add_replica(how_.options); }
  replica& add_replica(manager_options options) {
    replica r;
    r.link = std::make_shared<test_link>(sim, sim.get_executor(), store, how_.link);
    r.factory = std::make_shared<test_factory>(sim, book, "r" + std::to_string(replicas.size()) + "-");
    std::string why;
    auto made = manager::make(sim.get_executor(), r.link, r.factory, std::move(options), &why);
    BOOST_REQUIRE_MESSAGE(made, why);
    r.manager = std::move(*made);
    replicas.push_back(std::move(r));
    return replicas.back();
  }

  manager& m(std::size_t i = 0) { return *replicas.at(i).manager; }
  test_factory& f(std::size_t i = 0) { return *replicas.at(i).factory; }
  test_link& link(std::size_t i = 0) { return *replicas.at(i).link; }

  template <class T>
  call<T> start(awaitable<T> work) {
    return call<T>(sim.get_executor(), std::move(work));
  }

  template <class T>
  void finish(call<T>& running) {
    for (std::size_t i = 0; i < 1'000'000 && !running.is_done(); ++i)
      if (!sim.step()) break;
    BOOST_REQUIRE_MESSAGE(running.is_done(), "a call never ended, seed " << sim.seed());
  }

  template <class T>
  T run(awaitable<T> work) {
    auto running = start(std::move(work));
    finish(running);
    return running.take();
  }

  /** An open session of the first replica, not leased. */
  std::string opened(principal who = {}, open_parameters parameters = open_parameters({"a", "b"}), std::size_t on = 0) {
    auto made = run(m(on).open(std::move(who), std::move(parameters)));
    BOOST_REQUIRE_MESSAGE(made, made.error().message());
    return made->id;
  }

  static awaitable<result<>> shutdown_of(manager& m, call_options how = {}) {
    co_await m.shutdown(how);
    co_return result<>();
  }

  /** Ends every replica, and checks that whatever was opened was closed once. */
  void end() {
    std::vector<call<result<>>> ends;
    for (auto& r : replicas) ends.push_back(start(shutdown_of(*r.manager)));
    for (auto& one : ends) finish(one);
    sim.run_for(30s);
    BOOST_TEST(book->is_balanced(), "opened " << book->opened() << ", closed " << book->closed() << ", seed " << sim.seed());
    for (auto& r : replicas) BOOST_TEST(r.manager->stats().open_sessions == 0u);
    replicas.clear();
  }

  std::optional<stored<metadata>> record(std::string const& id) { return replicas.at(0).link->look(id); }

  simulation sim;
  std::shared_ptr<ledger> book;
  std::shared_ptr<simulated_store<metadata>> store;
  std::vector<replica> replicas;

 private:
  setup how_;
};

inline principal named(std::string subject, std::string issuer = "issuer") { return *principal::of(std::move(issuer), std::move(subject)); }

inline session_world::setup with_replicas(std::size_t n) {
  session_world::setup how;
  how.replicas = n;
  return how;
}

/** At most so many, as the seed has it: a moment in the middle of whatever runs. */
inline void some_steps(session_world& w, std::uint64_t most) {
  for (auto i = w.sim.random(most); i > 0; --i) w.sim.step();
}

/** Wraps the session, and says so in the metadata. */
inline decorator<test_session> adding(std::string what) {
  return [what](std::shared_ptr<test_session> before, metadata data) {
    data[what] = "on";
    auto next = std::make_shared<test_session>(*before);
    next->decorations.push_back(what);
    return result<decoration<test_session>>(decoration<test_session>(next, std::move(data)));
  };
}

}  // namespace mooring::test
