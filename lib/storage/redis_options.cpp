#include <mooring/storage/redis_options.hpp>

#include "core/span_text.hpp"
#include "storage/redis_tls.hpp"

#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace mooring {
namespace {

error_code refuse(std::string* why, std::string const& field, std::string const& is, std::string const& rule) {
  if (why) *why = "redis_storage_options::" + field + " " + is + "; " + rule + ".";
  return make_error_code(errc::invalid_argument);
}

// What the address of a socket has room for, with a NUL behind it.
constexpr std::size_t most_path_bytes = sizeof(sockaddr_un::sun_path) - 1;

std::string text(duration span) { return "is " + detail::span_text(span); }

bool is_plain(std::string_view prefix) noexcept {
  for (char const c : prefix)
    if (c < 0x21 || c > 0x7E || std::string_view("*?[]\\^").find(c) != std::string_view::npos) return false;
  return true;
}

// The names of fields in `tls`, where `host` is the peer's address; empty means that it is not known yet.
result<> check_tls(redis_tls_options const& tls, std::string const& field, std::string const& host, std::string* why) {
  std::string rule;
  auto checked = detail::make_tls_context(tls, {}, &rule);
  auto const& name = tls.server_name.empty() ? host : tls.server_name;
  if (checked && !name.empty()) {
    auto const named = detail::set_peer_name(*checked, tls, name, &rule);
    if (!named) checked = named.error();
  }
  if (checked) return {};
  if (why) *why = "redis_storage_options::" + field + "." + rule + ".";
  return checked.error();
}

result<> check_address(redis_address const& address, std::string const& field, std::string* why) {
  if (address.host.empty() || address.port.empty()) return refuse(why, field, "lacks its host or port", "give both");
  return {};
}

result<> check_sentinel(redis_sentinel_options const& sentinel, std::string* why) {
  if (sentinel.addresses.empty()) return refuse(why, "sentinel.addresses", "is empty", "give at least one");
  for (auto const& address : sentinel.addresses) {
    if (auto checked = check_address(address, "sentinel.addresses", why); !checked) return checked;
    if (!sentinel.tls) continue;
    if (auto checked = check_tls(*sentinel.tls, "sentinel.tls", address.host, why); !checked) return checked;
  }
  if (sentinel.master_name.empty()) return refuse(why, "sentinel.master_name", "is empty", "give the name that the Sentinels know the master by");
  if (!std::ranges::all_of(sentinel.master_name, [](char c) { return c > 0x20 && c < 0x7F; }))
    return refuse(why, "sentinel.master_name", "holds a space, a control byte or a byte beyond ASCII", "leave them out");
  for (auto const& master : sentinel.allowed_masters)
    if (master.host.empty()) return refuse(why, "sentinel.allowed_masters", "has an entry without a host", "give it");
  return {};
}

}  // namespace

result<> check(redis_storage_options const& options, std::string* why) {
  int const ways = (options.address ? 1 : 0) + (options.unix_socket.empty() ? 0 : 1) + (options.sentinel ? 1 : 0);
  auto const* const first = options.address ? "address" : !options.unix_socket.empty() ? "unix_socket" : "sentinel";
  if (ways == 0) return refuse(why, "address", "is missing", "give exactly one of address, unix_socket and sentinel");
  if (ways != 1) return refuse(why, first, "is not the only server given", "give exactly one of address, unix_socket and sentinel");
  if (options.address)
    if (auto checked = check_address(*options.address, "address", why); !checked) return checked;
  if (options.unix_socket.size() > most_path_bytes)
    return refuse(why, "unix_socket", "has " + std::to_string(options.unix_socket.size()) + " bytes", "it must have at most " + std::to_string(most_path_bytes));
  if (options.tls && !options.unix_socket.empty()) return refuse(why, "tls", "is given for a unix_socket", "a socket is used without TLS");
  if (options.tls)
    if (auto checked = check_tls(*options.tls, "tls", options.address ? options.address->host : std::string(), why); !checked) return checked;
  if (options.sentinel)
    if (auto checked = check_sentinel(*options.sentinel, why); !checked) return checked;
  if (options.key_prefix.empty()) return refuse(why, "key_prefix", "is empty", "give one that is used by nothing else, such as mooring:gateway:");
  if (options.key_prefix.back() != ':') return refuse(why, "key_prefix", "does not end with ':'", "append it");
  if (!is_plain(options.key_prefix)) return refuse(why, "key_prefix", "holds a space, a control byte, a byte beyond ASCII or one of *?[]\\^", "leave them out");
  if (options.database < 0) return refuse(why, "database", "is " + std::to_string(options.database), "it must not be negative");
  if (options.ttl <= duration::zero()) return refuse(why, "ttl", text(options.ttl), "it must be above zero");
  if (options.absolute_lifetime && *options.absolute_lifetime < options.ttl)
    return refuse(why, "absolute_lifetime", text(*options.absolute_lifetime), "it must be at least ttl, or empty for no end");
  struct {
    char const* name;
    duration span;
  } const spans[] = {{"dial_timeout", options.dial_timeout},
                     {"write_timeout", options.write_timeout},
                     {"read_timeout", options.read_timeout},
                     {"operation_timeout", options.operation_timeout},
                     {"health_check", options.health_check},
                     {"sentinel.master_check", options.sentinel ? options.sentinel->master_check : duration::zero()},
                     {"sentinel.reassert_window", options.sentinel ? options.sentinel->reassert_window : duration::zero()}};
  for (auto const& [name, span] : spans)
    if (span < duration::zero()) return refuse(why, name, text(span), "it must not be negative; zero means the default");
  if (options.durability) {
    auto const probing = options.health_check == duration::zero() ? std::chrono::seconds(2) : options.health_check;
    if (options.durability->replicas == 0) return refuse(why, "durability.replicas", "is 0", "it must be above zero, or durability empty");
    if (options.durability->within < std::chrono::milliseconds(1) || options.durability->within >= probing / 2)
      return refuse(why, "durability.within", text(options.durability->within), "it must be at least 1 ms and shorter than half of health_check, which is " + detail::span_text(probing));
  }
  if (options.max_in_flight == 0) return refuse(why, "max_in_flight", "is 0", "it must be above zero");
  return {};
}

}  // namespace mooring
