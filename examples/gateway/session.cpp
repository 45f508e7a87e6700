#include "session.hpp"

#include "json_text.hpp"
#include "metrics.hpp"
#include "together.hpp"

#include "mcp/headers.hpp"

#include <mooring/core/entropy.hpp>

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

namespace mooring::gateway {

namespace {

constexpr duration first_join_pause = std::chrono::seconds(1);
constexpr duration longest_join_pause = std::chrono::seconds(30);
constexpr std::size_t max_passing_bytes = std::size_t{16} << 20;  // of all sessions; a merged notification counts once for each backend

std::string version_for(std::string_view opening) {
  auto const written = member(opening, "protocolVersion");
  auto const asked = written ? string_value(*written) : std::nullopt;
  return std::string(mcp::negotiated_version(asked.value_or(std::string())));
}

// Backends are asked for the version that the client will get.
std::string with_version(std::string_view opening, std::string_view version) {
  auto const written = member(opening, "protocolVersion");
  return written ? replaced(opening, *written, mcp::quoted(version)) : std::string(opening);
}

// Where request ids start. Replicas that share a backend session should differ, but nothing breaks when the random source fails.
std::uint64_t random_start(executor const& ex) {
  std::uint64_t number = 0;
  auto const bytes = std::as_writable_bytes(std::span(&number, 1));
  if (auto const filled = entropy_of(ex).fill(bytes); !filled) return 0;
  return number;
}

}  // namespace

session::session(std::shared_ptr<surroundings const> around, std::string id, std::string opening, bool is_restored)
    : around_(std::move(around)),
      id_(std::move(id)),
      version_(version_for(opening)),
      opening_(with_version(opening, version_)),
      is_restored_(is_restored),
      scope_(std::make_shared<task_scope>(around_->home, around_->log)),
      stream_(around_->backlog, around_->counters->dropped_messages) {}

std::shared_ptr<session> session::make(std::shared_ptr<surroundings const> around, std::string id, std::string opening, bool is_restored) {
  std::shared_ptr<session> made(new session(std::move(around), std::move(id), std::move(opening), is_restored));
  auto const& shared = *made->around_;
  for (auto const& where : shared.backends)
    made->upstreams_.push_back(
        std::make_shared<upstream>(where, made->opening_, shared.deadlines, made->scope_, made, shared.counters, random_start(shared.home)));
  // Nobody else wants the stream: nothing that a backend says while the client is away is lost.
  if (!shared.is_shared)
    for (auto const& one : made->upstreams_) one->begin_listening();
  made->route_ = made->upstreams_.size() == 1 ? make_direct_route(made->upstreams_.front())
                                              : make_merged_route(made->upstreams_, made->scope_, shared.initialize_budget);
  return made;
}

awaitable<void> session::join_all(std::vector<std::shared_ptr<upstream>> which) {
  auto const ex = co_await asio::this_coro::executor;
  auto const now = clock_of(ex).now();
  auto const until = saturating_add(now, around_->initialize_budget);
  for (auto const& one : which) one->begin_joining(now);
  // The handshakes run at the same time; waiting for one after the other takes no longer than the slowest.
  for (auto const& one : which) {
    auto const joined = co_await one->wait_joined(until);
    static_cast<void>(joined);  // the state of all decides
  }
}

awaitable<result<>> session::open(std::vector<std::string> first_tried) {
  auto const self = shared_from_this();
  std::vector<std::shared_ptr<upstream>> which;
  for (auto const& one : upstreams_)
    if (std::find(first_tried.begin(), first_tried.end(), one->name()) != first_tried.end()) which.push_back(one);
  co_await join_all(std::move(which));
  bool const is_none_ready = std::none_of(upstreams_.begin(), upstreams_.end(), [](auto const& one) { return one->is_joined(); });
  if (is_none_ready && !upstreams_.empty()) co_return make_error_code(errc::load_failed);
  is_open_ = true;
  if (is_missing_one()) scope_->spawn(join_missing(self));
  co_return result<>();
}

awaitable<void> session::restore(hint_map hints) {
  auto const self = shared_from_this();
  std::vector<std::shared_ptr<upstream>> which;
  for (auto const& one : upstreams_) {
    auto const hint = hints.find(one->name());
    auto known = hint != hints.end() ? backend_session::from_hint(hint->second) : std::nullopt;
    if (known)
      one->resume(std::move(*known));
    else
      which.push_back(one);
  }
  co_await join_all(std::move(which));
  is_open_ = true;
  if (is_missing_one()) scope_->spawn(join_missing(self));
}

bool session::is_missing_one() const {
  return std::any_of(upstreams_.begin(), upstreams_.end(), [](auto const& one) { return !one->is_joined(); });
}

awaitable<void> session::join_missing(std::shared_ptr<session> self) {
  auto const ex = co_await asio::this_coro::executor;
  for (auto pause = first_join_pause; self->is_missing_one(); pause = std::min(pause * 2, longest_join_pause)) {
    auto const slept = co_await sleep_for(pause);
    if (!slept) co_return;
    for (auto const& one : self->upstreams_) one->begin_joining(clock_of(ex).now());
  }
}

hint_map session::hints() const {
  hint_map known;
  for (auto const& one : upstreams_)
    if (auto const at = one->session()) known.emplace(one->name(), at->to_hint());
  return known;
}

std::string session::initialize_result() const { return route_->initialize_result(version_); }

awaitable<std::string> session::call(mcp::message asked, std::function<awaitable<void>(std::string)> pass_on) {
  auto const self = shared_from_this();
  // Which backend speaks is known to the upstream only; the relay learns it with the message.
  relay to_client = [self, pass_on = std::move(pass_on)](std::string backend, mcp::message sent) {
    return pass_on(self->route_->to_client(backend, std::move(sent)));
  };
  co_return co_await route_->call(std::move(asked), std::move(to_client));
}

// What a notification takes of the memory for those that go on after their request was answered, from which moment no limit of the server's counts it.
class session::passing_share {
 public:
  passing_share(std::shared_ptr<std::atomic<std::size_t>> total, std::size_t bytes)
      : total_(std::move(total)), bytes_(bytes), is_within_(total_->fetch_add(bytes, std::memory_order_relaxed) + bytes <= max_passing_bytes) {}
  passing_share(passing_share&&) = default;
  passing_share& operator=(passing_share&&) = delete;
  ~passing_share() {
    if (total_) total_->fetch_sub(bytes_, std::memory_order_relaxed);
  }

  bool is_within() const noexcept { return is_within_; }

 private:
  std::shared_ptr<std::atomic<std::size_t>> total_;
  std::size_t bytes_;
  bool is_within_;
};

awaitable<delivery> session::take(mcp::message sent) {
  // Whoever answers is told whether the answer has arrived.
  if (sent.is_response()) co_return co_await route_->take(std::move(sent));
  auto const ex = co_await asio::this_coro::executor;
  std::vector<awaitable<void>> work;
  passing_share counted(around_->passing, sent.text().size() * upstreams_.size());
  // Beyond the limit the request waits, counted as one in work.
  auto const until = counted.is_within() ? saturating_add(clock_of(ex).now(), around_->initialize_budget) : time_point::max();
  work.push_back(pass_to_backends(shared_from_this(), std::move(sent), std::move(counted)));
  auto const taken = co_await run_together(scope_, std::move(work), until);
  static_cast<void>(taken);  // a slow backend hears of it in its own time
  co_return delivery::taken;
}

awaitable<void> session::pass_to_backends(std::shared_ptr<session> self, mcp::message sent, passing_share counted) {
  passing_share const held(std::move(counted));
  auto const taken = co_await self->route_->take(std::move(sent));
  static_cast<void>(taken);  // a notification has no answer
}

void session::on_message(std::string backend, mcp::message sent) {
  if (sent.is_response()) return;  // nobody asked anything on that stream
  stream_.send(route_->to_client(backend, std::move(sent)));
}

void session::on_backend_session(bool is_first) {
  if (!is_open_) return;
  if (is_first)
    for (auto& news : route_->news_of_joining()) stream_.send(std::move(news));
  if (around_->keep_hints) around_->keep_hints(id_, hints());
}

bool session::attach(http::event_stream stream) {
  std::lock_guard lock(attaching_);
  stream.when_room([weak = weak_from_this()] {
    if (auto const self = weak.lock()) self->stream_.flush();
  });
  if (!stream_.attach(stream)) return false;
  if (around_->is_shared)
    for (auto const& one : upstreams_) one->begin_listening();
  return true;
}

void session::detach(http::event_stream const& stream) {
  std::lock_guard lock(attaching_);
  if (!stream_.detach(stream) || !around_->is_shared) return;
  for (auto const& one : upstreams_) one->end_listening();
}

awaitable<void> session::close(hint_map spared) {
  auto const self = shared_from_this();
  stream_.close();
  // The farewells run at the same time, on a scope of their own: the session's is about to be cancelled.
  auto const farewells = std::make_shared<task_scope>(around_->home, around_->log);
  std::vector<awaitable<void>> work;
  for (auto const& one : upstreams_) {
    auto const spare = spared.find(one->name());
    work.push_back(one->close(spare != spared.end() ? spare->second : std::string()));
  }
  auto const ex = co_await asio::this_coro::executor;
  auto const until = saturating_add(clock_of(ex).now(), 2 * around_->deadlines.farewell);
  auto const all = co_await run_together(farewells, std::move(work), until);
  static_cast<void>(all);  // a backend that does not answer keeps its session until it expires there
  co_await farewells->close();
  co_await scope_->close();
}

}  // namespace mooring::gateway
