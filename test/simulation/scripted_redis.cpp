#include "simulation/scripted_redis.hpp"

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>

namespace mooring::test {

using detail::redis_answer;

std::span<std::string_view const> error_texts() {
  static constexpr std::string_view texts[] = {
      "READONLY You can't write against a read only replica.",
      "LOADING Redis is loading the dataset in memory",
      "MASTERDOWN Link with MASTER is down",
      "BUSY Redis is busy running a script.",
      "TRYAGAIN Multiple keys request during rehashing of slot",
      "NOREPLICAS Not enough good replicas to write.",
      "MISCONF Redis is configured to save RDB snapshots",
      "OOM command not allowed when used memory > 'maxmemory'.",
      "NOAUTH Authentication required.",
      "WRONGPASS invalid username-password pair",
      "NOPERM this user has no permissions to run the command",
      "WRONGTYPE Operation against a key holding the wrong kind of value",
      "MOVED 3999 127.0.0.1:6381",
      "ASK 3999 127.0.0.1:6381",
      "CLUSTERDOWN The cluster is down",
      "CROSSSLOT Keys in request don't hash to the same slot",
      "NOPROTO unsupported protocol version",
      "ERR unknown command 'GETEX'",
      "ERR syntax error",
      "ERR invalid expire time in 'set' command",
      "ERR value is not an integer or out of range",
      "ERR DB index is out of range",
      "ERR max number of clients reached",
      "ERR Protocol error: invalid bulk length",
      "NOSCRIPT No matching script. Please use EVAL.",
      "NEWCODE of a server to come",
      "ERR something else",
      "",
  };
  return texts;
}

std::vector<redis_reply> wrong_replies(redis_command const& asked) {
  auto const& name = asked.at(0);
  bool const is_script = name.starts_with("EVAL");
  bool const is_read = name.starts_with("GET");
  std::vector<redis_reply> all{redis_reply(), redis_words({}), redis_words({"what"})};
  if (!is_script) all.push_back(redis_words({"ok"}));
  if (!is_script) all.push_back(redis_words({"absent"}));
  if (!is_read) all.push_back(redis_text("QUEUED"));
  if (name != "SET" && !is_read) all.push_back(redis_text("OK"));
  if (name != "DEL") all.push_back(redis_number(0));
  if (name != "DEL") all.push_back(redis_number(1));
  bool const may_be_null = is_read || std::ranges::find(asked, "NX") != asked.end();
  if (!may_be_null) all.push_back(redis_null());
  if (!is_script) return all;
  auto of_numbers = redis_words({"ok"});
  of_numbers.items.front() = redis_number(1);
  all.push_back(std::move(of_numbers));
  auto const& read = detail::redis_scripts::all().read;
  if (asked.at(1) == read.digest() || asked.at(1) == read.text()) all.push_back(redis_words({"ok"}));
  return all;
}

struct scripted_redis::call {
  asio::any_completion_handler<void(redis_answer)> handler;
  executor on;
  redis_command command;
  time_point end;
  clock_service::alarm deadline;
  redis_fault fault = redis_fault::none;
  std::size_t which = 0;
  duration queueing{};
  duration travel{};
  duration reply{};
  std::uint64_t connection = 0;
  bool is_sent = false;
  bool is_ended = false;
};

// Alarms own the calls, and calls their callers' frames, and frames this: a simulation that ends is what lets go of all.
class scripted_redis::state : public std::enable_shared_from_this<state> {
 public:
  using call_pointer = std::shared_ptr<call>;

  state(simulation& s, executor e, std::shared_ptr<redis_model> m, link_options const& o)
      : sim(s), ex(std::move(e)), clock(clock_of(ex)), server(std::move(m)), options(o) {}

  simulation& sim;
  executor const ex;
  clock_service& clock;
  std::shared_ptr<redis_model> const server;
  link_options const options;
  std::map<std::size_t, std::pair<redis_fault, std::size_t>> scripted;
  std::function<redis_fault(redis_command const&)> decide;
  std::function<void(redis_command const&, redis_reply const&)> watch;
  std::size_t requests = 0;
  std::size_t faults_met = 0;
  std::uint64_t connection = 0;

  void begin(call_pointer const& one) {
    if (one->is_ended) return;
    draw(*one);
    pending_.push_back(one);
    if (is_closed_) return finish(one, redis_answer(errc::closed, false));
    one->deadline = clock.schedule(one->end, ex, [self = shared_from_this(), one] { self->give_up(one, errc::deadline_exceeded); });
    later(clock.now() + one->queueing, one, [](state& self, call_pointer const& sent) { self.send(sent); });
  }

  void cancel(call_pointer const& one, asio::cancellation_type type) {
    using asio::cancellation_type;
    bool const is_total_only = (type & (cancellation_type::terminal | cancellation_type::partial)) == cancellation_type::none;
    if (!one->is_sent || !is_total_only) give_up(one, errc::cancelled);
  }

  void cut(std::uint64_t which) {
    if (!is_up_ || which != connection) return;
    is_up_ = false;
    for (auto const& one : std::vector(pending_))
      if (auto const held = one.lock(); held && held->is_sent) finish(held, redis_answer(errc::unavailable, true));
  }

  void close() {
    is_closed_ = true;
    for (auto const& one : std::vector(pending_))
      if (auto const held = one.lock()) give_up(held, errc::closed);
  }

  std::size_t pending() const noexcept { return pending_.size(); }

 private:
  using step = void (*)(state&, call_pointer const&);

  void later(time_point when, call_pointer const& one, step next) {
    clock.schedule(when, ex, [self = shared_from_this(), one, next] { next(*self, one); });
  }

  void draw(call& one) {
    ++requests;
    one.queueing = draw(options.queueing);
    one.travel = draw(options.travel);
    one.reply = draw(options.reply);
    one.which = 0;
    if (auto const found = scripted.find(requests); found != scripted.end()) {
      std::tie(one.fault, one.which) = found->second;
    } else if (decide) {
      one.fault = decide(one.command);
    } else if (options.faults_permille != 0 && sim.random(1000) < options.faults_permille) {
      one.fault = static_cast<redis_fault>(1 + draw_fault());
      one.which = sim.random(1000);
    }
    if (one.fault != redis_fault::none) ++faults_met;
  }

  std::uint64_t draw_fault() { return options.only_fault != 0 ? (options.only_fault - 1) % (redis_faults - 1) : sim.random(redis_faults - 1); }

  duration draw(duration longest) {
    return longest <= duration::zero() ? duration::zero() : duration(sim.random(static_cast<std::uint64_t>(longest.count()) + 1));
  }

  void send(call_pointer const& one) {
    if (one->is_ended) return;
    if (one->fault == redis_fault::refused) return finish(one, redis_answer(errc::unavailable, false));
    if (!is_up_) {
      is_up_ = true;
      ++connection;
    }
    one->is_sent = true;
    one->connection = connection;
    auto const start = one->fault == redis_fault::late ? std::max(one->end, clock.now()) + std::chrono::nanoseconds(1) : clock.now();
    later(start + one->travel, one, [](state& self, call_pointer const& sent) { self.arrive(sent); });
  }

  static bool is_carried_out(redis_fault fault) {
    return fault == redis_fault::none || fault == redis_fault::cut_after || fault == redis_fault::no_reply || fault == redis_fault::late || fault == redis_fault::strange_done;
  }

  void arrive(call_pointer const& one) {
    // What was on its way when its connection was cut may have been lost with it.
    if ((!is_up_ || one->connection != connection) && sim.random(2) == 0) return;
    redis_reply reply;
    if (is_carried_out(one->fault)) {
      reply = server->carry_out(one->command, clock.now());
      if (watch) watch(one->command, reply);
    }
    switch (one->fault) {
      case redis_fault::cut_before:
      case redis_fault::cut_after: return cut(one->connection);
      case redis_fault::no_request:
      case redis_fault::no_reply: return;
      case redis_fault::error: reply = redis_error(std::string(error_texts()[one->which % error_texts().size()])); break;
      case redis_fault::strange_undone:
      case redis_fault::strange_done: {
        auto all = wrong_replies(one->command);
        reply = std::move(all[one->which % all.size()]);
        break;
      }
      default: break;
    }
    clock.schedule(clock.now() + one->reply, ex, [self = shared_from_this(), one, reply = std::move(reply)]() mutable {
      redis_answer answer(std::move(reply));
      answer.connection = one->connection;
      self->finish(one, std::move(answer));
    });
  }

  void give_up(call_pointer const& one, errc why) { finish(one, redis_answer(why, one->is_sent)); }

  void finish(call_pointer const& one, redis_answer answer) {
    if (std::exchange(one->is_ended, true)) return;
    clock.cancel(one->deadline);
    std::erase_if(pending_, [&one](auto const& each) { return each.expired() || each.lock() == one; });
    asio::post(one->on, asio::append(std::move(one->handler), std::move(answer)));
  }

  std::vector<std::weak_ptr<call>> pending_;
  bool is_up_ = false;
  bool is_closed_ = false;
};

scripted_redis::scripted_redis(simulation& sim, executor ex, std::shared_ptr<redis_model> server, link_options options)
    : state_(std::make_shared<state>(sim, std::move(ex), std::move(server), options)) {}

void scripted_redis::fail(std::size_t n, redis_fault fault, std::size_t which) { state_->scripted[state_->requests + n] = {fault, which}; }

void scripted_redis::decide(std::function<redis_fault(redis_command const&)> f) { state_->decide = std::move(f); }

void scripted_redis::watch(std::function<void(redis_command const&, redis_reply const&)> f) { state_->watch = std::move(f); }

std::size_t scripted_redis::requests() const { return state_->requests; }

std::size_t scripted_redis::faults_met() const { return state_->faults_met; }

std::size_t scripted_redis::pending() const { return state_->pending(); }

// Nothing takes the place of the model, so that there is nothing to witness.
awaitable<redis_answer> scripted_redis::ask(redis_command command, time_point end, detail::redis_witness_pointer) {
  auto const ex = co_await asio::this_coro::executor;
  // As the client over Boost.Redis does: the call is made in here and not in this frame, which it owns.
  auto initiate = [held = state_](auto handler, executor on, redis_command sent, time_point until) {
    auto const made = std::make_shared<call>();
    made->command = std::move(sent);
    made->end = until;
    made->on = std::move(on);
    auto slot = asio::get_associated_cancellation_slot(handler);
    made->handler = std::move(handler);
    if (slot.is_connected()) {
      slot.assign([held = std::weak_ptr(held), weak = std::weak_ptr(made)](asio::cancellation_type type) {
        auto const self = held.lock();
        if (!self) return;
        asio::post(self->ex, [self, weak, type] {
          if (auto const one = weak.lock()) self->cancel(one, type);
        });
      });
    }
    asio::post(held->ex, [held, made] { held->begin(made); });
  };
  using token_type = asio::use_awaitable_t<>;
  co_return co_await asio::async_initiate<token_type const, void(redis_answer)>(initiate, asio::use_awaitable, ex, std::move(command), end);
}

awaitable<redis_answer> scripted_redis::count_replicas(time_point) { co_return redis_answer(redis_number(0)); }

void scripted_redis::drop(std::uint64_t connection) {
  asio::post(state_->ex, [held = state_, connection] { held->cut(connection); });
}

std::uint64_t scripted_redis::epoch() const noexcept { return state_->connection; }

awaitable<void> scripted_redis::close() {
  state_->close();
  co_return;
}

}  // namespace mooring::test
