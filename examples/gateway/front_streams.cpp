// The streams on which clients listen.

#include "counted.hpp"
#include "era.hpp"
#include "front.hpp"
#include "replies.hpp"
#include "visit.hpp"

#include <boost/asio/this_coro.hpp>

#include <utility>

namespace mooring::gateway {

namespace {

// A stream that a session listens on, for as long as this lives.
class attachment {
 public:
  attachment(std::shared_ptr<session> to, http::event_stream stream) : session_(std::move(to)), stream_(std::move(stream)), is_attached_(session_->attach(stream_)) {}
  attachment(attachment const&) = delete;
  attachment& operator=(attachment const&) = delete;
  ~attachment() {
    if (is_attached_) session_->detach(stream_);
  }

  explicit operator bool() const noexcept { return is_attached_; }

 private:
  std::shared_ptr<session> const session_;
  http::event_stream const stream_;
  bool const is_attached_;
};

}  // namespace

awaitable<void> front::serve_get(std::shared_ptr<visit const> of, principal who) {
  if (is_modern_header(of->asked.header)) co_return of->answer(wrong_method("POST"));
  if (!mcp::accepts(of->asked.header, mcp::event_stream_type))
    co_return of->answer(refusal(406, mcp::code::server_error, "Accept must cover text/event-stream"));
  auto const lease = co_await find_session(of, who, std::string());
  if (!lease) co_return;
  auto const stream = of->open_events(http::at_stop::end);
  if (!stream) co_return;
  attachment const attached(lease->shared_from_this(), stream);
  if (!attached) co_return;
  counted const open(open_streams_);
  auto id = *mcp::session_id_of(of->asked.header).id;
  co_await keep_stream(stream, std::move(id), std::move(who));
}

awaitable<void> front::keep_stream(http::event_stream stream, std::string id, principal who) {
  auto const ex = co_await asio::this_coro::executor;
  while (stream.is_open()) {
    auto const until = saturating_add(clock_of(ex).now(), options_.stream_check);
    auto const waited = co_await stream.wait_closed(until);
    if (waited || waited.error() != errc::deadline_exceeded) break;
    // The stream keeps its session alive, and ends with it, also when it was ended elsewhere. A storage that does not answer ends nothing.
    auto const known = co_await sessions_.validate(id, who);
    if (known && *known == validity::gone) break;
  }
  stream.end();
}

}  // namespace mooring::gateway
