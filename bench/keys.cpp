#include "keys.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace mooring::bench {

std::vector<std::string> uuid_texts(std::size_t count, std::uint64_t seed) {
  generator random(seed);
  std::vector<std::string> texts;
  texts.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::string text;
    text.reserve(36);
    std::uint64_t bits = 0;
    int left = 0;
    for (std::size_t digit = 0; digit < 36; ++digit) {
      if (digit == 8 || digit == 13 || digit == 18 || digit == 23) {
        text += '-';
        continue;
      }
      if (left == 0) {
        bits = random();
        left = 16;
      }
      --left;
      text += "0123456789abcdef"[bits & 15];
      bits >>= 4;
    }
    texts.push_back(std::move(text));
  }
  return texts;
}

std::vector<std::uint32_t> uniform_queries(std::size_t count, std::size_t queries, std::uint64_t seed) {
  generator random(seed);
  std::vector<std::uint32_t> asked(queries);
  for (auto& each : asked) each = static_cast<std::uint32_t>(random.below(count));
  return asked;
}

std::vector<std::uint32_t> zipf_queries(std::size_t count, std::size_t queries, double exponent, std::uint64_t seed) {
  std::vector<double> reached(count);
  double total = 0;
  for (std::size_t k = 0; k < count; ++k) reached[k] = total += 1.0 / std::pow(double(k + 1), exponent);
  // The likely keys are spread over the table, as they are in real life.
  std::vector<std::uint32_t> place(count);
  std::iota(place.begin(), place.end(), 0U);
  generator random(seed);
  for (std::size_t k = count; k > 1; --k) std::swap(place[k - 1], place[random.below(k)]);
  std::vector<std::uint32_t> asked(queries);
  for (auto& each : asked) {
    auto const rank = std::lower_bound(reached.begin(), reached.end(), random.unit() * total) - reached.begin();
    each = place[std::min(static_cast<std::size_t>(rank), count - 1)];
  }
  return asked;
}

}  // namespace mooring::bench
