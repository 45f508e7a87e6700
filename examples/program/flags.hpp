#pragma once

#include <mooring/core/clock.hpp>

#include <CLI/CLI.hpp>

#include <chrono>
#include <exception>
#include <limits>
#include <optional>
#include <string>

namespace mooring::program {

/** A number with ms, s, m or h; a bare number means seconds. Nothing when it is no such text, or beyond 30 years. */
inline std::optional<duration> parse_duration(std::string const& text) {
  std::size_t used = 0;
  double number = 0;
  try {
    number = std::stod(text, &used);
  } catch (std::exception const&) {
    return std::nullopt;
  }
  auto const unit = text.substr(used);
  double const seconds = unit == "ms" ? 1e-3 : unit.empty() || unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
  if (seconds == 0 || !(number >= 0) || number * seconds > 1e9) return std::nullopt;
  return std::chrono::duration_cast<duration>(std::chrono::duration<double>(number * seconds));
}

/** @brief A flag that takes such a duration, `least` at least. */
inline void add_duration(CLI::App& app, std::string const& flag, duration& into, std::string const& about, duration least = std::chrono::milliseconds(1)) {
  auto read = [&into, flag, least](std::string const& text) {
    auto const value = parse_duration(text);
    if (!value || *value < least) throw CLI::ValidationError(flag, "'" + text + "' is no duration such as 500ms, 30s or 2h, or too short");
    into = *value;
  };
  app.add_option_function<std::string>(flag, read, about)->type_name("DURATION");
}

/** @brief A flag that takes a whole number from `least` on. */
template <class Number>
void add_number(CLI::App& app, std::string const& flag, Number& into, std::string const& about, Number least = 1) {
  app.add_option(flag, into, about)->capture_default_str()->check(CLI::Range(least, std::numeric_limits<Number>::max() / 2));
}

}  // namespace mooring::program
