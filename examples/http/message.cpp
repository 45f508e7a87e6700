#include "http/message.hpp"

#include <algorithm>
#include <array>

namespace mooring::http {
namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view trimmed(std::string_view text) noexcept {
  auto const first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

void fields::set(std::string name, std::string value) {
  erase(name);
  add(std::move(name), std::move(value));
}

void fields::erase(std::string_view name) {
  std::erase_if(entries_, [name](entry const& e) { return equals_ignoring_case(e.first, name); });
}

std::optional<std::string_view> fields::find(std::string_view name) const {
  for (auto const& [key, value] : entries_)
    if (equals_ignoring_case(key, name)) return value;
  return std::nullopt;
}

std::vector<std::string_view> fields::all(std::string_view name) const {
  std::vector<std::string_view> found;
  for (auto const& [key, value] : entries_)
    if (equals_ignoring_case(key, name)) found.push_back(value);
  return found;
}

response response::of(unsigned status, std::string content_type, std::string body) {
  response made(status);
  made.header.add("Content-Type", std::move(content_type));
  made.body = std::move(body);
  return made;
}

std::string_view reason_of(unsigned status) noexcept {
  static constexpr std::array<std::pair<unsigned, std::string_view>, 26> known{{
      {100, "Continue"},
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {304, "Not Modified"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {406, "Not Acceptable"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {410, "Gone"},
      {411, "Length Required"},
      {413, "Content Too Large"},
      {415, "Unsupported Media Type"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"},
  }};
  auto const* const place = std::ranges::find(known, status, &std::pair<unsigned, std::string_view>::first);
  return place == known.end() ? "Unknown" : place->second;
}

}  // namespace mooring::http
