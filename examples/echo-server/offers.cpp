#include "offers.hpp"

#include "conformance.hpp"

#include <boost/json/parse.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace mooring::echo {

namespace json = boost::json;
namespace {

constexpr double max_slow_ms = 600'000;
constexpr double step_ms = 100;  // between two reports of progress, unless that makes more than max_steps
constexpr double max_steps = 20;

json::value const& tools() {
  static json::value const all = json::parse(R"([
    {"name": "echo", "description": "Returns its message.",
     "inputSchema": {"type": "object", "properties": {"message": {"type": "string"}}, "required": ["message"]}},
    {"name": "whoami", "description": "Tells the server's name and the id of the session; its structured content counts the session's calls.",
     "inputSchema": {"type": "object", "properties": {}}},
    {"name": "slow", "description": "Waits, and reports progress on the way.",
     "inputSchema": {"type": "object", "properties": {"ms": {"type": "number", "minimum": 0, "maximum": 600000}}, "required": ["ms"]}},
    {"name": "fail", "description": "Fails as a tool does: the result says so.",
     "inputSchema": {"type": "object", "properties": {}}}
  ])");
  return all;
}

json::value const& prompts() {
  static json::value const all = json::parse(R"([
    {"name": "greet", "description": "Asks for a greeting.", "arguments": [{"name": "who", "description": "Whom to greet.", "required": true}]},
    {"name": "introduce", "description": "Asks for the server to be introduced."}
  ])");
  return all;
}

json::object text_content(std::string_view text) { return {{"type", "text"}, {"text", text}}; }

json::object tool_result(std::string_view text, bool is_error = false) {
  json::object made{{"content", json::array{text_content(text)}}};
  if (is_error) made["isError"] = true;
  return made;
}

json::object arguments_of(mcp::message const& asked) {
  auto const params = asked.params();
  auto const* found = params.if_contains("arguments");
  return found && found->is_object() ? found->get_object() : json::object();
}

std::string text_of(json::object const& in, std::string_view member) {
  auto const* found = in.if_contains(member);
  return found && found->is_string() ? std::string(found->get_string()) : std::string();
}

std::string invalid(mcp::message const& asked, std::string_view why) { return mcp::make_error(asked.id(), mcp::code::invalid_params, why); }

}  // namespace

json::object offers::capabilities() const {
  json::object made{{"tools", json::object()}, {"resources", json::object()}, {"prompts", json::object()}, {"logging", json::object()}};
  if (!has_conformance_) return made;
  made["resources"] = json::object{{"subscribe", true}};
  made["completions"] = json::object();
  return made;
}

json::array offers::joined(json::value own, json::value const& conformance) const {
  auto all = own.as_array();
  if (has_conformance_)
    for (auto const& each : conformance.as_array()) all.push_back(each);
  return all;
}

json::object offers::server_info() const { return {{"name", name_}, {"title", "mooring echo server " + name_}, {"version", "0.1.0"}}; }

awaitable<std::string> offers::answer(std::shared_ptr<session> in, mcp::message asked, std::shared_ptr<call_channel> channel) const {
  auto const& method = asked.method();
  auto const id = asked.id();
  if (method == "tools/call") co_return co_await call_tool(std::move(in), std::move(asked), std::move(channel));
  if (method == "ping" || method == "logging/setLevel") co_return mcp::make_result(id, json::object());
  if (method == "tools/list") co_return mcp::make_result(id, json::object{{"tools", joined(tools(), conformance::tools())}});
  if (method == "prompts/list") co_return mcp::make_result(id, json::object{{"prompts", joined(prompts(), conformance::prompts())}});
  if (method == "prompts/get") co_return get_prompt(asked);
  if (method == "resources/templates/list") co_return mcp::make_result(id, json::object{{"resourceTemplates", joined(json::array(), conformance::resource_templates())}});
  if (method == "resources/read") co_return read_resource(asked);
  if (method == "resources/list") {
    json::object about{{"uri", "echo://" + name_ + "/about"}, {"name", "about " + name_}, {"mimeType", "text/plain"}};
    co_return mcp::make_result(id, json::object{{"resources", joined(json::array{std::move(about)}, conformance::resources())}});
  }
  if (has_conformance_ && (method == "resources/subscribe" || method == "resources/unsubscribe")) co_return mcp::make_result(id, json::object());
  if (has_conformance_ && method == "completion/complete") {
    json::object none{{"values", json::array()}, {"total", 0}, {"hasMore", false}};
    co_return mcp::make_result(id, json::object{{"completion", std::move(none)}});
  }
  co_return mcp::make_error(id, mcp::code::method_not_found, "Method not found: " + method);
}

awaitable<std::string> offers::call_tool(std::shared_ptr<session> in, mcp::message asked, std::shared_ptr<call_channel> channel) const {
  auto const number = in->count_call();
  auto const tool = text_of(asked.params(), "name");
  auto const arguments = arguments_of(asked);
  if (tool == "slow") co_return co_await slow(std::move(in), std::move(asked), std::move(channel));
  if (tool == "fail") co_return mcp::make_result(asked.id(), tool_result("this tool always fails", true));
  if (tool == "whoami") {
    auto made = tool_result(name_ + " session " + in->id());
    made["structuredContent"] = json::object{{"server", name_}, {"session", in->id()}, {"calls", number}};
    co_return mcp::make_result(asked.id(), std::move(made));
  }
  if (tool == "echo") {
    auto const* text = arguments.if_contains("message");
    if (!text || !text->is_string()) co_return invalid(asked, "echo wants a text as its message");
    co_return mcp::make_result(asked.id(), tool_result(text->get_string()));
  }
  if (has_conformance_ && conformance::has_tool(tool)) {
    auto made = co_await conformance::call(std::move(in), asked.params(), std::move(channel));
    co_return mcp::make_result(asked.id(), std::move(made));
  }
  co_return invalid(asked, "Unknown tool: " + tool);
}

awaitable<std::string> offers::slow(std::shared_ptr<session> in, mcp::message asked, std::shared_ptr<call_channel> channel) const {
  auto const arguments = arguments_of(asked);
  auto const* wanted = arguments.if_contains("ms");
  error_code is_no_number;
  double const ms = wanted ? wanted->to_number<double>(is_no_number) : 0;
  if (!wanted || is_no_number || !(ms >= 0) || ms > max_slow_ms) co_return invalid(asked, "slow wants ms, a number from 0 to 600000");

  session::running_call const running(in, std::string(asked.id()));
  auto const ex = co_await asio::this_coro::executor;
  auto& clock = clock_of(ex);
  auto const begin = clock.now();
  int const parts = static_cast<int>(std::clamp(ms / step_ms, 1.0, max_steps));
  for (int part = 1; part <= parts; ++part) {
    auto const span = std::chrono::duration<double, std::milli>(ms * part / parts);
    auto const until = begin + std::chrono::duration_cast<duration>(span);
    auto const waited = co_await running.cancelled().wait(until);
    if (waited || waited.error() != errc::deadline_exceeded) co_return mcp::make_error(asked.id(), mcp::code::internal_error, "the call was cancelled");
    channel->report(part, parts);
  }
  co_return mcp::make_result(asked.id(), tool_result("waited " + std::to_string(static_cast<long>(ms)) + " ms"));
}

std::string offers::read_resource(mcp::message const& asked) const {
  auto const uri = text_of(asked.params(), "uri");
  if (has_conformance_)
    if (auto found = conformance::resource(uri)) return mcp::make_result(asked.id(), std::move(*found));
  if (uri != "echo://" + name_ + "/about") return mcp::make_error(asked.id(), mcp::code::resource_not_found, "Resource not found");
  json::object about{{"uri", uri}, {"mimeType", "text/plain"}, {"text", "This is the echo server " + name_ + '.'}};
  return mcp::make_result(asked.id(), json::object{{"contents", json::array{std::move(about)}}});
}

std::string offers::get_prompt(mcp::message const& asked) const {
  auto const prompt = text_of(asked.params(), "name");
  auto const who = text_of(arguments_of(asked), "who");
  if (has_conformance_)
    if (auto found = conformance::prompt(prompt, arguments_of(asked))) return mcp::make_result(asked.id(), std::move(*found));
  std::string text;
  if (prompt == "greet" && !who.empty()) text = "Greet " + who + " in the name of " + name_ + '.';
  if (prompt == "introduce") text = "Introduce the echo server " + name_ + '.';
  if (text.empty()) return invalid(asked, prompt == "greet" ? "greet wants who" : "Unknown prompt");
  json::object line{{"role", "user"}, {"content", text_content(text)}};
  return mcp::make_result(asked.id(), json::object{{"messages", json::array{std::move(line)}}});
}

}  // namespace mooring::echo
