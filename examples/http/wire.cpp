#include "http/wire.hpp"

#include <time.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <ctime>

namespace mooring::http {
namespace {

// A field that holds a line break or a zero byte would be read as something else by the peer: it is left out.
bool is_sendable(fields::entry const& field) noexcept {
  auto const breaks = [](std::string_view text) { return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos; };
  return !field.first.empty() && !breaks(field.first) && !breaks(field.second);
}

void add(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  out += value;
  out += "\r\n";
}

void add_date(std::string& out) {
  std::time_t const now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 40> text{};
  // The "C" locale's names, which the programs never change.
  auto const size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  add(out, "Date", std::string_view(text.data(), size));
}

}  // namespace

std::string header_text(unsigned status, fields const& header, framing how, std::size_t body_bytes, bool keep_alive) {
  std::string out = "HTTP/1.1 " + std::to_string(status) + ' ';
  out += reason_of(status);
  out += "\r\n";
  for (auto const& field : header)
    if (is_sendable(field)) add(out, field.first, field.second);
  add_date(out);
  add(out, "Connection", keep_alive ? "keep-alive" : "close");
  if (how == framing::length) add(out, "Content-Length", std::to_string(body_bytes));
  if (how == framing::chunked) add(out, "Transfer-Encoding", "chunked");
  out += "\r\n";
  return out;
}

std::string request_text(request const& asked, std::string_view host) {
  std::string out;
  out.reserve(asked.body.size() + 512);
  out += asked.method;
  out += ' ';
  out += asked.target.empty() ? std::string_view("/") : std::string_view(asked.target);
  out += " HTTP/1.1\r\n";
  add(out, "Host", host);
  for (auto const& field : asked.header)
    if (is_sendable(field)) add(out, field.first, field.second);
  bool const wants_length = !asked.body.empty() || asked.method == "POST" || asked.method == "PUT" || asked.method == "PATCH";
  if (wants_length) add(out, "Content-Length", std::to_string(asked.body.size()));
  out += "\r\n";
  out += asked.body;
  return out;
}

std::string whole_seconds(duration span) {
  return std::to_string(std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(span).count()));
}

std::string chunk_text(std::string_view bytes) {
  std::array<char, 20> size{};
  auto const end = std::to_chars(size.data(), size.data() + size.size(), bytes.size(), 16).ptr;
  std::string out(size.data(), end);
  out += "\r\n";
  out += bytes;
  out += "\r\n";
  return out;
}

}  // namespace mooring::http
