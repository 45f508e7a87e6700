#include <mooring/session/transport_codec.hpp>

#include "session/json_reader.hpp"
#include "session/transport_time.hpp"

#include <mooring/core/identifier.hpp>

#include <optional>
#include <utility>

namespace mooring {
namespace {

using detail::json_member;
using detail::json_reader;

error_code refuse(errc error, std::string* why, std::string const& sentence) {
  if (why) *why = sentence;
  return make_error_code(error);
}

// What is wrong with an id or a type, as the end of a sentence.
char const* fault_in_id(std::string_view id) {
  if (id.empty()) return "is empty";
  return is_valid_id(id) ? nullptr : "is not 1 to 256 bytes of visible ASCII";
}

bool is_known(std::string_view key) noexcept {
  for (std::string_view const known : {"id", "type", "created_at", "updated_at", "data", "metadata"})
    if (key == known) return true;
  return false;
}

// Reads the members one by one; the first fault ends it.
class record_reader {
 public:
  // False: `fault` says why.
  bool take(json_member&& member) {
    auto const& [key, value] = member;
    if (key == "id") return take_text(member, record.id, has_id);
    if (key == "type") return take_text(member, record.type, has_type);
    if (key == "created_at") return take_time(member, record.created_at, has_created);
    if (key == "updated_at") return take_time(member, record.updated_at, has_updated);
    if (key == "data") return record.data = std::move(member.value), true;
    if (key == "metadata") return take_metadata(value);
    record.others.emplace(std::move(member.key), std::move(member.value));
    return true;
  }

  bool is_complete() {
    if (!has_id) return fail("lacks its id");
    if (!has_type) return fail("lacks its type");
    if (!has_created) return fail("lacks created_at");
    if (!has_updated) return fail("lacks updated_at");
    if (auto const* const wrong = fault_in_id(record.id)) return fail(std::string("has an id that ") + wrong);
    return !record.type.empty() || fail("has a type that is empty");
  }

  transport_record record;
  std::string fault;

 private:
  bool fail(std::string what) {
    fault = std::move(what);
    return false;
  }

  bool take_text(json_member const& member, std::string& to, bool& has) {
    auto text = json_reader::string(member.value);
    if (!text) return fail("has a member " + member.key + " that is not a string");
    to = std::move(*text);
    return has = true;
  }

  bool take_time(json_member const& member, wall_time& to, bool& has) {
    auto const text = json_reader::string(member.value);
    auto const moment = text ? detail::parse_time(*text) : std::nullopt;
    if (!moment) return fail("has a " + member.key + " that is not a moment as YYYY-MM-DDThh:mm:ss.nnnnnnnnnZ");
    to = *moment;
    return has = true;
  }

  bool take_metadata(json_text const& value) {
    auto members = json_reader::members(value);
    if (!members) return fail("has metadata that are not an object");
    for (auto& [key, text] : *members) {
      auto content = json_reader::string(text);
      if (!content) return fail("has metadata with a value that is not a string");
      record.metadata.emplace(std::move(key), std::move(*content));
    }
    return true;
  }

  bool has_id = false;
  bool has_type = false;
  bool has_created = false;
  bool has_updated = false;
};

}  // namespace

std::string serialize(transport_session const& session) {
  auto const record = session.record();
  std::string out = "{\"id\":" + detail::quoted(record.id) + ",\"type\":" + detail::quoted(record.type);
  out += ",\"created_at\":\"" + detail::write_time(record.created_at) + "\",\"updated_at\":\"" + detail::write_time(record.updated_at) + '"';
  if (record.data) out += ",\"data\":" + record.data->text();
  if (!record.metadata.empty()) {
    char separator = '{';
    out += ",\"metadata\":";
    for (auto const& [key, value] : record.metadata) {
      out += std::exchange(separator, ',');
      out += detail::quoted(key) + ':' + detail::quoted(value);
    }
    out += '}';
  }
  for (auto const& [key, value] : record.others) out += ',' + detail::quoted(key) + ':' + value.text();
  return out + '}';
}

result<transport_session_ptr> deserialize(std::string_view text, std::string* why) {
  auto const refused = [why](std::string const& fault) { return refuse(errc::corrupt_record, why, "The record " + fault + "."); };
  char const* fault = nullptr;
  auto const whole = json_reader::parse(text, json_text::max_depth + 1, fault);  // data may be as deep as any JSON text
  if (!whole) return refused(fault);
  auto members = json_reader::members(*whole);
  if (!members) return refused("is not a JSON object");
  record_reader reader;
  for (auto& member : *members)
    if (!reader.take(std::move(member))) return refused(reader.fault);
  if (!reader.is_complete()) return refused(reader.fault);
  return restore_transport_session(std::move(reader.record));
}

result<> value_traits<transport_session_ptr>::check(transport_session_ptr const& value, text_limits const& limits, std::string* why) {
  if (!value) return refuse(errc::invalid_argument, why, "The session is null.");
  auto const record = value->record();
  if (auto const* const wrong = fault_in_id(record.id)) return refuse(errc::invalid_id, why, std::string("The session's id ") + wrong + ".");
  if (record.type.empty()) return refuse(errc::invalid_argument, why, "The session's type is empty.");
  if (record.type.size() > limits.max_key_bytes)
    return refuse(errc::too_large, why, "The session's type has " + std::to_string(record.type.size()) + " bytes; at most " + std::to_string(limits.max_key_bytes) + " are allowed.");
  if (!is_valid_utf8(record.type)) return refuse(errc::invalid_argument, why, "The session's type is not well-formed UTF-8.");
  auto size = record.data ? record.data->text().size() : 0;
  for (auto const& [key, other] : record.others) {
    if (is_known(key) || !is_valid_utf8(key)) return refuse(errc::invalid_argument, why, "Among the session's other members is one of its own, or one that is not UTF-8.");
    size += key.size() + other.text().size();
  }
  if (size > limits.max_total_bytes)
    return refuse(errc::too_large, why, "The session's data have " + std::to_string(size) + " bytes; at most " + std::to_string(limits.max_total_bytes) + " are allowed.");
  return check_text_map(record.metadata, limits, why);
}

void value_traits<transport_session_ptr>::close(transport_session_ptr& value) {
  if (auto* const found = dynamic_cast<closable*>(value.get())) found->close();
}

std::string value_traits<transport_session_ptr>::encode(transport_session_ptr const& value) { return serialize(*value); }

result<transport_session_ptr> value_traits<transport_session_ptr>::decode(std::string_view text) { return deserialize(text); }

}  // namespace mooring
