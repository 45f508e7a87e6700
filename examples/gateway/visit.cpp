#include "visit.hpp"

#include "cors.hpp"
#include "replies.hpp"

#include "mcp/headers.hpp"
#include "mcp/jsonrpc.hpp"

#include <utility>

namespace mooring::gateway {

namespace {

constexpr char gave_up[] = "The gateway gave up on the request";

}  // namespace

visit::visit(http::request a, http::responder r, std::shared_ptr<metrics> c, bool allowed)
    : asked(std::move(a)), respond_(std::move(r)), counters_(std::move(c)), is_allowed_(allowed) {}

void visit::answer(http::response with) const {
  auto const status = with.status;
  if (is_allowed_) let_page_read(asked.header, with.header);
  if (respond_.send(std::move(with))) counters_->count_response(asked.method, status);
}

http::event_stream visit::open_events(http::at_stop then) const {
  counters_->count_response(asked.method, 200);
  http::fields extra;
  let_page_read(asked.header, extra);
  return respond_.open_events(std::move(extra), then);
}

answering::~answering() {
  // What a whole response would say is `last_word`'s.
  if (!is_finished_ && stream_) stream_.push(http::event(mcp::make_error(id_, mcp::code::server_error, gave_up)));
}

awaitable<void> answering::pass_on(std::shared_ptr<answering> self, std::string message) {
  if (!self->stream_) self->stream_ = self->of_->open_events(http::at_stop::finish);
  auto const written = co_await self->stream_.write(http::event(std::move(message)));
  static_cast<void>(written);  // a client that has gone cancels nothing: its request goes on
}

awaitable<void> answering::finish(std::shared_ptr<answering> self, std::string answer) {
  self->is_finished_ = true;
  if (!self->stream_) co_return self->of_->answer(http::response::of(200, mcp::json_type, std::move(answer)));
  auto const written = co_await self->stream_.write(http::event(std::move(answer)));
  static_cast<void>(written);
  self->stream_.end();
}

last_word::~last_word() {
  if (!of_->is_answered()) of_->answer(refusal(503, mcp::code::server_error, gave_up, id_));
}

}  // namespace mooring::gateway
