#include "storage/record_codec.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

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

std::string write_record(std::string_view id, revision const& rev, record_body const& body) {
  json::object made;
  made.emplace("v", version);
  made.emplace("id", id);
  made.emplace("rev", rev.text());
  if (auto const* const texts = std::get_if<text_map>(&body)) made.emplace("metadata", object_of(*texts));
  else made.emplace("data", std::get<std::string>(body));
  made.emplace("hints", json::object());
  return json::serialize(made);
}

result<read_record> parse_record(std::string_view id, std::string_view text) {
  boost::system::error_code ec;
  auto const parsed = json::parse(text, ec);
  auto const* const object = ec ? nullptr : parsed.if_object();
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
  read_record found;
  found.record.revision = *revision_read;
  found.is_fixed = object->contains("until");
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
