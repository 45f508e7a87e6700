// mooring-demo: drives one whole session through the gateway, and prints what happened.

#include "conversation.hpp"
#include "mcp/headers.hpp"
#include "program/command_line.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/serialize.hpp>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <regex>
#include <string>
#include <vector>

namespace mooring::demo {

namespace json = boost::json;
namespace {

struct options {
  options() = default;

  http::url server;
  std::vector<http::url> metrics;
  std::size_t backends = 2;
  int slow_ms = 600;
  std::string part = "whole";
  std::string session_file;
};

void keep_session(conversation const& talk, std::string const& file) {
  if (file.empty()) return;
  std::ofstream kept(file);
  kept << talk.session() << '\n' << talk.version() << std::endl;
  expect(kept.good(), "the session cannot be written to " + file);
}

void find_session(conversation& talk, std::string const& file) {
  std::ifstream kept(file);
  std::string id;
  std::string version;
  expect(static_cast<bool>(kept >> id >> version), "no session can be read from " + file);
  talk.go_on(std::move(id), std::move(version));
}

void say(std::string const& line) { std::cout << line << std::endl; }
void step(std::string const& title) { say("\n== " + title); }
void sent(std::string const& what) { say("   -> " + what); }
void got(std::string const& what) { say("   <- " + what); }

// Enough to recognize a session in a transcript, not enough to use it.
std::string shortened(std::string const& id) { return id.substr(0, 6) + "... (" + std::to_string(id.size()) + " characters)"; }

std::string text_of(json::object const& result) {
  auto const* content = result.if_contains("content");
  if (content && content->is_array())
    for (auto const& part : content->get_array())
      if (auto const* text = part.is_object() ? part.get_object().if_contains("text") : nullptr; text && text->is_string()) return std::string(text->get_string());
  throw disappointment("a tool answered without a text: " + json::serialize(result));
}

json::object tool_call(std::string const& name, json::object arguments) { return {{"name", name}, {"arguments", std::move(arguments)}}; }

// What stands before "echo" in the names of the tools: one for each backend, empty where nothing had to be told apart.
std::vector<std::string> prefixes(json::object const& listed) {
  std::vector<std::string> found;
  auto const* tools = listed.if_contains("tools");
  expect(tools && tools->is_array(), "tools/list gave no tools: " + json::serialize(listed));
  for (auto const& tool : tools->get_array()) {
    auto const* name = tool.is_object() ? tool.get_object().if_contains("name") : nullptr;
    expect(name && name->is_string(), "a tool without a name: " + json::serialize(tool));
    std::string const text(name->get_string());
    say("      " + text);
    if (text.ends_with("echo")) found.push_back(text.substr(0, text.size() - 4));
  }
  return found;
}

// How many sessions an echo server says it holds.
awaitable<int> held_sessions(executor ex, http::url metrics) {
  http::client client(ex, metrics.place);
  auto const target = metrics.target == "/" ? std::string("/metrics") : metrics.target;
  http::request asked("GET", target);
  auto const answer = co_await client.send(std::move(asked));
  expect(answer.has_value() && answer->head.status == 200, "no metrics from " + http::to_text(metrics.place));
  std::smatch found;
  expect(std::regex_search(answer->head.body, found, std::regex(R"((?:^|\n)\w*sessions (\d+))")), "no number of sessions in the metrics of " + http::to_text(metrics.place));
  co_return std::stoi(found[1]);
}

// Waits, for the end of a session reaches the servers behind a gateway a little later.
awaitable<void> expect_held(options chosen, bool is_live) {
  auto const ex = co_await asio::this_coro::executor;
  for (auto const& each : chosen.metrics) {
    int held = 0;
    for (int i = 0; i < 100; ++i) {
      held = co_await held_sessions(ex, each);
      if ((held > 0) == is_live) break;
      auto const slept = co_await sleep_for(std::chrono::milliseconds(50));
      static_cast<void>(slept);  // nobody cancels the demonstration
    }
    got(http::to_text(each.place) + " holds " + std::to_string(held) + (held == 1 ? " session" : " sessions"));
    expect((held > 0) == is_live, is_live ? "it was to hold one for the gateway" : "it was to hold none any more");
  }
}

awaitable<void> call_backend(std::shared_ptr<conversation> with, std::string prefix) {
  auto const message = "hello" + (prefix.empty() ? std::string() : ", " + prefix.substr(0, prefix.find_first_of("_./:-")));
  sent("tools/call " + prefix + "echo {\"message\": \"" + message + "\"}");
  auto const echo = tool_call(prefix + "echo", {{"message", message}});
  auto const echoed = co_await with->result_of("tools/call", echo);
  got(text_of(echoed));
  expect(text_of(echoed) == message, "the echo is another");
  sent("tools/call " + prefix + "whoami");
  auto const whoami = tool_call(prefix + "whoami", {});
  auto const who = co_await with->result_of("tools/call", whoami);
  auto const text = text_of(who);
  auto const last_word = text.rfind(' ') + 1;
  bool const is_own = text.substr(last_word) != with->session();
  got(text.substr(0, last_word) + shortened(text.substr(last_word)) + (is_own ? ": the server's own session behind the gateway" : ""));
  expect(is_own || prefix.empty(), "a gateway in front of several servers passed on its own session id");
}

awaitable<void> call_slow(std::shared_ptr<conversation> with, std::string prefix, int ms) {
  auto const begin = std::chrono::steady_clock::now();
  int reports = 0;
  auto heard = [&reports, begin](mcp::message const& message) {
    auto const elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
    got("after " + std::to_string(elapsed.count()) + " ms: " + message.method() + ' ' + json::serialize(message.params()));
    if (message.method() == "notifications/progress") ++reports;
  };
  conversation::listener const listening(heard);
  sent("tools/call " + prefix + "slow {\"ms\": " + std::to_string(ms) + "}");
  auto asked = tool_call(prefix + "slow", {{"ms", ms}});
  asked["_meta"] = json::object{{"progressToken", "demo"}};
  auto const waited = co_await with->result_of("tools/call", std::move(asked), listening);
  got(text_of(waited));
  expect(reports > 0, "no progress was reported");
}

awaitable<void> expect_refused(std::shared_ptr<conversation> with) {
  sent("tools/list, once more in the session that has ended");
  auto const refused = co_await with->ask("tools/list");
  got("status " + std::to_string(refused.status) + ' ' + refused.message.text());
  expect(refused.status == 404, "an ended session was to be refused with 404");
  auto const error = refused.message.error();
  auto const* code = error.if_contains("code");
  expect(code && *code == mcp::code::session_not_found, "the refusal was to be JSON-RPC error -32001");
}

awaitable<void> begin(std::shared_ptr<conversation> talk, http::url server) {
  step("Begin a session at http://" + http::to_text(server.place) + server.target);
  sent("initialize");
  auto const begun = co_await talk->begin();
  got("status 200, session " + shortened(talk->session()) + ", version " + std::string(begun.at("protocolVersion").as_string()));
  sent("notifications/initialized");
  auto const accepted = co_await talk->tell("notifications/initialized");
  got("status " + std::to_string(accepted));
  expect(accepted == 202, "a notification was to be answered with 202");
}

awaitable<std::vector<std::string>> list(std::shared_ptr<conversation> talk, std::size_t backends) {
  step("List the tools");
  sent("tools/list");
  auto const listed = co_await talk->result_of("tools/list");
  auto found = prefixes(listed);
  expect(found.size() >= backends, "tools of " + std::to_string(backends) + " echo servers were expected, there are those of " + std::to_string(found.size()));
  co_return found;
}

awaitable<void> use(std::shared_ptr<conversation> talk, std::vector<std::string> found) {
  step("Call both kinds of plain tool on each echo server");
  for (auto const& prefix : found) co_await call_backend(talk, prefix);
}

awaitable<void> end(std::shared_ptr<conversation> talk, options chosen) {
  step("End the session");
  sent("DELETE");
  auto const ended = co_await talk->end();
  got("status " + std::to_string(ended));
  expect(ended >= 200 && ended < 300, "DELETE was to succeed");
  co_await expect_refused(talk);
  co_await expect_held(chosen, false);
}

awaitable<void> demonstrate(options chosen) {
  auto const ex = co_await asio::this_coro::executor;
  auto const talk = std::make_shared<conversation>(ex, chosen.server);
  bool const is_whole = chosen.part == "whole";
  if (is_whole || chosen.part == "begin") {
    co_await begin(talk, chosen.server);
    keep_session(*talk, chosen.session_file);
  } else {
    step("Go on with the session at http://" + http::to_text(chosen.server.place) + chosen.server.target);
    find_session(*talk, chosen.session_file);
  }
  if (chosen.part == "refused") {
    co_await expect_refused(talk);
    co_return;
  }
  auto const found = co_await list(talk, chosen.backends);
  co_await use(talk, found);
  if (is_whole) {
    step("Call a slow tool, and see its progress while it runs");
    co_await call_slow(talk, found.front(), chosen.slow_ms);
    if (!chosen.metrics.empty()) step("Ask the echo servers for their sessions");
    co_await expect_held(chosen, true);
  }
  if (is_whole || chosen.part == "end") co_await end(talk, chosen);
  if (is_whole) say("\nAll as expected.");
}

std::optional<int> read_options(int argc, char const* const* argv, options& into) {
  CLI::App app("Drives one whole MCP session through a gateway in front of echo servers: initialize, list, calls, progress, DELETE, and the 404 after.\n"
               "Prints a transcript. Exit status: 0 when all was as expected, 1 when not, 2 for bad flags.",
               "mooring-demo");
  auto const read = [](std::string const& flag, std::string const& text) {
    auto const url = http::parse_url(text);
    if (!url || url->is_secure) throw CLI::ValidationError(flag, "'" + text + "' is not http://HOST:PORT/PATH");
    return *url;
  };
  app.add_option_function<std::string>("--url,url", [&](std::string const& text) { into.server = read("--url", text); }, "the gateway, such as http://127.0.0.1:8080/mcp")
      ->type_name("URL")
      ->required();
  auto const add_all = [&](std::vector<std::string> const& all) {
    for (auto const& text : all) into.metrics.push_back(read("--metrics", text));
  };
  app.add_option_function<std::vector<std::string>>("--metrics", add_all, "an echo server's metrics, to see its sessions come and go; repeatable")->type_name("URL")->allow_extra_args(false);
  app.add_option("--backends", into.backends, "how many echo servers are behind the gateway")->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--slow-ms", into.slow_ms, "how long the slow call takes")->check(CLI::Range(1, 20'000))->capture_default_str();
  app.add_option("--part", into.part, "of a session that several runs share, perhaps at several gateways: begin it, use it, end it, or see it refused")
      ->check(CLI::IsMember({"whole", "begin", "use", "end", "refused"}))->capture_default_str();
  app.add_option("--session-file", into.session_file, "where the parts find the session; `begin` writes it")->type_name("FILE");
  if (auto const status = program::parse(app, argc, argv)) return status;
  if (into.part == "whole" || !into.session_file.empty()) return std::nullopt;
  std::cerr << "mooring-demo: --part " << into.part << " needs a --session-file\nTry --help.\n";
  return program::usage_status;
}

int run(options const& chosen) {
  asio::io_context context;
  std::exception_ptr failure;
  asio::co_spawn(context, demonstrate(chosen), [&failure](std::exception_ptr thrown) { failure = std::move(thrown); });
  context.run();
  try {
    if (failure) std::rethrow_exception(failure);
  } catch (std::exception const& thrown) {
    std::cout << std::flush;
    std::cerr << "\nmooring-demo: not as expected: " << thrown.what() << std::endl;
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace mooring::demo

int main(int argc, char** argv) {
  mooring::demo::options chosen;
  if (auto const status = mooring::demo::read_options(argc, argv, chosen)) return *status;
  return mooring::demo::run(chosen);
}
