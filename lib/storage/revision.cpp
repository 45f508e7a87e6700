#include <mooring/storage/revision.hpp>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>

namespace mooring {
namespace {

result<std::uint64_t> parse_half(std::string_view digits) {
  std::uint64_t value = 0;
  for (char const c : digits)
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return make_error_code(errc::corrupt_record);
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return value;
}

}  // namespace

result<revision> revision::fresh(entropy_service& source) {
  std::array<std::uint64_t, 2> halves{};
  if (auto filled = source.fill(std::as_writable_bytes(std::span(halves))); !filled) return filled.error();
  return revision(halves[0], halves[1]);
}

result<revision> revision::parse(std::string_view text) {
  if (text.size() != 32) return make_error_code(errc::corrupt_record);
  auto const high = parse_half(text.substr(0, 16));
  auto const low = parse_half(text.substr(16));
  if (!high) return high.error();
  if (!low) return low.error();
  revision const read(*high, *low);
  if (read.is_none()) return make_error_code(errc::corrupt_record);
  return read;
}

std::string revision::text() const {
  std::array<char, 33> digits{};
  std::snprintf(digits.data(), digits.size(), "%016llx%016llx", static_cast<unsigned long long>(high_), static_cast<unsigned long long>(low_));
  return std::string(digits.data(), 32);
}

}  // namespace mooring
