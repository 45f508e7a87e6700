#include "scenarios/sessions.hpp"

#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <stdexcept>
#include <utility>

namespace mooring::test {

using namespace std::chrono_literals;

session_model::bits read_tags(metadata const& data) {
  auto const found = data.find("tags");
  return found == data.end() ? 0 : std::stoull(found->second);
}

void write_tags(metadata& data, session_model::bits tags) { data["tags"] = std::to_string(tags); }

std::vector<std::string> names_of(session_model::bits backends) {
  std::vector<std::string> names;
  for (unsigned i = 0; i < 64; ++i)
    if (backends >> i & 1) names.push_back(std::to_string(i));
  return names;
}

session_model::bits bits_of(std::vector<std::string> const& names) {
  session_model::bits set = 0;
  for (auto const& name : names) set |= session_model::bits(1) << std::stoul(name);
  return set;
}

namespace {

// Tells how an opening ended, also one that throws or whose frame dies.
struct told_end {
  explicit told_end(call_watch w) : watch(std::move(w)) {}
  ~told_end() {
    if (watch) watch(has_session);
  }
  told_end(told_end const&) = delete;
  told_end& operator=(told_end const&) = delete;

  call_watch const watch;
  bool has_session = false;
};

}  // namespace

duration test_factory::pause() { return sim_.random(3) == 0 ? duration(0) : duration(sim_.random(6) * 1ms); }

awaitable<result<opened<test_session>>> test_factory::open(session_request request) {
  found_.expect(!has_ended_, "a session was opened after the shutdown (RA51)");
  told_end watching(on_open ? on_open(request) : call_watch());
  auto made = co_await connect(std::move(request));
  if (made) watching.has_session = true;
  co_return std::move(made);
}

awaitable<result<opened<test_session>>> test_factory::connect(session_request request) {
  auto slept = co_await sleep_for(pause());
  bool const is_hanging = habits_.has_hangs && sim_.random(8) == 0;
  auto state = co_await asio::this_coro::cancellation_state;
  if (is_hanging && state.cancelled() == asio::cancellation_type::none) slept = co_await sleep_for(1h);
  if (habits_.has_failures && sim_.random(6) == 0) co_return make_error_code(errc::load_failed);
  if (habits_.has_failures && sim_.random(16) == 0) throw std::runtime_error("a factory threw");
  // Asked to stop, it stops most of the time; or it was too far on and returns a session all the same.
  if (!slept && sim_.random(4) != 0) co_return make_error_code(errc::cancelled);
  auto root = std::make_shared<opening>();
  root->id = request.id;
  root->replica = replica_;
  root->is_returned = true;
  root->alive = alive_;
  openings_.push_back(root);
  auto session = std::make_shared<test_session>();
  session->root = root;
  session->tags = read_tags(request.data);
  session->backends = bits_of(request.backends);
  hint_map hints;
  for (auto const& name : request.backends) hints[name] = "connection " + std::to_string(replica_) + "." + std::to_string(++connections_);
  co_return opened<test_session>(std::move(session), std::move(hints));
}

awaitable<void> test_factory::close(std::string id, std::shared_ptr<test_session> session, disposal_reason) {
  found_.expect(session != nullptr && session->root->id == id, "a session is closed under another id");
  found_.expect(session->root->replica == replica_, "a session is closed by another replica");
  found_.expect(++session->root->closed == 1, "a session is closed twice (RA46)");
  found_.expect(!has_ended_, "a session was closed after the shutdown (RA51)");
  auto wanted = pause();
  if (habits_.has_hangs && sim_.random(6) == 0) wanted = 1h;
  auto slept = co_await sleep_for(wanted);
  static_cast<void>(slept);
  if (habits_.has_failures && sim_.random(10) == 0) throw std::runtime_error("a close threw");
}

}  // namespace mooring::test
