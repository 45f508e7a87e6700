#include "storage/redis_client.hpp"

#include "core/gathering.hpp"
#include "storage/redis_backoff.hpp"
#include "storage/redis_calls.hpp"
#include "storage/redis_errors.hpp"
#include "storage/redis_line.hpp"
#include "storage/redis_opener.hpp"
#include "storage/redis_peers.hpp"
#include "storage/redis_sentinels.hpp"
#include "storage/redis_waits.hpp"

#include <mooring/core/entropy.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <utility>

namespace mooring::detail {
namespace {

constexpr duration longest_step = std::chrono::milliseconds(250);

}  // namespace

// All members are used on the strand only, but for those that never change and the atomic ones.
class redis_client::state : public std::enable_shared_from_this<state> {
 public:
  state(executor ex, redis_storage_options o, redis_opening opening)
      : options(with_defaults(std::move(o))),
        home(std::move(ex)),
        strand(asio::make_strand(home)),
        clock(clock_of(home)),
        line_(std::make_shared<redis_line>(strand, peer_of_server(options))),
        opener_(std::make_shared<redis_opener>(strand, std::move(opening), line_, options.log)),
        calls(std::make_shared<redis_calls>(strand, options.max_in_flight, options.write_timeout + options.read_timeout)),
        waits_(std::make_shared<redis_waits>(strand, calls, line_, options.durability.value_or(redis_durability()), options.max_in_flight)),
        sentinels_(options.sentinel ? std::make_shared<redis_sentinels>(strand, options) : nullptr) {}

  redis_storage_options const options;
  executor const home;
  asio::strand<executor> const strand;
  executor const on_strand = executor(strand);  // made once: a strand is too large for an executor to hold without allocating
  clock_service& clock;
  std::function<bool(awaitable<void>)> spawn;  // set once, before the first request
  std::atomic<std::uint64_t> epoch = 0;
  std::atomic<time_point> resumes_at = time_point();  // when a pause ends

  using beginning = void (state::*)(redis_call_pointer const&);

  /** What is to be done on the strand: to begin a call or, where there is none, to leave a connection. */
  struct step {
    redis_call_pointer call;
    beginning how = nullptr;
    std::uint64_t connection = 0;
  };
  std::optional<gathering<step>> steps;  // set once, before the first request

  // What was asked meanwhile goes out as one request.
  void take(std::vector<step> const& all) {
    for (auto const& [call, how, connection] : all) {
      if (call) std::invoke(how, this, call);
      else drop(connection);
    }
    calls->flush(*line_);
  }

  /** A call of this caller's, begun on the strand. */
  static awaitable<redis_answer> call(std::shared_ptr<state> self, redis_command command, time_point end, redis_witness_pointer witness, beginning how) {
    auto const ex = co_await asio::this_coro::executor;
    // The call is made in here and not in this frame, which it owns: a frame that held its own call would never be let go.
    auto initiate = [self, how](auto handler, executor on, redis_command sent, time_point until, redis_witness_pointer who) {
      auto const made = std::make_shared<redis_call>();
      made->command = std::move(sent);
      made->end = until;
      made->witness = std::move(who);
      made->on = std::move(on);
      auto slot = asio::get_associated_cancellation_slot(handler);
      made->handler = std::move(handler);
      // Weak: the slot lives in the frame that the handler owns.
      if (slot.is_connected()) {
        slot.assign([weak_state = std::weak_ptr(self), weak = std::weak_ptr(made)](asio::cancellation_type type) {
          auto const held = weak_state.lock();
          if (!held) return;
          asio::post(held->strand, [held, weak, type] {
            if (auto const one = weak.lock()) held->calls->cancel(one, type);
          });
        });
      }
      self->steps->add(self->on_strand, step{made, how});
    };
    using token_type = asio::use_awaitable_t<>;
    co_return co_await asio::async_initiate<token_type const, void(redis_answer)>(initiate, asio::use_awaitable, ex, std::move(command), end, std::move(witness));
  }

  void begin(redis_call_pointer const& call) {
    if (call->now != redis_call::phase::new_made) return;
    if (is_closing_) return calls->finish(call, redis_answer(errc::closed, false));
    switch (phase_) {
      case phase::connected: return calls->send(call);
      case phase::pausing: return calls->finish(call, redis_answer(error_, false));
      case phase::idle:
        if (!start()) return calls->finish(call, redis_answer(errc::closed, false));
        [[fallthrough]];
      case phase::connecting: calls->wait(call);
    }
  }

  void count_replicas(redis_call_pointer const& call) {
    if (call->now != redis_call::phase::new_made) return;
    if (is_closing_) return calls->finish(call, redis_answer(errc::closed, false));
    if (phase_ != phase::connected) return calls->finish(call, redis_answer(errc::unavailable, false));
    waits_->join(call);
  }

  void drop(std::uint64_t connection) {
    calls->flush(*line_);
    if (phase_ == phase::connected && line_->number() == connection) leave("the server is not the master");
  }

  void shut() {
    is_closing_ = true;
    calls->close();
    waits_->end(errc::closed);
    if (sentinels_) sentinels_->stop();
    line_->leave(errc::closed, "");
  }

 private:
  enum class phase { idle, connecting, connected, pausing };

  bool start() {
    phase_ = phase::connecting;
    line_->on_up = [held = weak_from_this()] {
      if (auto const self = held.lock()) self->connected();
    };
    opener_->on_wrong_server = [held = weak_from_this()] {
      if (auto const self = held.lock()) self->drop(self->line_->number());
    };
    if (sentinels_) {
      line_->judge = [](redis_reply const& hello, std::string& cause) -> result<> {
        if (is_master(hello)) return {};
        cause = "the server that the Sentinels name is not a master";
        return make_error_code(errc::wrong_master);
      };
      sentinels_->on_master = [held = weak_from_this()](redis_address const& master) {
        if (auto const self = held.lock()) self->told(master);
      };
      if (!spawn(redis_sentinels::watch(sentinels_))) return false;
    }
    return spawn(run(shared_from_this()));
  }

  static awaitable<void> run(std::shared_ptr<state> self) {
    redis_backoff backoff;
    while (!self->is_closing_) {
      self->phase_ = phase::connecting;
      redis_ending ending;
      auto where = self->options.address;
      if (self->sentinels_) {
        auto const found = co_await redis_sentinels::find(self->sentinels_);
        if (found) where = *found;
        else ending.error = static_cast<errc>(found.error().value());
        ending.cause = "no Sentinel names a master to use";
      }
      self->tried_ = where;
      if (self->is_closing_) co_return;
      if (where || !self->sentinels_) {
        self->in_use_ = where;
        auto const target = where.value_or(redis_address());
        ending = co_await redis_line::run(self->line_, target);
        self->in_use_.reset();
      }
      auto pause = self->ended(ending, backoff);
      if (self->is_closing_) co_return;
      // In steps, for a pause may be long: a master that is named meanwhile has not refused us.
      do {
        auto const step = std::min(pause, longest_step);
        auto const slept = co_await sleep_for(step);
        if (!slept) co_return;
        pause -= step;
      } while (pause > duration::zero() && !self->is_renamed_);
      self->resumes_at = time_point();
    }
  }

  void connected() {
    phase_ = phase::connected;
    ++epoch;
    calls->begin_connection();
    if (sentinels_ && in_use_ != last_used_) say(severity::info, "redis: the master is " + where());
    else if (!told_.empty()) say(severity::info, "redis: connected to " + where());
    told_.clear();
    last_used_ = in_use_;
    opener_->begin();
    calls->send_waiting(*line_);
  }

  // What a Sentinel says at any time.
  void told(redis_address const& master) {
    if (in_use_ && *in_use_ != master) leave("another server is the master now");
    if (phase_ == phase::pausing && tried_ != master) is_renamed_ = true;
  }

  // For another connection, at once: who asks meanwhile waits.
  void leave(std::string why) {
    is_replaced_ = true;
    if (phase_ == phase::connected) phase_ = phase::connecting;
    line_->leave(errc::wrong_master, std::move(why));
  }

  // What was sent ends through its own completion; what waited for this attempt ends here.
  duration ended(redis_ending const& ending, redis_backoff& backoff) {
    error_ = ending.was_up ? errc::unavailable : ending.error;
    opener_->end(ending.was_up);
    waits_->end(errc::unavailable);
    tell(ending.was_up && !is_replaced_ ? "the connection is lost: " + ending.cause : ending.cause);
    std::uint64_t random = 0;
    // Without randomness all that is lost is the jitter.
    static_cast<void>(entropy_of(home).fill(std::as_writable_bytes(std::span(&random, 1))));
    bool const is_refused = ending.was_dialed && refuses_us(error_) && !is_replaced_;  // the server that is named now has not refused us
    is_renamed_ = false;
    auto const pause = backoff.next(ending.lived, is_refused, random);
    bool const is_replaced = std::exchange(is_replaced_, false);
    phase_ = pause > duration::zero() && !is_replaced ? phase::pausing : phase::connecting;
    if (phase_ == phase::connecting) return pause;
    resumes_at = clock.now() + pause;
    calls->end_waiting(error_);
    return pause;
  }

  std::string where() const {
    if (!options.unix_socket.empty()) return options.unix_socket;
    return tried_ ? tried_->host + " port " + tried_->port : std::string();
  }

  // Once, until it is something else or a connection is made.
  void tell(std::string const& cause) {
    auto const place = where();
    auto line = "redis: " + (place.empty() ? "" : place + ": ") + cause;
    if (line != told_) say(severity::warning, line);
    told_ = std::move(line);
  }

  void say(severity how, std::string const& what) const {
    if (options.log && !is_closing_) options.log(how, what);
  }

  std::shared_ptr<redis_line> const line_;
  std::shared_ptr<redis_opener> const opener_;

 public:
  std::shared_ptr<redis_calls> const calls;

 private:
  std::shared_ptr<redis_waits> const waits_;
  std::shared_ptr<redis_sentinels> const sentinels_;  // null without Sentinels
  phase phase_ = phase::idle;
  errc error_ = errc::unavailable;          // why the last attempt failed
  std::optional<redis_address> in_use_;     // by the line's run
  std::optional<redis_address> last_used_;  // by its last connection
  std::optional<redis_address> tried_;      // by the last attempt; empty where no Sentinel named one
  std::string told_;                        // of the attempts since the last connection, what the log heard last
  bool is_replaced_ = false;                // the line was told to leave for another
  bool is_renamed_ = false;                 // while we pause, a Sentinel named another master than the one we tried
  bool is_closing_ = false;
};

redis_client::redis_client(executor ex, redis_storage_options options, redis_opening opening)
    : state_(std::make_shared<state>(std::move(ex), std::move(options), std::move(opening))),
      tasks_(std::make_shared<task_scope>(executor(state_->strand), state_->options.log)) {
  // The state does not own the scope: a request that outlives the link finds it gone.
  state_->spawn = [weak = std::weak_ptr(tasks_)](awaitable<void> work) {
    auto const tasks = weak.lock();
    return tasks && tasks->spawn(std::move(work));
  };
  state_->steps.emplace([weak = std::weak_ptr(state_)](executor const&, std::vector<state::step> const& all) {
    if (auto const held = weak.lock()) held->take(all);
  });
}

redis_client::~redis_client() {
  asio::post(state_->strand, [held = state_] { held->shut(); });
}

awaitable<redis_answer> redis_client::ask(redis_command command, time_point end, redis_witness_pointer witness) {
  return state::call(state_, std::move(command), end, std::move(witness), &state::begin);
}

awaitable<redis_answer> redis_client::count_replicas(time_point end) {
  return state::call(state_, redis_command(), end, nullptr, &state::count_replicas);
}

void redis_client::drop(std::uint64_t connection) {
  state_->steps->add(state_->on_strand, state::step{nullptr, nullptr, connection});
}

std::uint64_t redis_client::epoch() const noexcept { return state_->epoch; }

duration redis_client::pause() const noexcept {
  auto const until = state_->resumes_at.load();
  return until == time_point() ? duration::zero() : std::max(until - state_->clock.now(), duration::zero());
}

awaitable<void> redis_client::close() {
  asio::post(state_->strand, [held = state_] { held->shut(); });
  co_await tasks_->close();
}

}  // namespace mooring::detail
