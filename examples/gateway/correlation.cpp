#include "correlation.hpp"

#include "json_text.hpp"

#include "mcp/jsonrpc.hpp"

#include <charconv>

namespace mooring::gateway {

std::string in_flight::begin(std::string_view client_id) {
  std::lock_guard lock(mutex_);
  auto const id = next_++;
  client_ids_.emplace(id, client_id);
  return std::to_string(id);
}

void in_flight::end(std::string_view backend_id) {
  std::uint64_t id = 0;
  std::from_chars(backend_id.data(), backend_id.data() + backend_id.size(), id);
  std::lock_guard lock(mutex_);
  client_ids_.erase(id);
}

std::vector<std::string> in_flight::standing_for(std::string_view client_id) const {
  std::vector<std::string> found;
  std::lock_guard lock(mutex_);
  for (auto const& [id, standing_for] : client_ids_)
    if (standing_for == client_id) found.push_back(std::to_string(id));
  return found;
}

std::size_t in_flight::size() const {
  std::lock_guard lock(mutex_);
  return client_ids_.size();
}

std::string client_facing_id(std::string_view backend, std::string_view backend_id) {
  return mcp::quoted(std::string(backend).append(":").append(backend_id));
}

std::optional<std::pair<std::string, std::string>> backend_id_of(std::string_view client_facing) {
  auto const text = string_value(client_facing);
  auto const colon = text ? text->find(':') : std::string::npos;
  if (colon == std::string::npos) return std::nullopt;
  auto id = text->substr(colon + 1);
  // Only a string or a number, or the answer would smuggle other members into the message.
  bool const is_number = !id.empty() && id.find_first_not_of("0123456789+-.eE") == std::string::npos;
  if (!is_number && !string_value(id)) return std::nullopt;
  return std::pair(text->substr(0, colon), std::move(id));
}

}  // namespace mooring::gateway
