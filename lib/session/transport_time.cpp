#include "session/transport_time.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <limits>

namespace mooring::detail {
namespace {

using std::int64_t;

constexpr int64_t nano = 1'000'000'000;
constexpr int64_t seconds_of_day = 86'400;

constexpr int64_t floored(int64_t a, int64_t b) noexcept { return a / b - (a % b < 0 ? 1 : 0); }

// The number that a text of digits is; nothing where anything else stands in it.
std::optional<int> number(std::string_view digits) {
  int value = 0;
  for (char const c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

// Where `seconds` and `nanos` (less than one second) do not fit, nothing.
std::optional<wall_time> moment_of(int64_t seconds, int64_t nanos) {
  if (seconds < 0) {  // towards zero, so that the earliest moment does not overflow on its way
    ++seconds;
    nanos -= nano;
  }
  constexpr int64_t last = std::numeric_limits<int64_t>::max();
  constexpr int64_t first = std::numeric_limits<int64_t>::min();
  if (seconds > last / nano || seconds < first / nano) return std::nullopt;
  auto const whole = seconds * nano;
  if (nanos > 0 ? whole > last - nanos : whole < first - nanos) return std::nullopt;
  return wall_time(wall_time::duration(whole + nanos));
}

}  // namespace

std::string write_time(wall_time moment) {
  auto const count = int64_t(moment.time_since_epoch().count());
  auto const seconds = floored(count, nano);
  auto const nanos = count % nano + (count % nano < 0 ? nano : 0);
  auto const days = floored(seconds, seconds_of_day);
  auto const time = seconds - days * seconds_of_day;
  std::chrono::year_month_day const date{std::chrono::sys_days(std::chrono::days(days))};
  std::array<char, 64> text{};
  auto const size = std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%09dZ", int(date.year()), unsigned(date.month()), unsigned(date.day()),
                                  int(time / 3600), int(time / 60 % 60), int(time % 60), int(nanos));
  return std::string(text.data(), static_cast<std::size_t>(size));
}

std::optional<wall_time> parse_time(std::string_view text) {
  constexpr std::string_view form = "dddd-dd-ddTdd:dd:dd";
  if (text.size() < form.size() + 1 || text.back() != 'Z') return std::nullopt;
  for (std::size_t i = 0; i < form.size(); ++i)
    if (form[i] != 'd' && text[i] != form[i]) return std::nullopt;
  auto const year = number(text.substr(0, 4));
  auto const month = number(text.substr(5, 2));
  auto const day = number(text.substr(8, 2));
  auto const hour = number(text.substr(11, 2));
  auto const minute = number(text.substr(14, 2));
  auto const second = number(text.substr(17, 2));
  if (!year || !month || !day || !hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  auto const fraction = text.substr(form.size(), text.size() - form.size() - 1);
  int nanos = 0;
  if (!fraction.empty()) {
    if (fraction.front() != '.' || fraction.size() < 2 || fraction.size() > 10) return std::nullopt;
    auto const read = number(fraction.substr(1));
    if (!read) return std::nullopt;
    nanos = *read;
    for (auto digits = fraction.size() - 1; digits < 9; ++digits) nanos *= 10;
  }
  std::chrono::year_month_day const date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)), std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  auto const days = int64_t(std::chrono::sys_days(date).time_since_epoch().count());
  return moment_of(days * seconds_of_day + *hour * 3600 + *minute * 60 + *second, nanos);
}

}  // namespace mooring::detail
