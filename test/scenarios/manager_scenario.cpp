#include "scenarios/clients.hpp"
#include "scenarios/scenarios.hpp"
#include "scenarios/session_log.hpp"
#include "scenarios/sessions.hpp"
#include "scenarios/shared_store.hpp"
#include "simulation/simulation.hpp"
#include "simulation/watched_storage.hpp"

#include <mooring/session/record.hpp>
#include <mooring/session/session_manager.hpp>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mooring::test {
namespace {

using namespace std::chrono_literals;
using verb = session_model::verb;
using seen = session_model::seen;
using bits = session_model::bits;
using manager = session_manager<test_session>;
using lease_of_session = session_lease<test_session>;

/** What a schedule does at all; drawn first, so that each kind of trouble also occurs alone. */
struct weather {
  explicit weather(simulation& sim)
      : replicas(1 + static_cast<unsigned>(sim.random(3))),
        is_quiet(sim.random(8) == 0),
        has_faults(!is_quiet && sim.random(3) == 0),
        has_cancels(!is_quiet && sim.random(3) == 0),
        has_deadlines(!is_quiet && sim.random(4) == 0),
        has_expiry(!is_quiet && sim.random(4) == 0),
        has_early_shutdown(!is_quiet && sim.random(4) == 0),
        is_cut(!is_quiet && sim.random(8) == 0),
        is_crowded(!is_quiet && sim.random(2) == 0),
        check_interval(sim.random(3) == 0 ? duration(4ms + sim.random(12) * 1ms) : duration(0)),
        max_stale(sim.random(2) == 0 ? duration(0) : duration(sim.random(30) * 1ms)),
        ttl(has_expiry ? 60ms : 10min),
        sweep_interval(sim.random(3) == 0 ? 20ms : 10min),
        capacity(1 + sim.random(3)),
        reply(is_crowded ? 4ms : 1ms),
        // One of a few, or so many of one kind that whoever asks twice is failed twice.
        only_fault(!has_faults || sim.random(2) == 0 ? 0 : 1 + static_cast<unsigned>(sim.random(10'000))),
        faults_permille(!has_faults ? 0 : only_fault != 0 ? 400 : 80) {
    habits.has_failures = !is_quiet && sim.random(3) == 0;
    habits.has_hangs = !is_quiet && sim.random(4) == 0;
  }

  // How long an answer of the storage counts, and how long a read takes at most: where nothing fails, three steps of the link for each request (RA48).
  duration remembered() const { return has_faults ? std::max(check_interval, max_stale) : check_interval; }
  duration longest_read(int requests) const { return has_faults ? read : requests * (step + step + reply); }

  static constexpr duration read = 20ms;  // the deadline of one storage operation
  static constexpr duration step = 1ms;   // of the link

  unsigned replicas;
  bool is_quiet;  // nothing but opens and gets
  bool has_faults;
  bool has_cancels;
  bool has_deadlines;
  bool has_expiry;
  bool has_early_shutdown;
  bool is_cut;      // the world ends without shutdown, somewhere in the middle
  bool is_crowded;  // all callers mostly want the newest id, hurry, and wait long for replies
  duration check_interval;
  duration max_stale;
  duration ttl;
  duration sweep_interval;
  std::size_t capacity;
  duration reply;
  unsigned only_fault;
  unsigned faults_permille;
  factory_habits habits;
};

manager_options options_of(simulation& sim, weather const& drawn) {
  manager_options options;
  options.cache_capacity = drawn.capacity;
  options.ttl = drawn.ttl;
  options.placeholder_ttl = 80ms;
  options.sweep_interval = drawn.sweep_interval;
  options.max_stale = drawn.max_stale;
  options.check_interval = drawn.check_interval;
  options.failure_backoff = sim.random(2) == 0 ? 0ms : 3ms;
  options.failure_backoff_limit = 10ms;
  options.deadlines = {.generate = weather::read, .create = weather::read, .read = weather::read, .write_back = weather::read, .change = weather::read,
                       .terminate = weather::read, .factory = 40ms, .get = 200ms, .shutdown = 300ms};
  return options;
}

struct replica {
  std::shared_ptr<test_factory> factory;
  std::unique_ptr<session_manager<test_session>> sessions;
  bool is_closing = false;
};

/** An id that callers know, and what they may hold against the library. */
struct known_id {
  std::string id;
  principal owner;
  bits backends = 0;
  bool is_minted_only = false;
};

class world {
 public:
  world(std::uint64_t seed, make_store<metadata> make, std::shared_ptr<int> alive) : sim_(seed), weather_(sim_) {
    sim_.run_inline(sim_.random(2) == 0);
    store_settings settings;
    settings.ttl = weather_.ttl;
    if (weather_.has_expiry && sim_.random(2) == 0) settings.absolute_lifetime = 150ms;
    settings.way.queueing = settings.way.travel = weather::step;
    settings.way.reply = weather_.reply;
    settings.way.deadline = weather::read;
    settings.way.faults_permille = weather_.faults_permille;
    settings.way.only_fault = weather_.only_fault;
    store_ = make(sim_, settings);
    log_ = std::make_shared<session_log>(weather_.remembered(), weather_.longest_read(store_->requests_of_a_read()));
    for (unsigned i = 0; i < weather_.replicas; ++i) replicas_.push_back(make_replica(i, alive));
  }

  schedule_result run() {
    if (!found_.is_clean()) return {found_.first(), 0, 0};
    for (std::size_t i = 0; i < callers; ++i) callers_.start(calls(i));
    if (weather_.has_cancels) callers_.start(cancels());
    if (weather_.has_early_shutdown) callers_.start(early_shutdown());
    if (weather_.is_cut) {
      auto const cut = sim_.random(800);
      for (std::uint64_t i = 0; i < cut && sim_.step(); ++i) {
      }
      return {found_.first(), sim_.trace(), sim_.steps()};
    }
    auto const latest = sim_.now() + 3s;
    while (callers_.running() != 0 && sim_.now() < latest) sim_.run_for(20ms);
    found_.expect(callers_.running() == 0, "a call never ended (RA45)");
    sim_.run_for(60ms);  // a sweep and its reads
    check_swept();
    check_ended();
    auto const last = callers_.size();
    for (auto& one : replicas_) callers_.start(shutdown(one));
    if (sim_.random(2) == 0) callers_.start(shutdown(replicas_.front()));
    found_.expect(sim_.run(200'000), "the run does not end");
    found_.expect(callers_.size() > last && callers_.running() == 0, "a shutdown never ended (RA34)");
    check_end();
    return {found_.first(), sim_.trace(), sim_.steps()};
  }

 private:
  static constexpr std::size_t callers = 4;

  replica make_replica(unsigned number, std::shared_ptr<int> const& alive) {
    replica made;
    made.factory = std::make_shared<test_factory>(sim_, found_, number, weather_.habits, alive);
    made.factory->on_open = [this, number](session_request const& request) {
      judge_request(number, request);
      return watch(number, request.is_restore ? inquiries::step::restore : inquiries::step::make, request.id);
    };
    auto way = store_->way(sim_.get_executor(), [this, number](std::string const& id, metadata const& next) { judge_update(number, id, next); });
    auto const watched = std::make_shared<watched_storage<metadata>>(std::move(way), [this, number](storage_operation what, std::string const& id) {
      found_.expect(what != storage_operation::store && what != storage_operation::update, "a write had no condition (SM48)");
      auto const step = step_of(what);
      return step ? watch(number, *step, id) : call_watch();
    });
    std::string why;
    auto sessions = manager::make(sim_.get_executor(), watched, made.factory, options_of(sim_, weather_), &why);
    if (sessions) made.sessions = std::move(*sessions);
    found_.expect(made.sessions != nullptr, "the options were refused: " + why);
    return made;
  }

  // --- what replicas ask

  static std::optional<inquiries::step> step_of(storage_operation what) {
    switch (what) {
      case storage_operation::load: return inquiries::step::check;
      case storage_operation::peek: return inquiries::step::peek;
      case storage_operation::update_if: return inquiries::step::write;
      case storage_operation::touch:
      case storage_operation::update_hints: return inquiries::step::confirm;
      default: return std::nullopt;
    }
  }

  // Frames that die with the simulation end their steps, too: the log outlives it.
  call_watch watch(unsigned at, inquiries::step what, std::string const& id) {
    auto const number = log_->asked(id, at).begin(what, log_->tick(sim_.now()), sim_.now());
    return [this, log = log_, sim = &sim_, at, id, number, is_confirmation = what == inquiries::step::confirm](std::optional<bool> is_found) {
      auto const how = !is_found ? inquiries::ending::failed : *is_found ? inquiries::ending::found : inquiries::ending::absent;
      log->asked(id, at).end(number, how, sim->now());
      if (is_confirmation && is_found && !*is_found) note_gone(at, id);
    };
  }

  // Whoever was about to use a session, and touched its record, was told that there is none.
  void note_gone(unsigned at, std::string const& id) {
    auto const told = log_->tick(sim_.now());
    for (auto const& root : replicas_[at].factory->openings())
      if (root->id == id) gone_.emplace(root.get(), told);
  }

  // --- what callers do

  awaitable<void> calls(std::size_t me) {
    auto waited = co_await sleep_for(duration(sim_.random(10) * 1ms));
    if (!waited) co_return;
    for (int i = 0; i < 6; ++i) {
      if (sim_.random(3) != 0) {
        duration const pause = sim_.random(weather_.is_crowded ? 4 : 12) * 1ms;
        auto slept = co_await sleep_for(pause);
        if (!slept) co_return;
      }
      auto const at = static_cast<unsigned>(sim_.random(weather_.replicas));
      if (ids_.empty() || sim_.random(6) == 0) {
        co_await make(me, at);
        continue;
      }
      auto const whom = weather_.is_crowded && sim_.random(4) != 0 ? ids_.back() : ids_[sim_.random(ids_.size())];
      co_await call(me, at, whom);
    }
  }

  awaitable<void> make(std::size_t me, unsigned at) {
    if (sim_.random(2) == 0)
      co_await open(me, at);
    else
      co_await mint(me, at);
  }

  awaitable<void> call(std::size_t me, unsigned at, known_id whom) {
    auto const choice = weather_.is_quiet ? 0 : sim_.random(16);
    if (whom.is_minted_only && sim_.random(2) == 0) co_return co_await create(me, at, whom);
    if (choice < 7) co_return co_await get(me, at, whom);
    if (choice < 9) co_return co_await validate(me, at, whom);
    if (choice < 11) co_return co_await decorate(me, at, whom);
    if (choice < 13) co_return co_await notify(me, at, whom);
    if (choice < 14) co_return co_await intrude(me, at, whom);
    co_await terminate(me, at, whom);
  }

  awaitable<void> open(std::size_t me, unsigned at) {
    auto const wanted = draw_session("");
    auto const start = log_->tick(sim_.now());
    auto made = co_await replicas_[at].sessions->open(wanted.owner, parameters(wanted));
    expect_own_lane(me);
    if (!made) co_return judge_error(me, at, made.error(), "open");
    auto known = wanted;
    known.id = made->id;
    owners_.emplace(known.id, known.owner);
    note(known.id, start, {verb::create, seen::done, 0, known.backends, at});
    remember(known);
    co_await use(std::move(made->lease), known.id);
  }

  awaitable<void> mint(std::size_t me, unsigned at) {
    auto minted = co_await replicas_[at].sessions->generate(draw_deadline());
    expect_own_lane(me);
    if (!minted) co_return judge_error(me, at, minted.error(), "generate");
    for (auto const& one : ids_) found_.expect(one.id != *minted, "an id was minted twice (SM02)");
    auto known = draw_session(*minted);
    known.is_minted_only = true;
    owners_.emplace(known.id, known.owner);
    remember(known);
    // Another caller may be faster, also with a termination.
    auto const next = sim_.random(4) == 0 ? (at + 1) % weather_.replicas : at;
    co_await create(me, next, known);
  }

  awaitable<void> create(std::size_t me, unsigned at, known_id whom) {
    auto const start = log_->tick(sim_.now());
    auto made = co_await replicas_[at].sessions->create(whom.id, whom.owner, parameters(whom), draw_deadline());
    expect_own_lane(me);
    session_model::call call{verb::create, seen::done, 0, whom.backends, at};
    if (!made) {
      // One that failed behind its write was live until it was taken back.
      if (made.error() != errc::exists) log_->add_lost(whom.id, start, sim_.now(), call);
      if (made.error() != errc::exists) log_->may_expire(whom.id, start);
      co_return judge_error(me, at, made.error(), "create");
    }
    note(whom.id, start, call);
    co_await use(std::move(*made), whom.id);
  }

  awaitable<void> get(std::size_t me, unsigned at, known_id whom) {
    auto const start = log_->tick(sim_.now());
    auto const begun = sim_.now();
    auto const limit = draw_deadline();
    bool const was_closing = replicas_[at].is_closing;
    auto got = co_await replicas_[at].sessions->get(whom.id, whom.owner, limit);
    expect_own_lane(me);
    found_.expect(sim_.now() <= begun + limit.deadline.value_or(200ms), "a get outlived its deadline (RA45)");
    if (!got) {
      if (got.error() == errc::not_ready) note(whom.id, start, {verb::get, seen::not_ready, 0, 0, at});
      co_return judge_error(me, at, got.error(), "get");
    }
    found_.expect(!was_closing, "a get that began after the shutdown was served (RA37)");
    if (!*got) {
      note(whom.id, start, {verb::get, seen::absent, 0, 0, at});
      co_return;
    }
    found_.expect((*got)->root->replica == at, "a get was given another replica's session");
    auto const told = gone_.find((*got)->root.get());
    found_.expect(told == gone_.end() || told->second > start, "a get was served a session whose confirmation had found no record (SM25, RA09)");
    note(whom.id, start, {verb::get, seen::done, (*got)->tags, (*got)->backends, at});
    co_await use(std::move(*got), whom.id);
  }

  awaitable<void> validate(std::size_t me, unsigned at, known_id whom) {
    auto const start = log_->tick(sim_.now());
    auto said = co_await replicas_[at].sessions->validate(whom.id, whom.owner, draw_deadline());
    expect_own_lane(me);
    if (!said) co_return judge_error(me, at, said.error(), "validate");
    auto const outcome = *said == validity::live ? seen::done : *said == validity::gone ? seen::absent : seen::not_ready;
    note(whom.id, start, {verb::validate, outcome, 0, 0, at});
  }

  awaitable<void> decorate(std::size_t me, unsigned at, known_id whom) {
    auto const start = log_->tick(sim_.now());
    bits const tag = bits(1) << (tags_++ % 64);
    decorator<test_session> change = [this, tag](std::shared_ptr<test_session> current, metadata data) -> result<decoration<test_session>> {
      found_.expect(current->root->closed == 0, "a closed session is decorated (RA24)");
      // Once its data are written, a decoration may be repeated on a session that was restored with them.
      found_.expect(current->tags == read_tags(data) || (current->tags & tag) != 0, "a session is decorated that was built from other data (SM37)");
      auto changed = std::make_shared<test_session>(*current);
      changed->tags |= tag;
      write_tags(data, changed->tags);
      return decoration<test_session>(std::move(changed), std::move(data));
    };
    auto made = co_await replicas_[at].sessions->decorate(whom.id, whom.owner, change, draw_deadline());
    expect_own_lane(me);
    session_model::call call{verb::decorate, seen::done, tag, 0, at};
    if (!made) {
      if (made.error() == errc::ambiguous) log_->add_lost(whom.id, start, sim_.now(), call);
      if (made.error() == errc::not_found) note(whom.id, start, {verb::decorate, seen::absent, tag, 0, at});
      co_return judge_error(me, at, made.error(), "decorate");
    }
    note(whom.id, start, call);
    found_.expect(static_cast<bool>(*made), "decorate succeeded with an empty lease");
    if (*made) found_.expect(((*made)->tags & tag) != 0, "decorate leased a session without its decoration (SM35)");
    co_await use(std::move(*made), whom.id);
  }

  awaitable<void> notify(std::size_t me, unsigned at, known_id whom) {
    auto const start = log_->tick(sim_.now());
    bits const backend = bits(1) << sim_.random(4);
    auto done = co_await replicas_[at].sessions->notify_backend_expired(whom.id, whom.owner, names_of(backend).front(), draw_deadline());
    expect_own_lane(me);
    session_model::call call{verb::notify, seen::done, 0, backend, at};
    if (done) co_return note(whom.id, start, call);
    if (done.error() == errc::ambiguous) log_->add_lost(whom.id, start, sim_.now(), call);
    judge_error(me, at, done.error(), "notify");
  }

  awaitable<void> terminate(std::size_t me, unsigned at, known_id whom) {
    auto const start = log_->tick(sim_.now());
    auto done = co_await replicas_[at].sessions->terminate(whom.id, whom.owner, draw_deadline());
    expect_own_lane(me);
    session_model::call call{verb::terminate, seen::done, 0, 0, at};
    if (done) expect_gone(whom.id);
    if (done) co_return note(whom.id, start, call);
    if (done.error() == errc::ambiguous) log_->add_lost(whom.id, start, sim_.now(), call);
    judge_error(me, at, done.error(), "terminate");
  }

  // What cannot be read may be terminated by whoever knows its id (SM23), also where a server only says so.
  bool may_seem_corrupt() const { return weather_.has_faults && store_->may_fail_with(make_error_code(errc::corrupt_record)); }

  // Somebody else tries an id that he knows: he gets nothing and changes nothing (RA21, ID12, ID13).
  awaitable<void> intrude(std::size_t me, unsigned at, known_id whom) {
    auto const foreign = *principal::of("issuer", "mallory");
    bool is_served = false;
    switch (sim_.random(3)) {
      case 0: {
        auto got = co_await replicas_[at].sessions->get(whom.id, foreign, draw_deadline());
        is_served = got.has_value() && static_cast<bool>(*got);
        break;
      }
      case 1: {
        auto said = co_await replicas_[at].sessions->validate(whom.id, foreign, draw_deadline());
        is_served = said.has_value() && *said == validity::live;
        break;
      }
      default: {
        if (whom.is_minted_only) co_return co_await revoke(me, at, whom, foreign);
        auto const start = log_->tick(sim_.now());
        auto done = co_await replicas_[at].sessions->terminate(whom.id, foreign, draw_deadline());
        is_served = done.has_value() && done->existed;
        if (may_seem_corrupt()) {
          session_model::call const call{verb::terminate, seen::done, 0, 0, at};
          if (is_served) note(whom.id, start, call);
          if (!done && done.error() == errc::ambiguous) log_->add_lost(whom.id, start, sim_.now(), call);
          is_served = false;
        }
      }
    }
    expect_own_lane(me);
    found_.expect(!is_served, "a foreign principal was served (ID12)");
  }

  // A placeholder has no owner yet: whoever knows it may end it, but not the session that is made of it.
  awaitable<void> revoke(std::size_t me, unsigned at, known_id whom, principal foreign) {
    auto const start = log_->tick(sim_.now());
    auto done = co_await replicas_[at].sessions->terminate(whom.id, foreign, draw_deadline());
    expect_own_lane(me);
    session_model::call call{verb::revoke, seen::done, 0, 0, at};
    if (done) {
      if (may_seem_corrupt()) call.what = verb::terminate;
      if (!done->existed) call.outcome = seen::absent;
      expect_gone(whom.id);
      co_return note(whom.id, start, call);
    }
    if (done.error() == errc::ambiguous) {
      log_->add_lost(whom.id, start, sim_.now(), call);
      if (may_seem_corrupt()) log_->may_expire(whom.id, start);
    }
    if (done.error() != errc::wrong_owner) judge_error(me, at, done.error(), "revoke");
  }

  awaitable<void> use(lease_of_session held, std::string id) {
    if (!held) co_return found_.fail("a call succeeded with an empty lease");
    found_.expect(held->root->id == id, "a caller was given the session of another id");
    found_.expect(held.is_revoked() || held->root->closed == 0, "a caller was given a closed session (RA27)");
    if (sim_.random(2) == 0) co_return;
    auto slept = co_await sleep_for(duration(sim_.random(15) * 1ms));
    if (!held.is_revoked()) found_.expect(held->root->closed == 0, "a session was closed under its lease (RA22)");
    if (!slept) co_return;
    held.release();
  }

  awaitable<void> cancels() {
    for (int i = 0; i < 3; ++i) {
      auto slept = co_await sleep_for(duration(sim_.random(25) * 1ms));
      found_.expect(slept.has_value(), "a sleep was cut short");
      auto const whom = sim_.random(callers);
      cancelled_[whom] = true;
      callers_.cancel(whom, sim_.random(2) == 0 ? asio::cancellation_type::terminal : asio::cancellation_type::total);
    }
  }

  awaitable<void> early_shutdown() {
    auto slept = co_await sleep_for(duration(sim_.random(60) * 1ms));
    found_.expect(slept.has_value(), "a sleep was cut short");
    co_await shutdown(replicas_[sim_.random(weather_.replicas)]);
  }

  awaitable<void> shutdown(replica& one) {
    one.is_closing = true;
    co_await one.sessions->shutdown();
    one.factory->end();
  }

  // --- judgement

  void judge_request(unsigned at, session_request const& request) {
    auto const known = owners_.find(request.id);
    if (known != owners_.end()) found_.expect(request.owner.is_same_as(known->second), "a session is opened for another principal (RA21, SM29)");
    found_.expect(request.is_restore || request.hints.empty(), "a new session was given hints (SM24)");
    if (request.is_restore) ++restores_[{request.id, at}];
  }

  // RA49: an owner once bound stays. What was taken off is off (SM44).
  void judge_update(unsigned at, std::string const& id, metadata const& next) {
    auto const parts = read_record(next);
    if (!parts) return found_.fail("a record was written that cannot be read");
    auto const [place, is_new] = records_.try_emplace(id, parts->owner, bits_of(parts->backends));
    auto& [owner, backends] = place->second;
    found_.expect(owner == parts->owner, "an update changed a session's owner (RA49)");
    auto const after = bits_of(parts->backends);
    found_.expect((after & ~backends) == 0, "a backend came back that had been taken off (RA12)");
    if (after != backends) log_->took_off(id, at, backends & ~after, sim_.now());
    backends = after;
  }

  // RA42: from the moment at which a terminate is told to be done.
  void expect_gone(std::string const& id) {
    found_.expect(!store_->look(id), "a record is there whose session was terminated (RA42)");
  }

  void judge_error(std::size_t me, unsigned at, error_code error, char const* what) {
    auto const is = [&error](errc value) { return error == make_error_code(value); };
    bool const has_limits = weather_.has_faults || weather_.has_deadlines;
    bool is_fine = is(errc::not_found) || is(errc::exists) || is(errc::conflict) || is(errc::not_ready);
    if (is(errc::cancelled)) is_fine = cancelled_[me];
    if (is(errc::ambiguous)) is_fine = !weather_.is_quiet;  // also of a record that another call changed before its session was cached
    if (is(errc::closed)) is_fine = replicas_[at].is_closing;
    if (is(errc::unavailable) || is(errc::deadline_exceeded)) is_fine = has_limits || weather_.habits.has_hangs;
    if (store_->may_fail_with(error)) is_fine = weather_.has_faults;
    if (is(errc::load_failed)) is_fine = weather_.habits.has_failures || weather_.habits.has_hangs;
    found_.expect(is_fine, std::string(what) + " ended with '" + error.message() + "' for no reason");
  }

  // What a replica terminated itself it closes by itself, whatever ran meanwhile (SM39, RA02, RA03).
  void check_ended() {
    for (auto const& one : replicas_)
      for (auto const& root : one.factory->openings())
        found_.expect(root->closed == 1 || !log_->was_ended_by(root->id, root->replica), "a replica keeps a session open that it terminated (SM39)");
  }

  // What was terminated is closed within one sweep on every replica, asked for or not (RA15).
  void check_swept() {
    if (weather_.sweep_interval > 1s || weather_.has_faults || weather_.habits.has_hangs || weather_.habits.has_failures) return;
    for (auto const& one : replicas_)
      for (auto const& root : one.factory->openings())
        if (!one.is_closing) found_.expect(root->closed == 1 || !log_->was_terminated(root->id), "a terminated session stays open beyond a sweep (RA15)");
  }

  void check_end() {
    for (auto const& one : replicas_) {
      for (auto const& root : one.factory->openings()) found_.expect(root->closed == 1, "an opened session was not closed (RA02, RA37, SM51)");
      auto const counted = one.sessions->stats();
      found_.expect(counted.open_sessions == 0 && counted.creations == 0 && counted.restores == 0,
                    "something is left in a manager that was shut down (RA51)");
    }
    if (weather_.is_quiet && weather_.capacity >= ids_.size())
      for (auto const& [where, times] : restores_) found_.expect(times == 1, "a session was restored again though nothing had changed (RA08)");
    for (auto const& one : ids_) {
      auto const left = store_->look(one.id);
      auto const start = log_->tick(sim_.now());
      if (!left || state_of(left->value).value() == record_state::placeholder) continue;
      auto const parts = read_record(left->value);
      found_.expect(parts.has_value(), "a record cannot be read");
      if (parts) log_->add(one.id, start, sim_.now(), {verb::get, seen::done, read_tags(parts->data), bits_of(parts->backends), weather_.replicas});
    }
    log_->judge(found_);
  }

  // --- small things

  void expect_own_lane(std::size_t me) { found_.expect(sim_.current_lane() == me + 1, "a caller was resumed on a foreign executor (RA52)"); }

  void note(std::string const& id, event_number start, session_model::call made) { log_->add(id, start, sim_.now(), made); }

  void remember(known_id const& made) {
    ids_.push_back(made);
    if (weather_.has_expiry) log_->may_expire(made.id, log_->tick(sim_.now()));
  }

  known_id draw_session(std::string id) {
    known_id made;
    made.id = std::move(id);
    if (sim_.random(2) == 0) made.owner = *principal::of("issuer", "alice");
    made.backends = sim_.random(8);
    return made;
  }

  static open_parameters parameters(known_id const& wanted) {
    metadata data;
    write_tags(data, 0);
    return open_parameters(names_of(wanted.backends), std::move(data), "opening");
  }

  call_options draw_deadline() {
    call_options call;
    if (weather_.has_deadlines && sim_.random(3) == 0) call.deadline = duration(sim_.random(10) * 1ms + 1ns);
    return call;
  }

  // Before the simulation, so that frames which die with it may still touch them.
  verdicts found_;
  std::vector<known_id> ids_;
  std::map<std::string, principal> owners_;
  std::map<std::pair<std::string, unsigned>, int> restores_;
  std::map<opening const*, event_number> gone_;  // sessions that a replica was told to have no record any more
  std::map<std::string, std::pair<std::string, bits>> records_;  // by id: the owner's binding and the backends, as last written
  bool cancelled_[callers] = {};
  unsigned tags_ = 0;
  clients callers_{sim_, found_};
  simulation sim_;
  weather weather_;
  std::shared_ptr<session_log> log_;
  std::unique_ptr<shared_store<metadata>> store_;
  std::vector<replica> replicas_;
};

schedule_result run_world(std::uint64_t seed, make_store<metadata> make) {
  auto const alive = std::make_shared<int>(0);
  auto ended = world(seed, make, alive).run();
  if (ended.violation.empty() && alive.use_count() != 1) ended.violation = "a session outlived its world";
  return ended;
}

}  // namespace

schedule_result manager_calls(std::uint64_t seed) { return run_world(seed, make_of<plain_store, metadata>); }

schedule_result redis_managers(std::uint64_t seed) { return run_world(seed, make_of<redis_store, metadata>); }

}  // namespace mooring::test
