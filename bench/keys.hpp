#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace mooring::bench {

/** splitmix64 (Steele, Lea, Flood 2014). */
class generator {
 public:
  explicit generator(std::uint64_t seed) noexcept : state_(seed) {}
  std::uint64_t operator()() noexcept {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t bound) noexcept { return (*this)() % bound; }
  double unit() noexcept { return double((*this)() >> 11) * 0x1.0p-53; }

 private:
  std::uint64_t state_;
};

/** Texts in the form of a UUID, 36 characters. Two calls give equal texts in memory of their own. */
std::vector<std::string> uuid_texts(std::size_t count, std::uint64_t seed);

/** Which of `count` keys each of many queries asks for, all equally likely. */
std::vector<std::uint32_t> uniform_queries(std::size_t count, std::size_t queries, std::uint64_t seed);

/** As above, by Zipf's law: the k-th likeliest key with a weight of 1/k^exponent. */
std::vector<std::uint32_t> zipf_queries(std::size_t count, std::size_t queries, double exponent, std::uint64_t seed);

}  // namespace mooring::bench
