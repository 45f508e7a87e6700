#include "wishes.hpp"

#include "json_text.hpp"

namespace mooring::gateway {

bool wishes::is_lasting(std::string_view method) {
  return method == "logging/setLevel" || method == "resources/subscribe" || method == "resources/unsubscribe";
}

void wishes::note(mcp::message const& asked) {
  auto const& method = asked.method();
  if (!is_lasting(method)) return;
  if (method == "logging/setLevel") {
    if (asked.text().size() <= max_bytes) level_ = asked.text();
    return;
  }
  auto const uri = member_at(asked.text(), "params", "uri");
  if (!uri || uri->size() > max_bytes) return;
  if (method == "resources/unsubscribe")
    subscribed_.erase(std::string(*uri));
  else if (subscribed_.size() < max_subscriptions)
    subscribed_.emplace(*uri);
}

std::vector<std::string> wishes::to_repeat() const {
  std::vector<std::string> requests;
  if (level_) requests.push_back(*level_);
  for (auto const& uri : subscribed_)
    requests.push_back(std::string(R"({"jsonrpc":"2.0","id":0,"method":"resources/subscribe","params":{"uri":)").append(uri).append("}}"));
  return requests;
}

}  // namespace mooring::gateway
