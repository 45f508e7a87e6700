#include "http/event.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace mooring::http {
namespace {

void add_line(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  for (char const c : value)
    if (c != '\r' && c != '\n') out += c;
  out += '\n';
}

}  // namespace

std::string to_text(event const& sent) {
  std::string out;
  out.reserve(sent.data.size() + 64);
  if (sent.id) add_line(out, "id: ", *sent.id);
  if (!sent.type.empty()) add_line(out, "event: ", sent.type);
  if (sent.retry) add_line(out, "retry: ", std::to_string(sent.retry->count()));
  // Each of CR, LF and CRLF ends a line for the reader, so each begins a new data line here.
  std::string_view rest = sent.data;
  for (;;) {
    auto const end = rest.find_first_of("\r\n");
    out += "data: ";
    out += rest.substr(0, end);
    out += '\n';
    if (end == std::string_view::npos) break;
    bool const is_pair = rest.substr(end).starts_with("\r\n");
    rest.remove_prefix(end + (is_pair ? 2 : 1));
  }
  out += '\n';
  return out;
}

bool event_parser::feed(std::string_view bytes) {
  if (is_broken_) return false;
  while (!bytes.empty()) {
    if (after_cr_) {
      after_cr_ = false;
      if (bytes.front() == '\n') {
        bytes.remove_prefix(1);
        continue;
      }
    }
    auto const end = bytes.find_first_of("\r\n");
    line_ += bytes.substr(0, end);
    if (line_.size() + current_.data.size() > limit_) {
      is_broken_ = true;
      return false;
    }
    if (end == std::string_view::npos) break;
    after_cr_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    std::string_view line = line_;
    if (std::exchange(at_start_, false) && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
    take_line(line);
    line_.clear();
  }
  return true;
}

std::optional<event> event_parser::next() {
  if (ready_.empty()) return std::nullopt;
  auto first = std::move(ready_.front());
  ready_.pop_front();
  return first;
}

void event_parser::take_line(std::string_view line) {
  if (line.empty()) return finish_event();
  auto const colon = line.find(':');
  if (colon == 0) return;  // a comment
  auto const name = line.substr(0, colon);
  auto value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "data") {
    if (std::exchange(has_data_, true)) current_.data += '\n';
    current_.data += value;
  } else if (name == "event") {
    current_.type = value;
  } else if (name == "id") {
    if (value.find('\0') == std::string_view::npos) current_.id = std::string(value);
  } else if (name == "retry") {
    std::chrono::milliseconds::rep count = 0;
    bool const is_number = !value.empty() && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
    auto const [rest, error] = std::from_chars(value.data(), value.data() + value.size(), count);
    if (is_number && error == std::errc()) current_.retry = std::chrono::milliseconds(count);
  }
}

void event_parser::finish_event() {
  if (current_.id) last_id_ = *current_.id;
  bool const has_news = has_data_ || current_.id || current_.retry;
  auto done = std::exchange(current_, event());
  has_data_ = false;
  if (has_news) ready_.push_back(std::move(done));
}

}  // namespace mooring::http
