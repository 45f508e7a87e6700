#include <mooring/storage/detail/admit.hpp>

#include <mooring/core/identifier.hpp>

namespace mooring::detail {

result<> admit(std::string_view id, std::optional<duration> deadline, asio::cancellation_type cancelled) {
  if (auto valid = check_id(id); !valid) return valid;
  if (cancelled != asio::cancellation_type::none) return make_error_code(errc::cancelled);
  if (deadline && *deadline <= duration::zero()) return make_error_code(errc::deadline_exceeded);
  return {};
}

result<> admit(std::string_view id, create_options const& call, asio::cancellation_type cancelled) {
  if (call.ttl ? *call.ttl <= duration::zero() : call.is_fixed) return make_error_code(errc::invalid_argument);
  return admit(id, call.deadline, cancelled);
}

}  // namespace mooring::detail
