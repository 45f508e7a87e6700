#include "conformance.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace mooring::echo::conformance {

namespace json = boost::json;
namespace {

constexpr auto pause = std::chrono::milliseconds(50);

// One red pixel, and one silent sample.
constexpr std::string_view png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
constexpr std::string_view wav = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQIAAAAAAA==";

json::object text(std::string_view what) { return {{"type", "text"}, {"text", what}}; }
json::object image() { return {{"type", "image"}, {"data", png}, {"mimeType", "image/png"}}; }

json::object embedded(std::string_view uri, std::string_view mime_type, std::string_view what) {
  return {{"type", "resource"}, {"resource", json::object{{"uri", uri}, {"mimeType", mime_type}, {"text", what}}}};
}

json::object content(json::array parts) { return {{"content", std::move(parts)}}; }

json::object failed(std::string_view why) { return {{"content", json::array{text(why)}}, {"isError", true}}; }

json::object user_says(json::object what) { return {{"role", "user"}, {"content", std::move(what)}}; }

std::string text_of(json::object const& in, std::string_view member) {
  auto const* found = in.if_contains(member);
  return found && found->is_string() ? std::string(found->get_string()) : std::string();
}

// What a tool asks of the user, by the tool's name.
json::object form_of(std::string_view tool) {
  static json::object const forms = json::parse(R"({
    "test_elicitation": {"type": "object", "required": ["username", "email"], "properties": {
      "username": {"type": "string", "description": "User's response"}, "email": {"type": "string", "description": "User's email address"}}},
    "test_elicitation_sep1034_defaults": {"type": "object", "required": [], "properties": {
      "name": {"type": "string", "default": "John Doe"}, "age": {"type": "integer", "default": 30}, "score": {"type": "number", "default": 95.5},
      "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"}, "verified": {"type": "boolean", "default": true}}},
    "test_elicitation_sep1330_enums": {"type": "object", "required": [], "properties": {
      "untitledSingle": {"type": "string", "enum": ["option1", "option2", "option3"]},
      "titledSingle": {"type": "string", "oneOf": [
        {"const": "value1", "title": "First Option"}, {"const": "value2", "title": "Second Option"}, {"const": "value3", "title": "Third Option"}]},
      "legacyEnum": {"type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": ["Option One", "Option Two", "Option Three"]},
      "untitledMulti": {"type": "array", "items": {"type": "string", "enum": ["option1", "option2", "option3"]}},
      "titledMulti": {"type": "array", "items": {"anyOf": [
        {"const": "value1", "title": "First Choice"}, {"const": "value2", "title": "Second Choice"}, {"const": "value3", "title": "Third Choice"}]}}}}
  })").as_object();
  return forms.at(tool).as_object();
}

awaitable<json::object> elicit(std::shared_ptr<session> in, std::string tool, std::string message, std::shared_ptr<call_channel> channel) {
  if (!in->client_can("elicitation")) co_return failed("the client cannot be asked for input");
  json::object params{{"message", std::move(message)}, {"requestedSchema", form_of(tool)}};
  auto const answered = co_await channel->ask("elicitation/create", std::move(params));
  if (!answered) co_return failed("the client did not answer");
  auto const& said = answered->result();
  auto const* given = said.if_contains("content");
  auto const shown = "action=" + text_of(said, "action") + ", content=" + (given ? json::serialize(*given) : "{}");
  co_return content({text((tool == "test_elicitation" ? "User response: " : "Elicitation completed: ") + shown)});
}

awaitable<json::object> sample(std::shared_ptr<session> in, std::string question, std::shared_ptr<call_channel> channel) {
  if (!in->client_can("sampling")) co_return failed("the client cannot sample");
  json::object params{{"messages", json::array{user_says(text(question))}}, {"maxTokens", 100}};
  auto const answered = co_await channel->ask("sampling/createMessage", std::move(params));
  if (!answered) co_return failed("the client did not answer");
  auto const answer = answered->result();
  auto const* said = answer.if_contains("content");
  co_return content({text("LLM response: " + (said && said->is_object() ? text_of(said->get_object(), "text") : std::string()))});
}

awaitable<json::object> log(std::shared_ptr<call_channel> channel) {
  for (std::string_view const line : {"Tool execution started", "Tool processing data", "Tool execution completed"}) {
    json::object params{{"level", "info"}, {"logger", "conformance"}, {"data", line}};
    channel->notify("notifications/message", std::move(params));
    auto const slept = co_await sleep_for(pause);
    if (!slept) break;
  }
  co_return content({text("Three messages were logged.")});
}

awaitable<json::object> progress(std::shared_ptr<call_channel> channel) {
  for (int const done : {0, 50, 100}) {
    channel->report(done, 100);
    auto const slept = co_await sleep_for(pause);
    if (!slept) break;
  }
  co_return content({text("Progress was reported.")});
}

}  // namespace

json::value const& tools() {
  static json::value const all = json::parse(R"([
    {"name": "test_simple_text", "description": "Returns a text.", "inputSchema": {"type": "object", "properties": {}}},
    {"name": "test_image_content", "description": "Returns an image.", "inputSchema": {"type": "object", "properties": {}}},
    {"name": "test_audio_content", "description": "Returns a sound.", "inputSchema": {"type": "object", "properties": {}}},
    {"name": "test_embedded_resource", "description": "Returns a resource.", "inputSchema": {"type": "object", "properties": {}}},
    {"name": "test_multiple_content_types", "description": "Returns several kinds of content.", "inputSchema": {"type": "object", "properties": {}}},
    {"name": "test_tool_with_logging", "description": "Logs while it runs.", "inputSchema": {"type": "object", "properties": {}}},
    {"name": "test_error_handling", "description": "Fails.", "inputSchema": {"type": "object", "properties": {}}},
    {"name": "test_tool_with_progress", "description": "Reports progress.", "inputSchema": {"type": "object", "properties": {}}},
    {"name": "test_sampling", "description": "Asks the client's model.",
     "inputSchema": {"type": "object", "properties": {"prompt": {"type": "string"}}, "required": ["prompt"]}},
    {"name": "test_elicitation", "description": "Asks the user.",
     "inputSchema": {"type": "object", "properties": {"message": {"type": "string"}}, "required": ["message"]}},
    {"name": "test_elicitation_sep1034_defaults", "description": "Asks the user, with defaults.", "inputSchema": {"type": "object", "properties": {}}},
    {"name": "test_elicitation_sep1330_enums", "description": "Asks the user to choose.", "inputSchema": {"type": "object", "properties": {}}},
    {"name": "json_schema_2020_12_tool", "description": "Tool with JSON Schema 2020-12 features",
     "inputSchema": {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
       "$defs": {"address": {"type": "object", "properties": {"street": {"type": "string"}, "city": {"type": "string"}}}},
       "properties": {"name": {"type": "string"}, "address": {"$ref": "#/$defs/address"}}, "additionalProperties": false}}
  ])");
  return all;
}

json::value const& prompts() {
  static json::value const all = json::parse(R"([
    {"name": "test_simple_prompt", "description": "A prompt without arguments."},
    {"name": "test_prompt_with_arguments", "description": "A prompt with arguments.",
     "arguments": [{"name": "arg1", "description": "First test argument", "required": true}, {"name": "arg2", "description": "Second test argument", "required": true}]},
    {"name": "test_prompt_with_embedded_resource", "description": "A prompt with a resource.",
     "arguments": [{"name": "resourceUri", "description": "URI of the resource to embed", "required": true}]},
    {"name": "test_prompt_with_image", "description": "A prompt with an image."}
  ])");
  return all;
}

json::value const& resources() {
  static json::value const all = json::parse(R"([
    {"uri": "test://static-text", "name": "static text", "mimeType": "text/plain"},
    {"uri": "test://static-binary", "name": "static image", "mimeType": "image/png"},
    {"uri": "test://watched-resource", "name": "watched text", "mimeType": "text/plain"}
  ])");
  return all;
}

json::value const& resource_templates() {
  static json::value const all = json::parse(R"([{"uriTemplate": "test://template/{id}/data", "name": "data by id", "mimeType": "application/json"}])");
  return all;
}

bool has_tool(std::string_view name) {
  return std::ranges::any_of(tools().as_array(), [name](json::value const& tool) { return tool.as_object().at("name").as_string() == name; });
}

awaitable<json::object> call(std::shared_ptr<session> in, json::object params, std::shared_ptr<call_channel> channel) {
  auto const tool = text_of(params, "name");
  auto const* given = params.if_contains("arguments");
  auto const arguments = given && given->is_object() ? given->get_object() : json::object();
  if (tool == "test_tool_with_logging") co_return co_await log(std::move(channel));
  if (tool == "test_tool_with_progress") co_return co_await progress(std::move(channel));
  if (tool == "test_sampling") co_return co_await sample(std::move(in), text_of(arguments, "prompt"), std::move(channel));
  if (tool.starts_with("test_elicitation")) {
    auto message = arguments.contains("message") ? text_of(arguments, "message") : std::string("Please fill in the form.");
    co_return co_await elicit(std::move(in), tool, std::move(message), std::move(channel));
  }
  if (tool == "test_error_handling") co_return failed("This tool intentionally returns an error for testing");
  if (tool == "test_image_content") co_return content({image()});
  if (tool == "test_audio_content") co_return content({json::object{{"type", "audio"}, {"data", wav}, {"mimeType", "audio/wav"}}});
  if (tool == "test_embedded_resource") co_return content({embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")});
  if (tool == "test_multiple_content_types") {
    auto mixed = embedded("test://mixed-content-resource", "application/json", R"({"test":"data","value":123})");
    co_return content({text("Multiple content types test:"), image(), std::move(mixed)});
  }
  co_return content({text("This is a simple text response for testing.")});
}

std::optional<json::object> resource(std::string_view uri) {
  static constexpr std::string_view before = "test://template/";
  static constexpr std::string_view after = "/data";
  json::object found{{"uri", uri}};
  if (uri == "test://static-binary") {
    found["mimeType"] = "image/png";
    found["blob"] = png;
  } else if (uri == "test://static-text" || uri == "test://watched-resource") {
    found["mimeType"] = "text/plain";
    found["text"] = "This is the content of the static text resource.";
  } else if (uri.starts_with(before) && uri.ends_with(after) && uri.size() > before.size() + after.size()) {
    auto const id = std::string(uri.substr(before.size(), uri.size() - before.size() - after.size()));
    found["mimeType"] = "application/json";
    found["text"] = json::serialize(json::object{{"id", id}, {"templateTest", true}, {"data", "Data for ID: " + id}});
  } else {
    return std::nullopt;
  }
  return json::object{{"contents", json::array{std::move(found)}}};
}

std::optional<json::object> prompt(std::string_view name, json::object const& arguments) {
  json::array said;
  if (name == "test_simple_prompt") {
    said.push_back(user_says(text("This is a simple prompt for testing.")));
  } else if (name == "test_prompt_with_arguments") {
    said.push_back(user_says(text("Prompt with arguments: arg1='" + text_of(arguments, "arg1") + "', arg2='" + text_of(arguments, "arg2") + '\'')));
  } else if (name == "test_prompt_with_embedded_resource") {
    said.push_back(user_says(embedded(text_of(arguments, "resourceUri"), "text/plain", "Embedded resource content for testing.")));
    said.push_back(user_says(text("Please process the embedded resource above.")));
  } else if (name == "test_prompt_with_image") {
    said.push_back(user_says(image()));
    said.push_back(user_says(text("Please analyze the image above.")));
  } else {
    return std::nullopt;
  }
  return json::object{{"messages", std::move(said)}};
}

}  // namespace mooring::echo::conformance
