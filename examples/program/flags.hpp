#pragma once

#include <mooring/core/clock.hpp>

#include <CLI/CLI.hpp>

#include <array>
#include <charconv>
#include <chrono>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace mooring::program {

/** A decimal number with ms, s, m or h; a bare number means seconds. Nothing when it is no such text, or beyond 30 years. */
inline std::optional<duration> parse_duration(std::string_view text) {
  double number = 0;
  auto const [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc()) return std::nullopt;
  auto const unit = text.substr(static_cast<std::size_t>(end - text.data()));
  double const seconds = unit == "ms" ? 1e-3 : unit.empty() || unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
  if (seconds == 0 || !(number >= 0) || number * seconds > 1e9) return std::nullopt;
  return std::chrono::duration_cast<duration>(std::chrono::duration<double>(number * seconds));
}

/** A span as `parse_duration` reads it, in the largest unit that it is a whole number of; in milliseconds, cut off, where there is none. */
inline std::string duration_text(duration span) {
  using std::chrono::milliseconds;
  constexpr std::array<std::pair<milliseconds, char const*>, 3> units{{{std::chrono::hours(1), "h"}, {std::chrono::minutes(1), "m"}, {std::chrono::seconds(1), "s"}}};
  auto const whole = std::chrono::duration_cast<milliseconds>(span);
  if (whole == milliseconds()) return "0";
  for (auto const& [unit, name] : units)
    if (whole % unit == milliseconds()) return std::to_string(whole / unit) + name;
  return std::to_string(whole.count()) + "ms";
}

/** @brief A flag that takes such a duration, `least` at least.  @param otherwise  What help tells for the default; empty for the value of `into`. */
inline void add_duration(CLI::App& app, std::string const& flag, duration& into, std::string const& about, duration least = std::chrono::milliseconds(1),
                         std::string const& otherwise = {}) {
  auto read = [&into, flag, least](std::string const& text) {
    auto const value = parse_duration(text);
    if (!value || *value < least) throw CLI::ValidationError(flag, "'" + text + "' is no duration such as 500ms, 30s or 2h, or too short");
    into = *value;
  };
  app.add_option_function<std::string>(flag, read, about)->type_name("DURATION")->default_str(otherwise.empty() ? duration_text(into) : otherwise);
}

/** @brief A flag that takes a whole number from `least` to `most`. */
template <class Number>
void add_number(CLI::App& app, std::string const& flag, Number& into, std::string const& about, Number least = 1, Number most = std::numeric_limits<Number>::max() / 2) {
  auto read = [&into, flag, least, most](std::string const& text) {
    Number value{};
    auto const [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc() || end != text.data() + text.size() || value < least || value > most)
      throw CLI::ValidationError(flag, "'" + text + "' is no whole number from " + std::to_string(least) + " to " + std::to_string(most));
    into = value;
  };
  app.add_option_function<std::string>(flag, read, about)->type_name("NUMBER")->default_str(std::to_string(into));
}

}  // namespace mooring::program
