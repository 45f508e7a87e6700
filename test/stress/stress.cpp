// usage: stress [--seconds N] [--threads N] [--clients N] [--seed S]
// Three managers on one local storage, with real threads and the real clock: clients open, use, decorate, notify and terminate each other's sessions, run out of
// time and are cancelled. What the simulation cannot show is whether every step is properly locked: run it under ThreadSanitizer. Prints what was done; exits 1
// when a rule was broken or an operation never succeeded.

#include "stress/sessions.hpp"

#include <mooring/session/session_manager.hpp>
#include <mooring/storage/local_storage.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <future>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace mooring::test {
namespace {

using namespace std::chrono_literals;
using manager = session_manager<stressed_session>;
using real_clock = std::chrono::steady_clock;

constexpr std::size_t sessions_at_once = 24;
constexpr unsigned replica_count = 3;

/** A session as its callers know it. */
struct known_session {
  known_session(std::string i, principal p) : id(std::move(i)), owner(std::move(p)) {}
  std::string const id;
  principal const owner;
  std::atomic<bool> is_ending{false};  // somebody began to terminate it
  std::atomic<bool> is_ended{false};   // somebody was told that it is terminated
  std::atomic<int> tags{0};            // decorations that were confirmed
  std::atomic<int> lost_tags{0};       // decorations whose outcome nobody knows
};

class board {
 public:
  std::shared_ptr<known_session> any(dice& random) const {
    std::lock_guard lock(mutex_);
    if (known_.empty()) return nullptr;
    return known_[random.below(known_.size())];
  }
  void put(std::shared_ptr<known_session> added) {
    std::lock_guard lock(mutex_);
    known_.push_back(std::move(added));
  }
  void drop(std::shared_ptr<known_session> const& ended) {
    std::lock_guard lock(mutex_);
    std::erase(known_, ended);
  }
  std::size_t size() const {
    std::lock_guard lock(mutex_);
    return known_.size();
  }
  std::vector<std::shared_ptr<known_session>> all() const {
    std::lock_guard lock(mutex_);
    return known_;
  }

 private:
  mutable std::mutex mutex_;  // guards the vector
  std::vector<std::shared_ptr<known_session>> known_;
};

int tags_of(metadata const& data) {
  auto const found = data.find("tags");
  return found == data.end() ? 0 : std::stoi(found->second);
}

result<decoration<stressed_session>> add_tag(std::shared_ptr<stressed_session> current, metadata data) {
  data["tags"] = std::to_string(tags_of(data) + 1);
  return decoration<stressed_session>(std::move(current), std::move(data));
}

/** Errors that a caller must be ready for here; anything else is a fault. */
bool is_ordinary(error_code error) {
  for (auto const each : {errc::deadline_exceeded, errc::cancelled, errc::ambiguous, errc::busy, errc::load_failed, errc::conflict, errc::not_ready})
    if (error == each) return true;
  return false;
}

class world {
 public:
  world(executor on, tally& seen) : seen_(seen) {
    store_ = local_storage<metadata>::make(on).value();
    for (unsigned i = 0; i < replica_count; ++i) {
      factories_.push_back(std::make_shared<stressed_factory>(seen, living_, i * 1'000'003 + 7));
      manager_options options;
      options.cache_capacity = sessions_at_once / 2;
      options.sweep_interval = 5ms;
      options.failure_backoff = 0s;
      options.check_interval = 0s;
      options.closes_storage = false;
      managers_.push_back(manager::make(on, store_, factories_.back(), options).value());
    }
  }

  awaitable<void> act(std::uint64_t seed, int turns) {
    dice random(seed);
    for (int i = 0; i < turns; ++i) {
      auto& sessions = *managers_[random.below(replica_count)];
      call_options call;
      if (random.below(8) == 0) call.deadline = std::chrono::microseconds(1 + random.below(200));
      auto const known = known_.any(random);
      if (!known || known_.size() < sessions_at_once / 2 || (random.below(24) == 0 && known_.size() < sessions_at_once)) {
        co_await open(sessions, random, call);
        continue;
      }
      auto const turn = random.below(24);
      if (turn == 0) co_await terminate(sessions, known, call);
      else if (turn < 4) co_await decorate(sessions, known, call);
      else if (turn == 4) co_await notify(sessions, known, random, call);
      else if (turn < 7) co_await validate(sessions, known, call);
      else co_await use(sessions, known, random, call);
    }
  }

  awaitable<void> finish() {
    for (auto const& known : known_.all()) {
      if (known->is_ending) continue;
      auto lease = co_await managers_.front()->get(known->id, known->owner);
      seen_.expect(lease.has_value() || is_ordinary(lease.error()), "a session nobody terminated is there at the end");
      if (lease) seen_.expect(static_cast<bool>(*lease), "a session nobody terminated is there at the end");
      auto const kept = std::make_shared<int>(0);
      auto read = [kept](std::shared_ptr<stressed_session> current, metadata data) {
        *kept = tags_of(data);
        return add_tag(std::move(current), std::move(data));
      };
      auto const done = co_await managers_.front()->decorate(known->id, known->owner, read);
      if (!done) continue;
      seen_.count("sessions compared at the end");
      seen_.expect(*kept >= known->tags, "no decoration is lost");
      seen_.expect(*kept <= known->tags + known->lost_tags, "no decoration is applied twice");
    }
    for (auto& each : managers_) co_await each->shutdown();
    for (std::size_t i = 0; i < managers_.size(); ++i) {
      seen_.expect(factories_[i]->opened_count() == factories_[i]->closed_count(), "what was opened is closed once, at the latest by shutdown");
      seen_.expect(managers_[i]->stats().open_sessions == 0, "no session is open after shutdown");
      seen_.expect(managers_[i]->stats().cache.waiters == 0, "nobody waits after shutdown");
    }
    co_await store_->close();
    managers_.clear();
  }

  int living() const noexcept { return living_; }

 private:
  void note(char const* operation, error_code error) {
    if (!error) return seen_.count(std::string(operation) + ": done");
    seen_.count(std::string(operation) + ": " + error.message());
    seen_.expect(is_ordinary(error), std::string(operation) + " does not end with: " + error.message());
  }

  awaitable<void> open(manager& sessions, dice& random, call_options call) {
    auto const name = std::to_string(random.below(5));
    auto const owner = principal::of("https://login.example", name).value();
    open_parameters asked({"a", "b", "c"});
    auto opened = co_await sessions.open(owner, std::move(asked), call);
    note("open", opened ? error_code() : opened.error());
    if (opened) known_.put(std::make_shared<known_session>(opened->id, owner));
  }

  awaitable<void> use(manager& sessions, std::shared_ptr<known_session> known, dice& random, call_options call) {
    bool const was_ended = known->is_ended;
    auto lease = co_await sessions.get(known->id, known->owner, call);
    note("get", lease ? error_code() : lease.error());
    if (!lease) co_return;
    if (!*lease) {
      seen_.expect(known->is_ending, "a session nobody terminated is never absent");
      co_return;
    }
    if (was_ended) {  // it may have joined a restore that began before the termination, on another replica; the next one cannot
      lease->release();
      auto again = co_await sessions.get(known->id, known->owner);
      seen_.expect(!again || !*again, "no session is served for long after its termination");
      co_return;
    }
    seen_.expect((*lease)->id == known->id, "a get gives the session of its id");
    if (random.below(4) == 0) {
      auto const slept = co_await sleep_for(std::chrono::microseconds(random.below(100)));
      if (!slept) co_return;
    }
    auto const closed = (*lease)->closed.load();
    seen_.expect(closed == 0 || lease->is_revoked(), "a leased session is not closed");
  }

  awaitable<void> validate(manager& sessions, std::shared_ptr<known_session> known, call_options call) {
    bool const was_ended = known->is_ended;
    auto const said = co_await sessions.validate(known->id, known->owner, call);
    note("validate", said ? error_code() : said.error());
    if (!said) co_return;
    seen_.expect(*said != validity::not_ready, "a session that was handed out is ready");
    if (*said == validity::live) seen_.expect(!was_ended, "nothing is live after its termination");
    else seen_.expect(known->is_ending, "a session nobody terminated is not gone");
  }

  awaitable<void> decorate(manager& sessions, std::shared_ptr<known_session> known, call_options call) {
    bool const was_ended = known->is_ended;
    ++known->lost_tags;  // until its outcome is known: a cancelled caller never learns it
    auto const done = co_await sessions.decorate(known->id, known->owner, add_tag, call);
    if (done) {
      ++known->tags;
      --known->lost_tags;
      seen_.expect(!was_ended, "nothing is decorated after its termination");
    } else if (done.error() != errc::ambiguous) {
      --known->lost_tags;
    }
    if (!done && done.error() == errc::not_found) {
      seen_.count("decorate: not found");
      seen_.expect(known->is_ending, "only a terminated session is not found");
      co_return;
    }
    note("decorate", done ? error_code() : done.error());
  }

  awaitable<void> notify(manager& sessions, std::shared_ptr<known_session> known, dice& random, call_options call) {
    std::string const backend(1, static_cast<char>('a' + random.below(4)));
    auto const done = co_await sessions.notify_backend_expired(known->id, known->owner, backend, call);
    note("notify", done ? error_code() : done.error());
  }

  awaitable<void> terminate(manager& sessions, std::shared_ptr<known_session> known, call_options call) {
    known->is_ending = true;
    auto const done = co_await sessions.terminate(known->id, known->owner, call);
    note("terminate", done ? error_code() : done.error());
    if (!done) co_return;
    known->is_ended = true;
    known_.drop(known);
  }

  tally& seen_;
  std::atomic<int> living_{0};
  std::shared_ptr<local_storage<metadata>> store_;
  std::vector<std::shared_ptr<stressed_factory>> factories_;
  std::vector<std::unique_ptr<manager>> managers_;
  board known_;
};

bool is_cancellation(std::exception_ptr failure) {
  try {
    std::rethrow_exception(std::move(failure));
  } catch (boost::system::system_error const& thrown) {
    return thrown.code() == asio::error::operation_aborted;
  } catch (...) {
    return false;
  }
}

/** Starts a client again and again; every third run is cancelled in the middle. */
void drive(asio::thread_pool& pool, world& all, tally& seen, unsigned number, std::uint64_t seed, real_clock::time_point end) {
  auto const strand = asio::make_strand(pool.get_executor());
  dice random(seed * 1000 + number);
  while (real_clock::now() < end) {
    auto const signal = std::make_shared<asio::cancellation_signal>();
    std::promise<bool> outcome;  // whether the client was cancelled
    auto ended = outcome.get_future();
    // The exception is looked at where it ends: in a future its count would be shared with libstdc++'s own code, which ThreadSanitizer does not see.
    auto end_of_run = [&seen, outcome = std::move(outcome)](std::exception_ptr failure) mutable {
      outcome.set_value(failure != nullptr);
      if (failure) seen.expect(is_cancellation(std::move(failure)), "a client ends with no other exception than its cancellation");
    };
    asio::co_spawn(strand, all.act(random.below(1'000'000'000), 60), asio::bind_cancellation_slot(signal->slot(), std::move(end_of_run)));
    if (random.below(3) == 0) {
      ended.wait_for(std::chrono::microseconds(random.below(3000)));
      asio::post(strand, [signal] { signal->emit(asio::cancellation_type::terminal); });
    }
    if (ended.get()) seen.count("clients cancelled");
    asio::post(strand, [signal] {});  // the signal dies behind its emission
  }
}

std::optional<std::uint64_t> number_after(std::vector<std::string_view> const& words, std::string_view flag, std::uint64_t otherwise) {
  for (std::size_t i = 0; i < words.size(); i += 2) {
    if (words[i] != flag) continue;
    if (i + 1 == words.size()) return std::nullopt;
    return std::strtoull(std::string(words[i + 1]).c_str(), nullptr, 10);
  }
  return otherwise;
}

int stress(std::uint64_t seconds, std::uint64_t threads, std::uint64_t clients, std::uint64_t seed) {
  tally seen;
  {
    asio::thread_pool pool(threads);
    world all(pool.get_executor(), seen);
    auto const end = real_clock::now() + std::chrono::seconds(seconds);
    std::vector<std::jthread> drivers;
    for (unsigned i = 0; i < clients; ++i) drivers.emplace_back([&, i] { drive(pool, all, seen, i, seed, end); });
    drivers.clear();
    asio::co_spawn(pool, all.finish(), asio::use_future).get();
    pool.join();
    seen.expect(all.living() == 0, "every session object is gone at the end");
  }
  for (auto const& [what, count] : seen.counts()) std::cout << count << "  " << what << '\n';
  for (auto const* operation : {"open", "get", "validate", "decorate", "notify", "terminate"})
    seen.expect(seen.of(std::string(operation) + ": done") > 0, std::string(operation) + " succeeds at all");
  for (auto const& [rule, count] : seen.violations()) std::cout << "BROKEN " << count << " times: " << rule << '\n';
  return seen.violations().empty() ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace mooring::test

int main(int count, char** arguments) {
  std::vector<std::string_view> const words(arguments + 1, arguments + count);
  for (std::size_t i = 0; i < words.size(); i += 2) {
    if (words[i] == "--seconds" || words[i] == "--threads" || words[i] == "--clients" || words[i] == "--seed") continue;
    std::cerr << "stress: what is '" << words[i] << "'? usage: stress [--seconds N] [--threads N] [--clients N] [--seed S]\n";
    return 2;
  }
  auto const seconds = mooring::test::number_after(words, "--seconds", 60);
  auto const threads = mooring::test::number_after(words, "--threads", 4);
  auto const clients = mooring::test::number_after(words, "--clients", 12);
  auto const seed = mooring::test::number_after(words, "--seed", 1);
  if (!seconds || !threads || !clients || !seed || *seconds == 0 || *threads == 0 || *clients == 0) {
    std::cerr << "stress: each flag takes a number above zero\n";
    return 2;
  }
  return mooring::test::stress(*seconds, *threads, *clients, *seed);
}
