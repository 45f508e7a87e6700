#include "mcp/jsonrpc.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

namespace mooring::mcp {
namespace {

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

bool is_id(json::value const& id) noexcept { return id.is_string() || id.is_number(); }

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

json::object const& message::object(std::string_view member) const noexcept {
  static json::object const none;
  auto const* found = document_.if_contains(member);
  return found && found->is_object() ? found->get_object() : none;
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
  json::parse_options options;
  options.max_depth = max_depth;
  boost::system::error_code failure;
  auto document = json::parse(text, failure, {}, options);
  if (failure) return rejection(code::parse_error, "Parse error: the body is not JSON");
  if (document.is_array()) {
    rejection batch(code::invalid_request, "Invalid Request: batches are not supported");
    batch.is_batch = true;
    return batch;
  }
  if (!document.is_object()) return rejection(code::invalid_request, "Invalid Request: not a JSON-RPC message");

  message made;
  made.text_ = std::move(text);
  made.document_ = std::move(document.get_object());
  walker walk(made.text_);
  bool has_duplicate = false;
  walk.skip_space();
  walk.step();
  for (walk.skip_space(); walk.at() != '}'; walk.skip_space()) {
    if (made.members_.size() == max_members) return rejection(code::invalid_request, "Invalid Request: too many members");
    auto const name_begin = walk.place();
    walk.skip_string();
    // Parsed, because a name may be written with escapes.
    auto const name = json::parse(std::string_view(made.text_).substr(name_begin, walk.place() - name_begin));
    walk.skip_space();
    walk.step();
    walk.skip_space();
    auto const begin = walk.place();
    walk.skip_value();
    has_duplicate = has_duplicate || made.find(name.get_string());
    made.members_.push_back({std::string(name.get_string()), begin, walk.place()});
    walk.skip_space();
    if (walk.at() == ',') walk.step();
  }
  auto const* id = made.document_.if_contains("id");
  auto const raw_id = id && is_id(*id) && !has_duplicate ? std::string(made.raw("id")) : std::string();
  auto const refuse = [&raw_id](std::string_view why) { return rejection(code::invalid_request, "Invalid Request: " + std::string(why), raw_id); };

  if (has_duplicate) return refuse("a member occurs twice");
  auto const* version = made.document_.if_contains("jsonrpc");
  if (!version || *version != "2.0") return refuse("jsonrpc is not \"2.0\"");
  auto const* method = made.document_.if_contains("method");
  bool const has_result = made.find("result");
  bool const has_error = made.find("error");
  if (method) {
    if (!method->is_string()) return refuse("the method is not a string");
    if (has_result || has_error) return refuse("both a request and a response");
    if (id && !is_id(*id)) return refuse("the id is neither a string nor a number");
    auto const* params = made.document_.if_contains("params");
    if (params && !params->is_object() && !params->is_array()) return refuse("params is neither an object nor an array");
    made.method_ = method->get_string();
    made.type_ = id ? message::kind::request : message::kind::notification;
    return made;
  }
  if (has_result == has_error) return refuse("neither a request nor a response");
  made.type_ = has_result ? message::kind::result : message::kind::error;
  // Only an error about a request that could not be read has no id, or a null one.
  if (id && is_id(*id)) return made;
  if (has_result || (id && !id->is_null())) return refuse("a response without an id");
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
