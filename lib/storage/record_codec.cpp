#include "storage/record_codec.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/storage_ptr.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_stack.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <variant>

namespace mooring::detail {
namespace {

namespace json = boost::json;

constexpr int version = 1;

json::object object_of(text_map const& texts) {
  json::object made;
  made.reserve(texts.size());
  for (auto const& [key, value] : texts) made.emplace(key, value);
  return made;
}

// Builds a document, and counts the members in the text.
struct document_builder {
  static constexpr std::size_t max_object_size = json::object::max_size();
  static constexpr std::size_t max_array_size = json::array::max_size();
  static constexpr std::size_t max_key_size = json::string::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();

  document_builder(json::storage_ptr memory, std::span<unsigned char> room) : stack({}, room.data(), room.size()) { stack.reset(std::move(memory)); }

  json::value_stack stack;
  std::size_t members = 0;

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) { return true; }
  bool on_object_end(std::size_t size, error_code&) { return stack.push_object(size), members += size, true; }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(std::size_t size, error_code&) { return stack.push_array(size), true; }
  bool on_key_part(json::string_view part, std::size_t, error_code&) { return stack.push_chars(part), true; }
  bool on_key(json::string_view part, std::size_t, error_code&) { return stack.push_key(part), true; }
  bool on_string_part(json::string_view part, std::size_t, error_code&) { return stack.push_chars(part), true; }
  bool on_string(json::string_view part, std::size_t, error_code&) { return stack.push_string(part), true; }
  bool on_number_part(json::string_view, error_code&) { return true; }
  bool on_int64(std::int64_t number, json::string_view, error_code&) { return stack.push_int64(number), true; }
  bool on_uint64(std::uint64_t number, json::string_view, error_code&) { return stack.push_uint64(number), true; }
  bool on_double(double number, json::string_view, error_code&) { return stack.push_double(number), true; }
  bool on_bool(bool value, error_code&) { return stack.push_bool(value), true; }
  bool on_null(error_code&) { return stack.push_null(), true; }
  bool on_comment_part(json::string_view, error_code&) { return true; }
  bool on_comment(json::string_view, error_code&) { return true; }
};

std::size_t members_of(json::value const& of) {
  std::size_t count = 0;
  if (auto const* const object = of.if_object()) {
    count += object->size();
    for (auto const& [key, value] : *object) count += members_of(value);
  } else if (auto const* const array = of.if_array()) {
    for (auto const& value : *array) count += members_of(value);
  }
  return count;
}

// One JSON text, in which no object has a name twice: a document forgets that one did, and so has fewer members than the text.
std::optional<json::value> parse(std::string_view text, json::storage_ptr memory) {
  std::array<unsigned char, 1024> room;  // for what is not complete yet
  json::basic_parser<document_builder> parser(json::parse_options(), std::move(memory), room);
  boost::system::error_code ec;
  auto const used = parser.write_some(false, text.data(), text.size(), ec);
  if (ec || used != text.size()) return std::nullopt;
  auto made = parser.handler().stack.release();
  if (members_of(made) != parser.handler().members) return std::nullopt;
  return made;
}

// A moment is what scripts of the store calculate with: milliseconds since 1970, later than that. Or it is not there.
bool is_moment_or_absent(json::object const& in, std::string_view name) {
  auto const* const found = in.if_contains(name);
  if (!found) return true;
  if (found->is_double()) return found->get_double() > 0 && found->get_double() < 1e18;
  return found->is_int64() && found->get_int64() > 0;
}

// False when there is anything but texts in it.
bool read_texts(json::value const& from, text_map& to) {
  auto const* const object = from.if_object();
  if (!object) return false;
  for (auto const& [key, value] : *object) {
    auto const* const text = value.if_string();
    if (!text) return false;
    to.emplace(std::string(key), std::string(*text));
  }
  return true;
}

}  // namespace

std::string write_texts(text_map const& texts) { return json::serialize(object_of(texts)); }

std::string write_record(std::string_view id, revision const& rev, record_body const& body, std::int64_t ttl) {
  json::object made;
  made.emplace("v", version);
  made.emplace("id", id);
  made.emplace("rev", rev.text());
  if (auto const* const texts = std::get_if<text_map>(&body)) made.emplace("metadata", object_of(*texts));
  else made.emplace("data", std::get<std::string>(body));
  made.emplace("hints", json::object());
  if (ttl > 0) made.emplace("ttl", ttl);
  return json::serialize(made);
}

result<read_record> parse_record(std::string_view id, std::string_view text) {
  // What is read is copied out: a record of usual size is taken apart without allocating.
  std::array<unsigned char, 2048> room;
  json::monotonic_resource memory(room.data(), room.size());
  auto const parsed = parse(text, &memory);
  auto const* const object = parsed ? parsed->if_object() : nullptr;
  if (!object) return make_error_code(errc::corrupt_record);
  auto const* const written = object->if_contains("v");
  if (!written || !written->is_int64() || written->get_int64() < 1) return make_error_code(errc::corrupt_record);
  if (written->get_int64() > version) return make_error_code(errc::unsupported_version);
  auto const* const own_id = object->if_contains("id");
  if (!own_id || !own_id->is_string() || std::string_view(own_id->get_string()) != id) return make_error_code(errc::corrupt_record);
  auto const* const rev = object->if_contains("rev");
  if (!rev || !rev->is_string()) return make_error_code(errc::corrupt_record);
  auto const revision_read = revision::parse(rev->get_string());
  if (!revision_read) return revision_read.error();
  if (!is_moment_or_absent(*object, "created") || !is_moment_or_absent(*object, "until")) return make_error_code(errc::corrupt_record);
  read_record found;
  found.record.revision = *revision_read;
  found.is_fixed = object->contains("until");
  if (auto const* const ttl = object->if_contains("ttl"); ttl && ttl->is_int64()) found.ttl = ttl->get_int64();
  auto const* const metadata = object->if_contains("metadata");
  auto const* const data = object->if_contains("data");
  if (metadata && !data) {
    text_map texts;
    if (!read_texts(*metadata, texts)) return make_error_code(errc::corrupt_record);
    found.record.body = std::move(texts);
  } else if (data && !metadata && data->is_string()) {
    found.record.body = std::string(data->get_string());
  } else {
    return make_error_code(errc::corrupt_record);
  }
  auto const* const hints = object->if_contains("hints");
  if (hints && !read_texts(*hints, found.record.hints)) return make_error_code(errc::corrupt_record);
  return found;
}

}  // namespace mooring::detail
