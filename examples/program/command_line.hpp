#pragma once

#include <CLI/CLI.hpp>

#include <iostream>
#include <optional>

namespace mooring::program {

/** The exit status of a program that was called wrongly. */
inline constexpr int usage_status = 2;

/** @brief Reads the command line.
 *  @return Nothing: go on. 0: help was printed; 2: a flag is wrong, and a message was printed to the standard error.
 */
inline std::optional<int> parse(CLI::App& app, int argc, char const* const* argv) {
  try {
    app.parse(argc, argv);
  } catch (CLI::Success const& asked) {
    return app.exit(asked);
  } catch (CLI::Error const& wrong) {
    std::cerr << app.get_name() << ": " << wrong.what() << "\nTry --help.\n";
    return usage_status;
  }
  return std::nullopt;
}

}  // namespace mooring::program
