#include <mooring/storage/redis_options.hpp>

#include "storage/redis_tls.hpp"

#include <string_view>

namespace mooring {
namespace {

error_code refuse(std::string* why, std::string const& field, std::string const& is, std::string const& rule) {
  if (why) *why = "redis_storage_options::" + field + " " + is + "; " + rule + ".";
  return make_error_code(errc::invalid_argument);
}

std::string text(duration span) { return "is " + std::to_string(span.count()) + " ns"; }

bool is_plain(std::string_view prefix) noexcept {
  for (char const c : prefix)
    if (c < 0x21 || c > 0x7E || std::string_view("*?[]\\^").find(c) != std::string_view::npos) return false;
  return true;
}

}  // namespace

result<> check(redis_storage_options const& options, std::string* why) {
  bool const has_socket = !options.unix_socket.empty();
  if (!options.address && !has_socket) return refuse(why, "address", "is missing", "give exactly one of address and unix_socket");
  if (options.address && has_socket) return refuse(why, "address", "is given together with unix_socket", "give exactly one of the two");
  if (options.address && (options.address->host.empty() || options.address->port.empty())) return refuse(why, "address", "lacks its host or port", "give both");
  if (options.tls && has_socket) return refuse(why, "tls", "is given for a unix_socket", "a socket is used without TLS");
  if (options.tls) {
    auto const context = detail::make_tls_context(*options.tls, options.address->host, {}, why);
    if (!context) return context.error();
  }
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
                     {"health_check", options.health_check}};
  for (auto const& [name, span] : spans)
    if (span < duration::zero()) return refuse(why, name, text(span), "it must not be negative; zero means the default");
  if (options.max_in_flight == 0) return refuse(why, "max_in_flight", "is 0", "it must be above zero");
  return {};
}

}  // namespace mooring
