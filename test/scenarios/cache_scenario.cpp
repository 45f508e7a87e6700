#include "scenarios/clients.hpp"
#include "scenarios/scenarios.hpp"
#include "scenarios/truth.hpp"
#include "simulation/simulation.hpp"

#include <mooring/cache/validating_cache.hpp>

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace mooring::test {
namespace {

using namespace std::chrono_literals;

/** A cached value that knows what was done to it. */
struct item {
  std::string key;
  int version = 0;
  bool is_taken = false;    // the cache has become responsible for it
  bool is_wrapped = false;  // another value owns it now
  int disposals = 0;
  std::shared_ptr<int> alive;  // counts the items that exist
};
using value = std::shared_ptr<item>;
using cache = validating_cache<std::string, value>;

/** What a schedule does at all; drawn first, so that each kind of trouble also occurs alone. */
struct weather {
  explicit weather(simulation& sim)
      : has_failures(sim.random(2) == 0),
        has_cancels(sim.random(2) == 0),
        has_deadlines(sim.random(2) == 0),
        has_hangs(sim.random(3) == 0),
        is_cut(sim.random(6) == 0) {}
  bool has_failures;
  bool has_cancels;
  bool has_deadlines;
  bool has_hangs;
  bool is_cut;  // the world ends without close, somewhere in the middle
};

cache_options options_of(simulation& sim) {
  cache_options options;
  options.capacity_entries = 1 + sim.random(3);
  options.max_stale = sim.random(2) == 0 ? 0ms : 8ms;
  options.check_interval = sim.random(3) == 0 ? 4ms : 0ms;
  options.negative_ttl = sim.random(2) == 0 ? 0ms : 6ms;
  options.failure_backoff = sim.random(2) == 0 ? 0ms : 3ms;
  options.failure_backoff_limit = 10ms;
  options.load_timeout = 50ms;
  options.drain_deadline = sim.random(2) == 0 ? 20ms : 10s;
  return options;
}

class world {
 public:
  world(std::uint64_t seed, std::shared_ptr<int> alive) : alive_(std::move(alive)), sim_(seed), weather_(sim_), options_(options_of(sim_)) {
    sim_.run_inline(sim_.random(2) == 0);
    cache_callbacks<std::string, value> callbacks;
    callbacks.load = [this](std::string key) { return begin_load(std::move(key)); };
    callbacks.check = [this](std::string const& key, value const& held) { return begin_check(key, held); };
    callbacks.dispose = [this](std::string key, value leaving, disposal_reason) { return dispose(std::move(key), std::move(leaving)); };
    if (auto made = cache::make(sim_.get_executor(), std::move(callbacks), options_)) cache_ = std::move(*made);
    found_.expect(cache_ != nullptr, "the options were refused");
  }

  schedule_result run() {
    for (std::size_t i = 0; i < callers; ++i) callers_.start(calls(i));
    if (weather_.has_cancels) callers_.start(cancels());
    auto const cut = weather_.is_cut ? sim_.random(150) : 100'000;
    closer_ = callers_.start(close_later());
    for (std::uint64_t i = 0; i < cut && sim_.step(); ++i) check_size();
    if (!weather_.is_cut) check_end();
    else if (sim_.random(2) == 0) destroy();
    return {found_.first(), sim_.trace(), sim_.steps()};
  }

 private:
  static constexpr std::size_t callers = 5;

  // The cache is destroyed in the middle of all that runs: everybody is told, and nothing begins any more.
  void destroy() {
    is_closing_ = true;
    is_destroyed_ = true;
    cache_.reset();
    sim_.run(20'000);
    found_.expect(sim_.outstanding() == 0, "the run does not end after the destructor (CA45)");
    found_.expect(callers_.running() == 0, "a call never ended after the destructor (CA45, RA45)");
  }

  // --- what the cache calls

  load_answer<value> begin_load(std::string key) {
    found_.expect(!is_destroyed_, "a load began after the destructor (CA45)");
    found_.expect(!is_inside_, "a load ran inside another's stack (CA32)");
    found_.expect(sim_.current_lane() == 0, "a load ran on a foreign executor (CA32)");
    if (sim_.random(4) == 0) {
      auto const version = truths_[key].now();
      end_inquiry(key, begin_inquiry(key));
      if (version == 0) return std::nullopt;
      return taken(make(key, version));
    }
    return load(std::move(key));
  }

  awaitable<result<std::optional<value>>> load(std::string key) {
    auto const run = begin_inquiry(key);
    if (weather_.has_hangs && sim_.random(6) == 0) {
      auto const begun = sim_.now();
      auto slept = co_await sleep_for(1h);
      found_.expect(!slept && sim_.now() <= begun + options_.load_timeout, "a load was not stopped at its timeout (CA31)");
      end_inquiry(key, run);
      co_return make_error_code(errc::cancelled);
    }
    auto before = co_await sleep_for(pause());
    auto const version = truths_[key].now();
    if (sim_.random(16) == 0 && !is_destroyed_) replace("abc"[sim_.random(3)]);
    auto const state = co_await asio::this_coro::cancellation_state;
    bool const is_stubborn = before.has_value() || sim_.random(2) == 0;
    if (state.cancelled() == asio::cancellation_type::none) {
      auto after = co_await sleep_for(pause());
      static_cast<void>(after);  // cancelled or not, it goes on as a stubborn load would
    }
    end_inquiry(key, run);
    if (weather_.has_failures && sim_.random(5) == 0) co_return make_error_code(errc::unavailable);
    if (weather_.has_failures && sim_.random(12) == 0) throw std::runtime_error("a load threw");
    if (!is_stubborn) co_return make_error_code(errc::cancelled);
    if (version == 0) co_return std::optional<value>();
    co_return std::optional<value>(taken(make(key, version)));
  }

  check_answer begin_check(std::string const& key, value const& held) {
    found_.expect(!is_inside_, "a check ran inside another's stack (CA32)");
    found_.expect(!is_destroyed_, "a check was asked after the destructor (CA45)");
    found_.expect(held->disposals == 0 || has_drained_, "a value that was closed is checked (CA15)");
    if (sim_.random(3) != 0) return check(key, held);
    bool const is_failing = weather_.has_failures && sim_.random(4) == 0;
    bool const is_alive = held->version == truths_[key].now();
    end_inquiry(key, begin_inquiry(key), is_failing);
    if (is_failing) return errc::unavailable;
    return is_alive ? verdict::alive : verdict::expired;
  }

  awaitable<result<verdict>> check(std::string key, value held) {
    found_.expect(!is_destroyed_, "a check began after the destructor (CA45)");
    auto const run = begin_inquiry(key);  // not before: try_get drops an answer that it would have to wait for
    auto slept = co_await sleep_for(pause());
    if (!slept) {
      end_inquiry(key, run, true);
      co_return slept.error();
    }
    bool const is_alive = held->version == truths_[key].now();
    if (sim_.random(16) == 0 && !is_destroyed_) replace("abc"[sim_.random(3)]);
    auto const state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() == asio::cancellation_type::none) {
      auto after = co_await sleep_for(pause());
      static_cast<void>(after);  // the answer is there, cancelled or not
    }
    bool const is_failing = weather_.has_failures && sim_.random(4) == 0;
    end_inquiry(key, run, is_failing);
    if (is_failing && sim_.random(3) == 0) throw std::runtime_error("a check threw");
    if (is_failing) co_return make_error_code(errc::unavailable);
    co_return is_alive ? verdict::alive : verdict::expired;
  }

  awaitable<void> dispose(std::string key, value leaving) {
    found_.expect(!is_destroyed_, "a disposal began after the destructor (CA45)");
    if (is_destroyed_) co_return;
    found_.expect(!is_inside_, "a disposal ran inside another's stack (CA32)");
    found_.expect(leaving->key == key, "a value is disposed of under another key");
    found_.expect(leaving->is_taken && !leaving->is_wrapped, "a value is disposed of that is not the cache's");
    found_.expect(++leaving->disposals == 1, "a value is disposed of twice (RA46)");
    found_.expect(!is_closed_, "a disposal began after close (RA51)");
    if (sim_.random(10) == 0) cache_->peek(key);
    if (weather_.has_hangs && sim_.random(4) == 0) {
      auto slept = co_await sleep_for(1h);
      has_drained_ = true;
      static_cast<void>(slept);
    } else if (sim_.random(2) == 0) {
      auto slept = co_await sleep_for(pause());
      static_cast<void>(slept);
    }
    if (weather_.has_failures && sim_.random(8) == 0) throw std::runtime_error("a disposal threw");
  }

  // --- what callers do

  awaitable<void> calls(std::size_t me) {
    for (int i = 0; i < 6; ++i) {
      if (sim_.random(3) != 0) {
        auto slept = co_await sleep_for(pause());
        if (!slept) co_return;
      }
      if (is_destroyed_) co_return;
      char const key = "abc"[sim_.random(weather_.is_cut ? 2 : 3)];
      switch (sim_.random(12)) {
        case 0:
          replace(key);
          break;
        case 1:
          erase(key);
          break;
        case 2:
          truth_of(key).change(sim_.random(4) == 0 ? 0 : ++versions_, ++events_);  // another replica did something
          break;
        case 3:
          replace_if(key);
          break;
        case 4:
          co_await fenced(key);
          break;
        case 5:
          co_await at_once(me, key);
          break;
        default:
          co_await get(me, key);
      }
    }
  }

  awaitable<void> get(std::size_t me, char letter) {
    std::string const key(1, letter);
    call_options call;
    if (weather_.has_deadlines && sim_.random(2) == 0) call.deadline = duration(sim_.random(8) * 1ms);
    auto const start = ++events_;
    auto const begun = sim_.now();
    bool const was_closed = is_closing_;
    auto got = co_await cache_->get(key, call);
    expect_own_lane(me);
    found_.expect(!call.deadline || sim_.now() <= begun + *call.deadline, "a get outlived its deadline (CA28, RA45)");
    if (!got) co_return judge_error(me, got.error(), call, begun);
    found_.expect(!was_closed, "a get that began after close was served (CA45)");
    int const version = *got ? (**got)->version : 0;
    judge(key, version, start, begun);
    if (*got) co_await use(std::move(*got), key);
  }

  awaitable<void> at_once(std::size_t me, char letter) {
    std::string const key(1, letter);
    auto const start = ++events_;
    auto const begun = sim_.now();
    auto const size = cache_->size();
    auto got = cache_->try_get(key);
    expect_own_lane(me);
    if (!got) co_return found_.expect(cache_->size() == size, "a refused try_get changed the cache (CA17)");
    judge(key, (*got.leased)->version, start, begun);
    co_await use(std::move(got.leased), key);
  }

  awaitable<void> use(lease<value> held, std::string key) {
    found_.expect((*held)->key == key, "a get was given another key's value");
    found_.expect(held.is_revoked() || (*held)->disposals == 0, "a get was given a closed value (RA27)");
    if (sim_.random(2) == 0) co_return;
    if (options_.drain_deadline < 1s && sim_.random(6) == 0) co_return co_await overstay(std::move(held), key);
    auto slept = co_await sleep_for(pause());
    if (!held.is_revoked()) found_.expect((*held)->disposals == 0, "a value was closed under its lease (CA40, RA22)");
    if (!slept) co_return;
    if (sim_.random(2) == 0) held.release();
  }

  // Keeps a lease beyond all patience: once its value has left the cache, it is revoked at the drain deadline.
  awaitable<void> overstay(lease<value> held, std::string key) {
    auto waited = co_await sleep_for(10ms);
    if (!waited || is_destroyed_) co_return;
    auto const cached = cache_->peek(key);
    if ((cached && *cached == *held) || (*held)->is_wrapped) co_return;
    auto overdue = co_await sleep_for(options_.drain_deadline + 15ms);  // a check that runs on it may end first
    if (!overdue || (*held)->is_wrapped) co_return;
    if (is_destroyed_) co_return;  // what is leased stays usable
    found_.expect(held.is_revoked() && held.status() == errc::revoked, "a lease outlived the drain deadline (CA41)");
  }

  awaitable<void> fenced(char letter) {
    std::string const key(1, letter);
    auto fence = cache_->begin(key);
    auto const changes = changes_[letter];
    auto const version = truths_[key].now();
    auto slept = co_await sleep_for(pause());
    if (!slept || is_closing_) co_return;
    auto const made = make(key, version);
    auto const at = ++events_;
    auto outcome = cache_->set_if(fence, made);
    bool const is_unchanged = changes == changes_[letter];
    if (outcome.is_stored()) {
      made->is_taken = true;
      found_.expect(is_unchanged, "a fenced value was stored although set or erase came between (RA19)");
      ++changes_[letter];
      tell_stored(letter, version, at);
    } else {
      found_.expect(*outcome.refused == made, "a refused value was not handed back (CA20)");
      found_.expect(!is_unchanged, "a fenced value was refused although nothing came between");
    }
  }

  void replace(char letter) {
    std::string const key(1, letter);
    auto const at = ++events_;
    auto const made = make(key, ++versions_);
    auto old = cache_->peek(key);
    bool const is_wrapping = old && sim_.random(4) == 0;
    is_inside_ = true;
    auto set = cache_->set(key, made, is_wrapping ? old_value::wrapped : old_value::dispose);
    is_inside_ = false;
    if (!set) return found_.expect(is_closing_ && set.error() == errc::closed, "set was refused (CA18)");
    made->is_taken = true;
    if (is_wrapping) (*old)->is_wrapped = true;
    ++changes_[letter];
    found_.expect(**set == made, "set leased another value");
    found_.expect(!old || (*old)->disposals == 0, "a value was closed while it was cached");
    tell_stored(letter, made->version, at);
  }

  void replace_if(char letter) {
    std::string const key(1, letter);
    auto const at = ++events_;
    auto const made = make(key, versions_ + 1);
    auto const now = cache_->peek(key);
    auto const expected = now && sim_.random(3) != 0 ? *now : nobody_;
    is_inside_ = true;
    auto outcome = cache_->set_if(key, expected, made);
    is_inside_ = false;
    bool const fits = now && *now == expected;
    found_.expect(is_closing_ || outcome.is_stored() == fits, "a conditional set did the opposite of its condition (CA20)");
    if (!outcome.is_stored()) return found_.expect(*outcome.refused == made, "a refused value was not handed back (CA20)");
    made->is_taken = true;
    ++versions_;
    ++changes_[letter];
    tell_stored(letter, made->version, at);
  }

  void erase(char letter) {
    std::string const key(1, letter);
    auto const at = ++events_;
    bool const was_there = static_cast<bool>(cache_->peek(key));
    is_inside_ = true;
    bool const is_erased = cache_->erase(key);
    is_inside_ = false;
    found_.expect(is_erased == was_there, "erase said the wrong thing (CA21)");
    found_.expect(!cache_->peek(key), "an erased value is still there (CA21)");
    ++changes_[letter];
    truth_of(letter).change(sim_.random(3) == 0 ? ++versions_ : 0, at);
    truth_of(letter).fence(at);
  }

  awaitable<void> cancels() {
    for (int i = 0; i < 3; ++i) {
      auto slept = co_await sleep_for(pause());
      found_.expect(slept.has_value(), "a sleep was cut short");
      auto const whom = sim_.random(callers);
      cancelled_[whom] = true;
      callers_.cancel(whom, sim_.random(2) == 0 ? asio::cancellation_type::terminal : asio::cancellation_type::total);
    }
  }

  awaitable<void> close_later() {
    auto const delay = sim_.random(4) == 0 ? duration(sim_.random(20) * 1ms) : duration(150ms);
    auto slept = co_await sleep_for(delay);
    found_.expect(slept.has_value(), "a sleep was cut short");
    if (is_destroyed_) co_return;
    auto const begun = sim_.now();
    is_closing_ = true;
    call_options call;
    if (sim_.random(2) == 0) call.deadline = duration(sim_.random(30) * 1ms);
    co_await cache_->close(call);
    expect_own_lane(closer_);
    is_closed_ = true;
    auto const longest = call.deadline.value_or(options_.drain_deadline) + 1s;
    found_.expect(sim_.now() <= begun + longest, "close outlived its deadline (CA45)");
    if (is_destroyed_) co_return;
    co_await cache_->close();
    if (is_destroyed_) co_return;
    auto got = co_await cache_->get("a");
    found_.expect(got.has_error() && got.error() == errc::closed, "a closed cache answered (CA45)");
  }

  // --- judgement

  void judge(std::string const& key, int version, event_number start, time_point begun) {
    auto fresh = begun - options_.check_interval;
    if (weather_.has_failures) fresh = std::min(fresh, sim_.now() - options_.max_stale);
    if (version == 0) fresh = std::min(fresh, begun - options_.negative_ttl);
    found_.expect(truths_[key].may_tell(version, start, ++events_, fresh), "a get was told what had ceased to be true before it began (CA14, CA38, RA19)");
  }

  void judge_error(std::size_t me, error_code error, call_options call, time_point begun) {
    if (error == errc::cancelled) return found_.expect(cancelled_[me], "a get ended as cancelled, and nobody cancelled it (CA29)");
    if (error == errc::closed) return found_.expect(is_closing_, "a get ended as closed before close");
    if (error == errc::deadline_exceeded)
      return found_.expect((call.deadline && sim_.now() >= begun + *call.deadline) || weather_.has_hangs, "a get ran out of time that it had (CA28)");
    if (error == errc::unavailable || error == errc::load_failed)
      return found_.expect(weather_.has_failures, "a get failed, and nothing else did");
    found_.fail("a get ended with " + error.message());
  }

  void check_size() {
    found_.expect(cache_->size() <= options_.capacity_entries, "the cache is over its capacity (CA24, RA46)");
  }

  void check_end() {
    found_.expect(sim_.outstanding() == 0, "the run does not end");
    found_.expect(callers_.running() == 0, "a call never ended (RA45)");
    for (auto const& one : made_) {
      bool const is_owed = one->is_taken && !one->is_wrapped;
      found_.expect(one->disposals == (is_owed ? 1 : 0), "a value was not disposed of exactly once (CA42, RA46)");
    }
    auto const counted = cache_->stats();
    std::uint64_t disposals = 0;
    for (auto const n : counted.disposals) disposals += n;
    auto const owed = static_cast<std::uint64_t>(std::count_if(made_.begin(), made_.end(), [](auto const& one) { return one->is_taken && !one->is_wrapped; }));
    found_.expect(disposals == owed, "the disposals are miscounted (CA44)");
    found_.expect(counted.size == 0 && counted.flights == 0 && counted.waiters == 0 && counted.draining == 0 && counted.disposing == 0,
                  "something is left in a closed cache (RA51)");
  }

  // --- small things

  void expect_own_lane(std::size_t me) {
    found_.expect(sim_.current_lane() == me + 1, "a caller was resumed on a foreign executor (RA52)");
    found_.expect(!is_inside_, "a caller was resumed inside another's stack (CA32)");
  }

  void tell_stored(char letter, int version, event_number at) {
    auto& known = truth_of(letter);
    known.change(version, at);
    known.fence(at);
    auto const stored = known.begin_inquiry(at);  // a stored value counts as checked
    known.end_inquiry(stored, at, sim_.now());
  }

  // At most one runs per key and generation. Only told where nobody leaves: a flight that was given up may still be ending.
  std::size_t begin_inquiry(std::string const& key) {
    auto& running = running_[key];
    bool const may_be_left = weather_.has_cancels || weather_.has_deadlines || weather_.has_hangs;
    if (running.generation != changes_[key[0]]) running = {changes_[key[0]], 0};
    if (++running.count > 1 && !may_be_left && !is_closing_) found_.fail("two inquiries of one key and generation at once (RA44)");
    auto const run = truths_[key].begin_inquiry(++events_);
    generations_[{key, run}] = running.generation;
    return run;
  }

  void end_inquiry(std::string const& key, std::size_t run, bool is_failed = false) {
    auto& running = running_[key];
    if (running.generation == generations_[{key, run}]) --running.count;
    truths_[key].end_inquiry(run, ++events_, is_failed ? time_point::min() : sim_.now());
  }

  value make(std::string const& key, int version) {
    auto made = std::make_shared<item>();
    made->key = key;
    made->version = version;
    made->alive = alive_;
    made_.push_back(made);
    return made;
  }

  static value taken(value made) {
    made->is_taken = true;
    return made;
  }

  truth& truth_of(char letter) { return truths_[std::string(1, letter)]; }
  duration pause() { return duration(sim_.random(6) * 1ms); }

  struct running_inquiries {
    std::uint64_t generation = 0;
    int count = 0;
  };

  // Before the simulation, so that frames which die with it may still touch them.
  std::shared_ptr<int> alive_;
  verdicts found_;
  std::map<std::string, truth> truths_;
  std::map<std::string, running_inquiries> running_;
  std::map<std::pair<std::string, std::size_t>, std::uint64_t> generations_;
  std::map<char, std::uint64_t> changes_;  // how often set or erase reached the cache
  std::vector<value> made_;
  value const nobody_ = std::make_shared<item>();
  bool cancelled_[callers] = {};
  bool is_inside_ = false;   // a call of ours into the cache is on the stack
  bool is_closing_ = false;
  bool is_closed_ = false;
  bool is_destroyed_ = false;
  bool has_drained_ = false;
  event_number events_ = 0;
  int versions_ = 0;
  std::size_t closer_ = 0;
  clients callers_{sim_, found_};
  simulation sim_;
  weather weather_;
  cache_options options_;
  std::unique_ptr<cache> cache_;
};

}  // namespace

schedule_result cache_calls(std::uint64_t seed) {
  auto const alive = std::make_shared<int>(0);
  auto ended = world(seed, alive).run();
  if (ended.violation.empty() && alive.use_count() != 1) ended.violation = "a value outlived its world";
  return ended;
}

}  // namespace mooring::test
