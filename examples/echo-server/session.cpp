#include "session.hpp"

#include "mcp/headers.hpp"

#include <boost/json/parse.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace mooring::echo {

session::session(std::string id, std::string const& opening) : id_(std::move(id)), version_(mcp::latest_session_version) {
  error_code failure;
  auto const params = mcp::json::parse(opening, failure);
  if (failure || !params.is_object()) return;
  auto const* wanted = params.get_object().if_contains("protocolVersion");
  if (wanted && wanted->is_string()) version_ = mcp::negotiated_version(wanted->get_string());
  auto const* can = params.get_object().if_contains("capabilities");
  if (can && can->is_object()) capabilities_ = can->get_object();
}

void session::listen(http::event_stream stream) {
  http::event_stream leaving;
  {
    std::lock_guard lock(mutex_);
    leaving = has_ended_ ? stream : std::exchange(listener_, stream);
  }
  leaving.end();
}

void session::end() {
  http::event_stream leaving;
  std::vector<std::shared_ptr<http::signal>> calls;
  {
    std::lock_guard lock(mutex_);
    has_ended_ = true;
    leaving = std::exchange(listener_, http::event_stream());
    for (auto const& [id, call] : running_) calls.push_back(call);
  }
  leaving.end();
  for (auto const& each : calls) each->raise();
}

session::running_call::running_call(std::shared_ptr<session> in, std::string raw_id)
    : in_(std::move(in)), raw_id_(std::move(raw_id)), cancelled_(std::make_shared<http::signal>()) {
  std::lock_guard lock(in_->mutex_);
  in_->running_.emplace(raw_id_, cancelled_);
}

session::running_call::~running_call() {
  std::lock_guard lock(in_->mutex_);
  auto const [first, last] = in_->running_.equal_range(raw_id_);
  auto const own = std::find_if(first, last, [this](auto const& entry) { return entry.second == cancelled_; });
  if (own != last) in_->running_.erase(own);
}

void session::cancel(std::string const& raw_id) {
  std::vector<std::shared_ptr<http::signal>> calls;
  {
    std::lock_guard lock(mutex_);
    auto const [first, last] = running_.equal_range(raw_id);
    for (auto place = first; place != last; ++place) calls.push_back(place->second);
  }
  for (auto const& each : calls) each->raise();
}

session::question::question(std::shared_ptr<session> in) : in_(std::move(in)), state_(std::make_shared<state>()) {
  std::lock_guard lock(in_->mutex_);
  raw_id_ = "\"echo-" + std::to_string(++in_->last_question_) + '"';
  in_->questions_.emplace(raw_id_, state_);
}

session::question::~question() {
  std::lock_guard lock(in_->mutex_);
  in_->questions_.erase(raw_id_);
}

void session::deliver(mcp::message answer) {
  std::shared_ptr<question::state> waiting;
  {
    std::lock_guard lock(mutex_);
    auto const place = questions_.find(answer.id());
    if (place == questions_.end()) return;
    waiting = std::move(place->second);
    questions_.erase(place);  // a second answer finds nothing
  }
  waiting->answer = std::move(answer);
  waiting->answered.raise();
}

awaitable<result<opened<session>>> factory::open(session_request request) {
  // A record without its session object: the cache let it go. What the session counted is lost, so the session is.
  if (request.is_restore) co_return make_error_code(errc::not_found);
  co_return opened<session>(std::make_shared<session>(request.id, request.opening));
}

awaitable<void> factory::close(std::string, std::shared_ptr<session> ended, disposal_reason) {
  ended->end();
  co_return;
}

}  // namespace mooring::echo
