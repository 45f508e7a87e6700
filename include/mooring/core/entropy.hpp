#pragma once

#include <mooring/core/awaitable.hpp>
#include <mooring/core/error.hpp>

#include <boost/asio/execution_context.hpp>

#include <cstddef>
#include <span>
#include <string>

namespace mooring {

/** @brief The one source of randomness in an execution context: the system's cryptographic generator.
 *
 *  A simulation installs a derived, seeded class with `asio::make_service` before first use.
 *
 *  @par Thread safety  Any thread.
 */
class entropy_service : public asio::execution_context::service {
 public:
  inline static asio::execution_context::id id;

  explicit entropy_service(asio::execution_context& context);

  /** @brief Fills a buffer with random bytes.
   *  @return `errc::unavailable` when the source fails: then nothing random was written and nothing may be made from the buffer.
   */
  virtual result<> fill(std::span<std::byte> out) noexcept;

 protected:
  void shutdown() override {}
};

entropy_service& entropy_of(asio::execution_context& context);
entropy_service& entropy_of(executor const& ex);

/** @brief A fresh random name: 160 bits as 32 characters of `0-9a-v` (RFC 4648 base32hex, lower case).
 *  @par Errors  `errc::unavailable`: the random source failed, and there is no name.
 */
result<std::string> random_name(entropy_service& source);

}  // namespace mooring
