#include "mcp/jsonrpc.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>

namespace mooring::mcp {
namespace {

// What a parser tells about a text whose values nobody wants: only that it is JSON.
struct unheard {
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = max_object_size;
  static constexpr std::size_t max_key_size = max_object_size;
  static constexpr std::size_t max_string_size = max_object_size;

  using code = boost::system::error_code;
  bool on_document_begin(code&) { return true; }
  bool on_document_end(code&) { return true; }
  bool on_object_begin(code&) { return true; }
  bool on_object_end(std::size_t, code&) { return true; }
  bool on_array_begin(code&) { return true; }
  bool on_array_end(std::size_t, code&) { return true; }
  bool on_key_part(json::string_view, std::size_t, code&) { return true; }
  bool on_key(json::string_view, std::size_t, code&) { return true; }
  bool on_string_part(json::string_view, std::size_t, code&) { return true; }
  bool on_string(json::string_view, std::size_t, code&) { return true; }
  bool on_number_part(json::string_view, code&) { return true; }
  bool on_int64(std::int64_t, json::string_view, code&) { return true; }
  bool on_uint64(std::uint64_t, json::string_view, code&) { return true; }
  bool on_double(double, json::string_view, code&) { return true; }
  bool on_bool(bool, code&) { return true; }
  bool on_null(code&) { return true; }
  bool on_comment_part(json::string_view, code&) { return true; }
  bool on_comment(json::string_view, code&) { return true; }
};

bool is_json_text(std::string_view text, std::size_t max_depth) {
  json::parse_options options;
  options.max_depth = max_depth;
  json::basic_parser<unheard> parser(options);
  boost::system::error_code failure;
  auto const read = parser.write_some(false, text.data(), text.size(), failure);
  return !failure && read == text.size();
}

// Walks over JSON text that a parser has accepted already, so it only has to know where a value ends.
class walker {
 public:
  explicit walker(std::string_view text) : text_(text) {}

  void skip_space() {
    while (place_ < text_.size() && (text_[place_] == ' ' || text_[place_] == '\t' || text_[place_] == '\n' || text_[place_] == '\r')) ++place_;
  }

  char at() const { return text_[place_]; }
  void step() { ++place_; }
  std::size_t place() const { return place_; }

  void skip_string() {
    for (++place_; text_[place_] != '"'; ++place_)
      if (text_[place_] == '\\') ++place_;
    ++place_;
  }

  void skip_value() {
    std::size_t depth = 0;
    do {
      char const c = at();
      if (c == '"') {
        skip_string();
        continue;
      }
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      ++place_;
      // A number or a literal ends before what delimits it.
      if (depth == 0 && c != '}' && c != ']')
        while (place_ < text_.size() && std::string_view(",}] \t\r\n").find(at()) == std::string_view::npos) ++place_;
    } while (depth > 0);
  }

 private:
  std::string_view text_;
  std::size_t place_ = 0;
};

// What kind of value a valid text is shows in its first byte.
bool is_text(std::string_view raw) noexcept { return raw.starts_with('"'); }
bool is_id(std::string_view raw) noexcept { return is_text(raw) || raw.starts_with('-') || (!raw.empty() && raw.front() >= '0' && raw.front() <= '9'); }

// Names and texts are parsed, because they may be written with escapes.
std::string text_value(std::string_view raw) { return std::string(json::parse(raw).get_string()); }

std::string envelope(std::string_view raw_id, std::string_view member, std::string_view raw_value) {
  std::string out = R"({"jsonrpc":"2.0",)";
  if (!raw_id.empty()) {
    out += R"("id":)";
    out += raw_id;
    out += ',';
  }
  out += '"';
  out += member;
  out += "\":";
  out += raw_value;
  out += '}';
  return out;
}

std::string call(std::string_view raw_id, std::string_view method, json::value const& params) {
  std::string out = R"({"jsonrpc":"2.0",)";
  if (!raw_id.empty()) {
    out += R"("id":)";
    out += raw_id;
    out += ',';
  }
  out += R"("method":)" + quoted(method);
  if (!params.is_null()) out += R"(,"params":)" + json::serialize(params);
  out += '}';
  return out;
}

}  // namespace

json::object message::object(std::string_view member) const {
  auto const written = raw(member);
  if (!written.starts_with('{')) return {};
  json::parse_options options;
  options.max_depth = std::numeric_limits<std::uint32_t>::max();  // bounded when the message was read
  return json::parse(written, {}, options).get_object();
}

message::span const* message::find(std::string_view member) const noexcept {
  auto const place = std::ranges::find(members_, member, &span::name);
  return place == members_.end() ? nullptr : &*place;
}

std::string_view message::raw(std::string_view member) const noexcept {
  auto const* place = find(member);
  return place ? std::string_view(text_).substr(place->begin, place->end - place->begin) : std::string_view();
}

std::string message::with_id(std::string_view raw_id) const { return with("id", raw_id); }

std::string message::with(std::string_view member, std::string_view raw_value) const {
  auto const* place = find(member);
  if (!place) return text_;
  std::string out;
  out.reserve(text_.size() + raw_value.size());
  out.append(text_, 0, place->begin);
  out += raw_value;
  out.append(text_, place->end);
  return out;
}

std::variant<message, rejection> parse_message(std::string text, std::size_t max_depth) {
  if (!is_json_text(text, max_depth)) return rejection(code::parse_error, "Parse error: the body is not JSON");
  message made;
  made.text_ = std::move(text);
  walker walk(made.text_);
  bool has_duplicate = false;
  walk.skip_space();
  if (walk.at() == '[') {
    rejection batch(code::invalid_request, "Invalid Request: batches are not supported");
    batch.is_batch = true;
    return batch;
  }
  if (walk.at() != '{') return rejection(code::invalid_request, "Invalid Request: not a JSON-RPC message");
  walk.step();
  for (walk.skip_space(); walk.at() != '}'; walk.skip_space()) {
    if (made.members_.size() == max_members) return rejection(code::invalid_request, "Invalid Request: too many members");
    auto const name_begin = walk.place();
    walk.skip_string();
    auto name = text_value(std::string_view(made.text_).substr(name_begin, walk.place() - name_begin));
    walk.skip_space();
    walk.step();
    walk.skip_space();
    auto const begin = walk.place();
    walk.skip_value();
    has_duplicate = has_duplicate || made.find(name);
    made.members_.push_back({std::move(name), begin, walk.place()});
    walk.skip_space();
    if (walk.at() == ',') walk.step();
  }
  bool const has_id = made.find("id");
  auto const raw_id = is_id(made.raw("id")) && !has_duplicate ? std::string(made.raw("id")) : std::string();
  auto const refuse = [&raw_id](std::string_view why) { return rejection(code::invalid_request, "Invalid Request: " + std::string(why), raw_id); };

  if (has_duplicate) return refuse("a member occurs twice");
  auto const version = made.raw("jsonrpc");
  if (!is_text(version) || text_value(version) != "2.0") return refuse("jsonrpc is not \"2.0\"");
  bool const has_result = made.find("result");
  bool const has_error = made.find("error");
  if (made.find("method")) {
    auto const method = made.raw("method");
    if (!is_text(method)) return refuse("the method is not a string");
    if (has_result || has_error) return refuse("both a request and a response");
    if (has_id && raw_id.empty()) return refuse("the id is neither a string nor a number");
    auto const params = made.raw("params");
    if (!params.empty() && !params.starts_with('{') && !params.starts_with('[')) return refuse("params is neither an object nor an array");
    made.method_ = text_value(method);
    made.type_ = has_id ? message::kind::request : message::kind::notification;
    return made;
  }
  if (has_result == has_error) return refuse("neither a request nor a response");
  made.type_ = has_result ? message::kind::result : message::kind::error;
  // Only an error about a request that could not be read has no id, or a null one.
  if (!raw_id.empty()) return made;
  if (has_result || (has_id && made.raw("id") != "null")) return refuse("a response without an id");
  std::erase_if(made.members_, [](auto const& member) { return member.name == "id"; });
  return made;
}

std::string quoted(std::string_view text) { return json::serialize(json::string_view(text)); }

std::string make_result(std::string_view raw_id, json::value const& result) { return make_raw_result(raw_id, json::serialize(result)); }

std::string make_raw_result(std::string_view raw_id, std::string_view raw_result) { return envelope(raw_id, "result", raw_result); }

std::string make_error(std::string_view raw_id, int error, std::string_view text, std::optional<json::value> const& data) {
  json::object body{{"code", error}, {"message", text}};
  if (data) body["data"] = *data;
  return envelope(raw_id, "error", json::serialize(body));
}

std::string make_error(rejection const& refused) { return make_error(refused.id, refused.error, refused.message); }

std::string make_request(std::string_view raw_id, std::string_view method, json::value const& params) { return call(raw_id, method, params); }

std::string make_notification(std::string_view method, json::value const& params) { return call({}, method, params); }

}  // namespace mooring::mcp
