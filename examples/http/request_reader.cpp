#include "http/request_reader.hpp"

#include "http/address.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/cancel_after.hpp>
#include <boost/asio/cancel_at.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace mooring::http {

namespace beast = boost::beast;
namespace {

constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";

// `http://host/path` as a target (RFC 9112, section 3.2.2) means the path.
std::string origin_form(std::string_view target) {
  if (target.starts_with('/') || target == "*") return std::string(target);
  if (auto const absolute = parse_url(target)) return absolute->target;
  return std::string(target);
}

}  // namespace

unsigned refusal_of(error_code const& failure) noexcept {
  using beast::http::error;
  if (failure == errc::busy) return 503;
  if (failure == error::header_limit || failure == error::buffer_overflow) return 431;
  if (failure == error::body_limit) return 413;
  if (failure == error::end_of_stream || failure == error::partial_message) return 0;
  static error_code const unreadable = error::bad_method;
  return failure.category() == unreadable.category() ? 400 : 0;
}

awaitable<error_code> request_reader::next() {
  auto const& limits = shared_->options;
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(limits.max_header_bytes));
  parser_->body_limit(limits.max_body_bytes);
  error_code failure;
  if (buffer_.size() == 0) {
    co_await socket_.async_wait(asio::socket_base::wait_read, asio::cancel_after(limits.idle_deadline, asio::redirect_error(asio::use_awaitable, failure)));
    if (failure) co_return failure;
  }
  co_await beast::http::async_read_header(socket_, buffer_, *parser_,
                                          asio::cancel_after(limits.header_deadline, asio::redirect_error(asio::use_awaitable, failure)));
  if (failure) co_return failure;
  if (equals_ignoring_case(parser_->get()[beast::http::field::expect], "100-continue")) {
    co_await asio::async_write(socket_, asio::buffer(go_on), asio::cancel_after(limits.write_deadline, asio::redirect_error(asio::use_awaitable, failure)));
    if (failure) co_return make_error_code(errc::disconnected);
  }
  parser_->eager(true);
  auto const until = std::chrono::steady_clock::now() + limits.body_deadline;
  // Piece by piece: a length that was only announced takes nothing from others.
  while (!parser_->is_done()) {
    co_await beast::http::async_read_some(socket_, buffer_, *parser_, asio::cancel_at(until, asio::redirect_error(asio::use_awaitable, failure)));
    if (failure) co_return failure;
    if (!share_.grow_to(parser_->get().body().size())) co_return make_error_code(errc::busy);
  }
  co_return failure;
}

request request_reader::take() {
  auto& message = parser_->get();
  request asked(std::string(message.method_string()), origin_form(message.target()));
  for (auto const& field : message) asked.header.add(std::string(field.name_string()), std::string(field.value()));
  asked.body = std::move(message.body());
  return asked;
}

void request_reader::drop() {
  parser_.reset();
  share_.give_back();
}

}  // namespace mooring::http
