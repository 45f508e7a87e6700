#include <mooring/session/transport_session.hpp>

#include <mooring/session/sse_session.hpp>

#include <utility>

namespace mooring {

transport_session::transport_session(std::string id, std::string type, wall_time now)
    : transport_session(transport_record(std::move(id), std::move(type), now)) {}

transport_session::transport_session(transport_record restored) : record_(std::move(restored)) {}

transport_session::~transport_session() = default;

wall_time transport_session::updated_at() const {
  std::lock_guard lock(mutex_);
  return record_.updated_at;
}

std::optional<json_text> transport_session::data() const {
  std::lock_guard lock(mutex_);
  return record_.data;
}

text_map transport_session::metadata() const {
  std::lock_guard lock(mutex_);
  return record_.metadata;
}

std::optional<std::string> transport_session::metadata(std::string_view key) const {
  std::lock_guard lock(mutex_);
  auto const place = record_.metadata.find(key);
  if (place == record_.metadata.end()) return std::nullopt;
  return place->second;
}

transport_record transport_session::record() const {
  std::lock_guard lock(mutex_);
  return record_;
}

void transport_session::set_data(std::optional<json_text> data, wall_time now) {
  std::lock_guard lock(mutex_);
  record_.data.swap(data);  // the old data die with the parameter, after the lock
  record_.updated_at = now;
}

void transport_session::set_metadata(text_map metadata, wall_time now) {
  std::lock_guard lock(mutex_);
  record_.metadata.swap(metadata);
  record_.updated_at = now;
}

void transport_session::set_metadata(std::string key, std::string value, wall_time now) {
  std::lock_guard lock(mutex_);
  record_.metadata.insert_or_assign(std::move(key), std::move(value));
  record_.updated_at = now;
}

transport_session_ptr make_transport_session(std::string id, std::string type, wall_time now) {
  if (type == transport_type::sse) return std::make_shared<sse_session>(std::move(id), now);
  if (type == transport_type::streamable) return std::make_shared<streamable_session>(std::move(id), now);
  return std::make_shared<transport_session>(std::move(id), std::move(type), now);
}

transport_session_ptr restore_transport_session(transport_record stored) {
  if (stored.type == transport_type::sse) return std::make_shared<sse_session>(std::move(stored));
  if (stored.type == transport_type::streamable) return std::make_shared<streamable_session>(std::move(stored));
  return std::make_shared<transport_session>(std::move(stored));
}

}  // namespace mooring
