#include "call_channel.hpp"

#include "mcp/headers.hpp"

#include <chrono>
#include <utility>

namespace mooring::echo {

namespace json = boost::json;
namespace {

constexpr auto patience = std::chrono::minutes(1);  // a person may have to answer

std::optional<json::value> token_of(mcp::message const& asked) {
  auto const params = asked.params();
  auto const* meta = params.if_contains("_meta");
  auto const* token = meta && meta->is_object() ? meta->get_object().if_contains("progressToken") : nullptr;
  return token ? std::optional(*token) : std::nullopt;
}

}  // namespace

call_channel::call_channel(std::shared_ptr<session> in, http::responder answer, mcp::message const& asked)
    : in_(std::move(in)), answer_(std::move(answer)), progress_token_(token_of(asked)) {}

http::event_stream const& call_channel::stream() {
  if (!stream_) stream_ = answer_.open_events();
  return stream_;
}

void call_channel::notify(std::string_view method, json::value params) { stream().push(http::event(mcp::make_notification(method, params))); }

void call_channel::report(int done, int total) {
  if (!progress_token_) return;
  auto const text = "step " + std::to_string(done) + " of " + std::to_string(total);
  notify("notifications/progress", json::object{{"progressToken", *progress_token_}, {"progress", done}, {"total", total}, {"message", text}});
}

awaitable<result<mcp::message>> call_channel::ask(std::string method, json::value params) {
  session::question const asked(in_);
  if (!stream().push(http::event(mcp::make_request(asked.id(), method, params)))) co_return make_error_code(errc::disconnected);
  auto const ex = co_await asio::this_coro::executor;
  auto const until = clock_of(ex).now() + patience;
  auto const waited = co_await asked.answered().wait(until);
  if (!waited) co_return waited.error();
  co_return asked.answer();
}

void call_channel::finish(std::string text) {
  if (!stream_) {
    answer_.send(http::response::of(200, mcp::json_type, std::move(text)));
    return;
  }
  stream_.push(http::event(std::move(text)));
  stream_.end();
}

}  // namespace mooring::echo
