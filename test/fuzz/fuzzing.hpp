#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

/** What libFuzzer calls with each input. */
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

namespace mooring::test {

/** Ends the process with a sentence when a promise is broken: libFuzzer then keeps the input. */
inline void demand(bool holds, char const* broken) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", broken);
  std::abort();
}

inline std::string_view text_of(std::uint8_t const* data, std::size_t size) { return {reinterpret_cast<char const*>(data), size}; }

/** Reads an input as a row of decisions. Beyond its end every decision is 0. */
class decisions {
 public:
  decisions(std::uint8_t const* data, std::size_t size) : rest_(text_of(data, size)) {}

  bool is_over() const noexcept { return rest_.empty(); }

  /** Below `bound`, which is at most 256. */
  unsigned below(unsigned bound) noexcept { return byte() % bound; }

  /** Eight bytes, as they are. */
  std::int64_t number() noexcept {
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value = value << 8 | byte();
    return static_cast<std::int64_t>(value);
  }

  std::string text() {
    auto const taken = rest_.substr(0, byte());
    rest_.remove_prefix(taken.size());
    return std::string(taken);
  }

 private:
  std::uint8_t byte() noexcept {
    if (rest_.empty()) return 0;
    auto const first = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return first;
  }

  std::string_view rest_;
};

}  // namespace mooring::test
