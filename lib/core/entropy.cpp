#include <mooring/core/entropy.hpp>

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdint>

namespace mooring {

entropy_service::entropy_service(asio::execution_context& context) : service(context) {}

result<> entropy_service::fill(std::span<std::byte> out) noexcept {
  while (!out.empty()) {
    auto const got = ::getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return make_error_code(errc::unavailable);
    out = out.subspan(static_cast<std::size_t>(got));
  }
  return {};
}

entropy_service& entropy_of(asio::execution_context& context) { return asio::use_service<entropy_service>(context); }

entropy_service& entropy_of(executor const& ex) { return entropy_of(asio::query(ex, asio::execution::context)); }

result<std::string> random_name(entropy_service& source) {
  std::array<std::byte, 20> bytes{};  // 160 bits = 32 digits of 5 bits, so that no digit is likelier than another
  if (auto filled = source.fill(bytes); !filled) return filled.error();
  std::string name;
  name.reserve(32);
  std::uint32_t window = 0;
  int bits = 0;
  for (auto const byte : bytes) {
    window = (window << 8) | std::to_integer<std::uint32_t>(byte);
    for (bits += 8; bits >= 5; bits -= 5) name += "0123456789abcdefghijklmnopqrstuv"[(window >> (bits - 5)) & 31U];
  }
  return name;
}

}  // namespace mooring
