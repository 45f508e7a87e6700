#include "merged_lists.hpp"

#include "json_text.hpp"
#include "messages.hpp"

#include "http/signal.hpp"
#include "mcp/jsonrpc.hpp"

#include <boost/asio/this_coro.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstddef>
#include <utility>

namespace mooring::gateway {

namespace json = boost::json;

namespace {

constexpr int max_pages = 1000;                                  // of one backend's list
constexpr std::size_t max_bytes = std::size_t{8} << 20;          // of one backend's list; the page that goes beyond is left out
constexpr duration freshness = std::chrono::milliseconds(500);  // within it, an unknown name is simply unknown
constexpr duration grace = std::chrono::milliseconds(100);      // for a backend that was late the last time: it may be well again
constexpr char own_id[] = R"("mooring-gateway/list")";          // in the place of a client's id: one that no client has, or its cancellations would be ours

void append_items(std::string& to, std::string_view array) {
  auto const inner = array.substr(1, array.size() - 2);
  if (inner.find_first_not_of(" \t\r\n") == std::string_view::npos) return;
  if (to.size() > 1) to += ',';
  to += inner;
}

// The text of a backend's whole list; null when it cannot be had, and the last known one is kept.
awaitable<std::shared_ptr<std::string const>> read_list(std::shared_ptr<upstream> from, listing_kind kind) {
  auto const& what = listing_of(kind);
  std::string all = "[";
  json::value params;
  std::size_t bytes = 0;
  for (int page = 0; page != max_pages; ++page) {
    auto asked = read_message(mcp::make_request(own_id, what.method, params));
    if (!asked) co_return nullptr;
    auto text = co_await from->request(std::move(*asked), relay());
    bytes += text.size();
    if (bytes > max_bytes) break;
    auto const answered = read_message(std::move(text));
    if (!answered) co_return nullptr;
    if (answered->type() == mcp::message::kind::error) {
      if (code_of(*answered) != mcp::code::method_not_found) co_return nullptr;
      break;
    }
    auto const more = member(answered->raw("result"), what.items);
    if (more && more->starts_with('[')) append_items(all, *more);
    auto const cursor = member(answered->raw("result"), "nextCursor");
    auto const next = cursor ? string_value(*cursor) : std::nullopt;
    if (!next) break;
    params = json::object{{"cursor", *next}};
  }
  all += ']';
  co_return std::make_shared<std::string const>(std::move(all));
}

}  // namespace

// A fetch that runs, and who waits for it.
struct merged_lists::flight {
  flight(std::uint64_t n, time_point b) : number(n), began(b) {}
  std::uint64_t const number;
  time_point const began;
  bool is_outdated = false;  // the backend has announced a change since; guarded as `states_` are
  http::signal landed;
};

// However a fetch ends, cut off before its first step too, its waiters go on.
class merged_lists::landing {
 public:
  landing(std::shared_ptr<merged_lists> of, std::shared_ptr<flight> mine, listing_kind kind, std::string backend)
      : of_(std::move(of)), mine_(std::move(mine)), kind_(kind), backend_(std::move(backend)) {}
  landing(landing&&) = default;
  landing& operator=(landing&&) = delete;
  ~landing() {
    if (of_) of_->land(kind_, backend_, mine_, nullptr, false);
  }

  void land(items brought, time_point now) {
    auto const is_slow = now >= saturating_add(mine_->began, of_->deadline_);
    auto const of = std::exchange(of_, nullptr);
    of->land(kind_, backend_, mine_, std::move(brought), is_slow);
  }

 private:
  std::shared_ptr<merged_lists> of_;
  std::shared_ptr<flight> mine_;
  listing_kind kind_;
  std::string backend_;
};

awaitable<void> merged_lists::fly(std::shared_ptr<upstream> from, listing_kind kind, landing end) {
  auto brought = co_await read_list(from, kind);
  auto const ex = co_await asio::this_coro::executor;
  end.land(std::move(brought), clock_of(ex).now());
}

void merged_lists::land(listing_kind kind, std::string const& backend, std::shared_ptr<flight> const& ended, items brought, bool is_slow) {
  {
    std::lock_guard lock(mutex_);
    auto& share = of(kind).by_backend[backend];
    if (share.flying == ended) {
      share.flying = nullptr;
      share.is_slow = is_slow;
    }
    // One that began earlier may end later, and then knows less.
    if (brought && ended->number > share.listed_by) {
      share.listed_by = ended->number;
      if (!share.listed || *share.listed != *brought) {
        share.listed = std::move(brought);
        ++of(kind).version;
      }
    }
  }
  ended->landed.raise();
}

std::vector<merged_lists::awaited> merged_lists::start(listing_kind kind, time_point now) {
  std::vector<awaited> flights;
  {
    std::lock_guard lock(mutex_);
    of(kind).is_stale = false;  // first, so that a change announced meanwhile counts
  }
  for (auto const& from : upstreams_) {
    if (!from->is_joined()) {
      from->begin_joining(now);  // the client is told when it has joined
      continue;
    }
    std::shared_ptr<flight> fresh;
    {
      std::lock_guard lock(mutex_);
      auto& share = of(kind).by_backend[from->name()];
      if (!share.flying || share.flying->is_outdated) share.flying = fresh = std::make_shared<flight>(++last_flight_, now);
      auto const late = saturating_add(share.flying->began, deadline_);
      flights.emplace_back(share.flying, share.is_slow || now >= late ? saturating_add(now, grace) : late);
    }
    if (fresh) scope_->spawn(fly(from, kind, landing(shared_from_this(), fresh, kind, from->name())));
  }
  return flights;
}

awaitable<std::shared_ptr<catalogue const>> merged_lists::finish(listing_kind kind, std::vector<awaited> flights) {
  auto const self = shared_from_this();
  // They fly at the same time: waiting for one after the other takes no longer than the slowest.
  for (auto const& one : flights) {
    auto const landed = co_await one.of->landed.wait(one.until);
    static_cast<void>(landed);  // what is there by then is shown
  }
  auto const ex = co_await asio::this_coro::executor;
  if (!flights.empty()) {
    std::lock_guard lock(mutex_);
    of(kind).fetched = clock_of(ex).now();
  }
  co_return known(kind);
}

awaitable<std::shared_ptr<catalogue const>> merged_lists::refresh(listing_kind kind) {
  auto const ex = co_await asio::this_coro::executor;
  auto flights = start(kind, clock_of(ex).now());
  co_return co_await finish(kind, std::move(flights));
}

bool merged_lists::wants_refresh(listing_kind kind, time_point now) const {
  std::lock_guard lock(mutex_);
  auto const& state = states_[static_cast<std::size_t>(kind)];
  return state.is_stale || now >= saturating_add(state.fetched, freshness);
}

std::optional<origin> merged_lists::look(place const& at, std::string const& name) {
  auto const list = known(at.kind);
  return at.by_template ? list->find_matching(name) : list->find(name);
}

awaitable<std::optional<origin>> merged_lists::find(std::vector<place> places, std::string name) {
  // A name that is known is used even if lists have changed: its backend says best whether it still has the item, and a hung one delays nobody.
  for (auto const& at : places)
    if (auto found = look(at, name)) co_return found;
  auto const ex = co_await asio::this_coro::executor;
  auto const now = clock_of(ex).now();
  std::vector<std::vector<awaited>> started;
  for (auto const& at : places) started.push_back(wants_refresh(at.kind, now) ? start(at.kind, now) : std::vector<awaited>());
  for (std::size_t i = 0; i != places.size(); ++i) {
    auto flights = std::move(started[i]);
    auto const fresh = co_await finish(places[i].kind, std::move(flights));
    auto found = places[i].by_template ? fresh->find_matching(name) : fresh->find(name);
    if (found) co_return found;
  }
  co_return std::nullopt;
}

std::shared_ptr<catalogue const> merged_lists::known(listing_kind kind) {
  std::vector<std::pair<std::string, items>> lists;
  std::uint64_t version = 0;
  {
    std::lock_guard lock(mutex_);
    auto const& state = of(kind);
    version = state.version;
    if (state.merged_version == version) return state.merged;
    for (auto const& [backend, share] : state.by_backend)
      if (share.listed) lists.emplace_back(backend, share.listed);
  }
  std::vector<contribution> contributions;
  for (auto const& [backend, listed] : lists)
    if (auto value = read_value(*listed); value.is_array()) contributions.emplace_back(backend, std::move(value.get_array()));
  auto merged = std::make_shared<catalogue const>(kind, std::move(contributions));
  std::lock_guard lock(mutex_);
  auto& state = of(kind);
  if (version > state.merged_version) {
    state.merged_version = version;
    state.merged = merged;
  }
  return merged;
}

bool merged_lists::is_late(std::string_view backend, time_point now) const {
  std::lock_guard lock(mutex_);
  for (auto const& state : states_) {
    auto const at = state.by_backend.find(backend);
    if (at == state.by_backend.end()) continue;
    auto const& flying = at->second.flying;
    if (at->second.is_slow || (flying && now >= saturating_add(flying->began, deadline_))) return true;
  }
  return false;
}

void merged_lists::note_change(std::string_view backend, std::string_view notification) {
  std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i != listings.size(); ++i) {
    if (listings[i].changed != notification) continue;
    states_[i].is_stale = true;
    auto const share = states_[i].by_backend.find(backend);
    if (share != states_[i].by_backend.end() && share->second.flying) share->second.flying->is_outdated = true;
  }
}

void merged_lists::note_all_changed() {
  std::lock_guard lock(mutex_);
  for (auto& state : states_) state.is_stale = true;
}

}  // namespace mooring::gateway
