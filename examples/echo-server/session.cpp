#include "session.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace mooring::echo {

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
