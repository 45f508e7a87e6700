#include "merged_lists.hpp"

#include "messages.hpp"
#include "together.hpp"

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

}  // namespace

awaitable<std::shared_ptr<catalogue const>> merged_lists::refresh(listing_kind kind) {
  auto const self = shared_from_this();
  auto const ex = co_await asio::this_coro::executor;
  auto const index = static_cast<std::size_t>(kind);
  {
    std::lock_guard lock(mutex_);
    states_[index].is_stale = false;  // first, so that a change announced meanwhile counts
  }
  std::vector<awaitable<void>> work;
  for (auto const& one : upstreams_) work.push_back(fetch(self, one, kind));
  auto const until = saturating_add(clock_of(ex).now(), deadline_);
  auto const all = co_await run_together(scope_, std::move(work), until);

  std::vector<contribution> contributions;
  {
    std::lock_guard lock(mutex_);
    if (!all) states_[index].is_stale = true;
    for (auto const& [backend, items] : states_[index].by_backend) contributions.emplace_back(backend, items);
  }
  auto merged = std::make_shared<catalogue const>(kind, std::move(contributions));
  std::lock_guard lock(mutex_);
  states_[index].merged = merged;
  states_[index].fetched = clock_of(ex).now();
  co_return merged;
}

awaitable<void> merged_lists::fetch(std::shared_ptr<merged_lists> self, std::shared_ptr<upstream> from, listing_kind kind) {
  auto const ex = co_await asio::this_coro::executor;
  if (!from->is_joined()) {
    from->begin_joining(clock_of(ex).now());  // the client is told when it has joined
    co_return;
  }
  auto const& what = listing_of(kind);
  json::array items;
  json::value params;
  std::size_t bytes = 0;
  for (int page = 0; page != max_pages; ++page) {
    auto asked = read_message(mcp::make_request("0", what.method, params));
    if (!asked) co_return;
    auto text = co_await from->request(std::move(*asked), relay());
    bytes += text.size();
    if (bytes > max_bytes) break;
    auto const answered = read_message(std::move(text));
    if (!answered) co_return;
    if (answered->type() == mcp::message::kind::error) {
      if (code_of(*answered) != mcp::code::method_not_found) co_return;  // keeps its last known list
      break;
    }
    auto const result = answered->result();
    auto const* const more = result.if_contains(what.items);
    if (more && more->is_array()) items.insert(items.end(), more->get_array().begin(), more->get_array().end());
    auto const* const cursor = result.if_contains("nextCursor");
    if (!cursor || !cursor->is_string()) break;
    params = json::object{{"cursor", *cursor}};
  }
  std::lock_guard lock(self->mutex_);
  self->states_[static_cast<std::size_t>(kind)].by_backend[from->name()] = std::move(items);
}

bool merged_lists::wants_refresh(listing_kind kind, bool is_found, time_point now) const {
  std::lock_guard lock(mutex_);
  auto const& state = states_[static_cast<std::size_t>(kind)];
  // A name that is found is used even if lists have changed: its backend says best whether it still has the item, and a hung one delays nobody.
  return !is_found && (state.is_stale || now >= saturating_add(state.fetched, freshness));
}

awaitable<std::optional<origin>> merged_lists::find(listing_kind kind, std::string name) {
  auto const ex = co_await asio::this_coro::executor;
  auto found = known(kind)->find(name);
  if (wants_refresh(kind, found.has_value(), clock_of(ex).now())) {
    auto const fresh = co_await refresh(kind);
    found = fresh->find(name);
  }
  co_return found;
}

awaitable<std::optional<origin>> merged_lists::find_matching(std::string uri) {
  auto const ex = co_await asio::this_coro::executor;
  auto const kind = listing_kind::resource_templates;
  auto found = known(kind)->find_matching(uri);
  if (wants_refresh(kind, found.has_value(), clock_of(ex).now())) {
    auto const fresh = co_await refresh(kind);
    found = fresh->find_matching(uri);
  }
  co_return found;
}

std::shared_ptr<catalogue const> merged_lists::known(listing_kind kind) const {
  std::lock_guard lock(mutex_);
  return states_[static_cast<std::size_t>(kind)].merged;
}

void merged_lists::note_change(std::string_view notification) {
  std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i != listings.size(); ++i)
    if (listings[i].changed == notification) states_[i].is_stale = true;
}

void merged_lists::note_all_changed() {
  std::lock_guard lock(mutex_);
  for (auto& state : states_) state.is_stale = true;
}

}  // namespace mooring::gateway
