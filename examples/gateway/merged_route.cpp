#include "json_text.hpp"
#include "merged_lists.hpp"
#include "messages.hpp"
#include "route.hpp"
#include "together.hpp"

#include "http/signal.hpp"
#include "program/version.hpp"

#include <boost/asio/this_coro.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace mooring::gateway {

namespace json = boost::json;

namespace {

using pointer = std::shared_ptr<upstream>;

bool is_error(std::string const& response) { return member(response, "error").has_value(); }

awaitable<void> send_one(pointer to, mcp::message sent) {
  auto const taken = co_await to->send(std::move(sent));
  static_cast<void>(taken);  // nobody waits for an answer
}

// Where answers of several backends come together; a late one comes too late for nobody's harm.
struct collected {
  explicit collected(std::size_t n) : awaited(n) {}

  void add(std::string answer) {
    bool is_enough = false;
    {
      std::lock_guard lock(mutex);
      answers.push_back(std::move(answer));
      is_enough = !is_error(answers.back()) || answers.size() == awaited;
    }
    if (is_enough) decided.raise();
  }

  std::size_t const awaited;
  http::signal decided;  // raised: one did it, or all have answered
  std::mutex mutex;      // guards the answers; leaf
  std::vector<std::string> answers;
};

awaitable<void> ask_one(pointer from, mcp::message asked, std::shared_ptr<collected> into) {
  auto answer = co_await from->request(std::move(asked), relay());
  into->add(std::move(answer));
}

// The capabilities that one of several backends having them means for all.
constexpr std::array<std::string_view, 5> merged_capabilities{"tools", "resources", "prompts", "logging", "completions"};

json::object merge_capabilities(std::vector<pointer> const& all) {
  json::object merged;
  bool const is_complete = std::all_of(all.begin(), all.end(), [](pointer const& one) { return !one->initialize_result().empty(); });
  for (auto const& one : all) {
    auto const answered = one->initialize_result();
    auto const written = member(answered, "capabilities");
    auto const own = written ? read_value(*written) : json::value();
    if (!own.is_object()) continue;
    for (auto const name : merged_capabilities)
      if (auto const* const has = own.get_object().if_contains(name); has && has->is_object()) {
        auto& into = merged[name];
        if (!into.is_object()) into.emplace_object();
        for (auto const& [key, setting] : has->get_object()) into.get_object()[key] = setting;
      }
  }
  for (auto const name : merged_capabilities) {
    // Who joins later may have anything.
    if (!is_complete && !merged.contains(name)) merged[name].emplace_object();
    bool const is_list = name == "tools" || name == "resources" || name == "prompts";
    if (is_list && merged.contains(name)) merged[name].get_object()["listChanged"] = true;
  }
  return merged;
}

class merged_route final : public route {
 public:
  merged_route(std::vector<pointer> all, std::shared_ptr<task_scope> scope, duration listing_deadline)
      : all_(std::move(all)), scope_(std::move(scope)), deadline_(listing_deadline), lists_(std::make_shared<merged_lists>(all_, scope_, deadline_)) {}

  std::string initialize_result(std::string version) const override {
    json::object result;
    result["protocolVersion"] = version;
    result["capabilities"] = merge_capabilities(all_);
    result["serverInfo"] = json::object{{"name", "mooring-gateway"}, {"version", program::version}};
    std::string instructions;
    for (auto const& one : all_) {
      auto const answered = one->initialize_result();
      auto const text = member(answered, "instructions");
      auto const own = text ? string_value(*text) : std::nullopt;
      if (own) instructions.append(instructions.empty() ? "" : "\n\n").append(one->name()).append(": ").append(*own);
    }
    if (!instructions.empty()) result["instructions"] = instructions;
    return json::serialize(result);
  }

  awaitable<std::string> call(mcp::message asked, relay pass_on) override {
    auto const& method = asked.method();
    for (std::size_t i = 0; i != listings.size(); ++i)
      if (listings[i].method == method) co_return co_await list(std::move(asked), static_cast<listing_kind>(i));
    if (method == "tools/call") co_return co_await call_named(std::move(asked), listing_kind::tools, std::move(pass_on));
    if (method == "prompts/get") co_return co_await call_named(std::move(asked), listing_kind::prompts, std::move(pass_on));
    if (method == "resources/read" || method == "resources/subscribe" || method == "resources/unsubscribe")
      co_return co_await call_resource(std::move(asked), std::move(pass_on));
    if (method == "completion/complete") co_return co_await complete(std::move(asked), std::move(pass_on));
    if (method == "logging/setLevel") co_return co_await ask_all(std::move(asked));
    if (method == "ping") co_return mcp::make_raw_result(asked.id(), "{}");
    co_return mcp::make_error(asked.id(), mcp::code::method_not_found, "Method not found");
  }

  awaitable<delivery> take(mcp::message sent) override {
    if (sent.is_response()) {
      auto const target = backend_id_of(sent.id());
      auto const to = target ? find(target->first) : nullptr;
      auto own = to ? read_message(sent.with_id(target->second)) : std::nullopt;
      if (!own) co_return delivery::nobodys;
      auto const is_taken = co_await to->send(std::move(*own));
      co_return is_taken ? delivery::taken : delivery::failed;
    }
    auto const ex = co_await asio::this_coro::executor;
    std::vector<awaitable<void>> work;
    for (auto const& one : all_) {
      if (sent.method() == "notifications/cancelled")
        work.push_back(one->send_cancelled(sent));
      else
        work.push_back(send_one(one, sent));
    }
    auto const until = saturating_add(clock_of(ex).now(), deadline_);
    auto const all = co_await run_together(scope_, std::move(work), until);
    static_cast<void>(all);  // a slow backend hears of it in its own time
    co_return delivery::taken;
  }

  std::string to_client(std::string const& backend, mcp::message sent) override {
    if (sent.is_request()) return sent.with_id(client_facing_id(backend, sent.id()));
    lists_->note_change(backend, sent.method());
    if (sent.method() != "notifications/resources/updated") return sent.text();
    auto const uri = member_at(sent.text(), "params", "uri");
    auto const own = uri ? string_value(*uri) : std::nullopt;
    if (!own) return sent.text();
    return replaced(sent.text(), *uri, mcp::quoted(lists_->known(listing_kind::resources)->exposed_name(backend, *own)));
  }

  std::vector<std::string> news_of_joining() override {
    lists_->note_all_changed();
    std::vector<std::string> news;
    for (auto const kind : {listing_kind::tools, listing_kind::resources, listing_kind::prompts})
      news.push_back(mcp::make_notification(listing_of(kind).changed));
    return news;
  }

 private:
  pointer find(std::string_view name) const {
    for (auto const& one : all_)
      if (one->name() == name) return one;
    return nullptr;
  }

  awaitable<std::string> list(mcp::message asked, listing_kind kind) {
    auto const merged = co_await lists_->refresh(kind);
    auto result = std::string("{\"").append(listing_of(kind).items).append("\":").append(merged->items()).append("}");
    co_return mcp::make_raw_result(asked.id(), result);
  }

  awaitable<std::string> call_named(mcp::message asked, listing_kind kind, relay pass_on) {
    auto const written = member_at(asked.text(), "params", "name");
    auto const name = written ? string_value(*written) : std::nullopt;
    if (!name) co_return mcp::make_error(asked.id(), mcp::code::invalid_params, "params.name must be a string");
    std::vector<merged_lists::place> places;
    places.push_back({kind, false});
    auto const from = co_await lists_->find(std::move(places), *name);
    if (!from) co_return unknown(asked, kind == listing_kind::tools ? "Unknown tool: " : "Unknown prompt: ", *name);
    auto renamed = replaced(asked.text(), *written, mcp::quoted(from->name));
    co_return co_await forward(std::string(asked.id()), from->backend, std::move(renamed), std::move(pass_on));
  }

  // Sends a request to where a name leads, `renamed` being its text with the backend's own name in the place of the client's.
  awaitable<std::string> forward(std::string id, std::string backend, std::string renamed, relay pass_on) {
    auto own = read_message(std::move(renamed));
    auto const target = find(backend);
    if (!own || !target) co_return mcp::make_error(id, mcp::code::internal_error, "The request cannot be passed on");
    co_return co_await target->request(std::move(*own), std::move(pass_on));
  }

  static std::string unknown(mcp::message const& asked, std::string what, std::string const& name) {
    return mcp::make_error(asked.id(), mcp::code::invalid_params, what.append(name));
  }

  awaitable<std::string> call_resource(mcp::message asked, relay pass_on) {
    auto const written = member_at(asked.text(), "params", "uri");
    auto const uri = written ? string_value(*written) : std::nullopt;
    if (!uri) co_return mcp::make_error(asked.id(), mcp::code::invalid_params, "params.uri must be a string");
    std::vector<merged_lists::place> places;
    places.push_back({listing_kind::resources, false});
    places.push_back({listing_kind::resource_templates, true});
    auto const from = co_await lists_->find(std::move(places), *uri);
    if (from) {
      auto renamed = replaced(asked.text(), *written, mcp::quoted(from->name));
      auto answer = co_await forward(std::string(asked.id()), from->backend, std::move(renamed), std::move(pass_on));
      co_return rename_contents(std::move(answer), *from, *uri);
    }
    // No list names it: a backend may still know it, such as a resource that a tool's result links to. Asking changes nothing.
    // Those that were late with their lists come last.
    auto const ex = co_await asio::this_coro::executor;
    auto const now = clock_of(ex).now();
    std::vector<pointer> order;
    std::vector<pointer> late;
    for (auto const& one : all_)
      if (one->is_joined()) (lists_->is_late(one->name(), now) ? late : order).push_back(one);
    order.insert(order.end(), late.begin(), late.end());
    std::string last;
    for (auto const& one : order) {
      last = co_await one->request(asked, pass_on);
      if (!is_error(last)) co_return last;
    }
    if (!last.empty()) co_return last;
    co_return mcp::make_error(asked.id(), mcp::code::resource_not_found, "Resource not found");
  }

  // What was asked for under a prefixed URI is answered under it.
  static std::string rename_contents(std::string response, origin const& from, std::string const& asked_for) {
    if (from.name == asked_for) return response;
    auto const contents = member_at(response, "result", "contents");
    if (!contents) return response;
    auto value = read_value(*contents);
    if (!value.is_array()) return response;
    for (auto& item : value.get_array()) {
      auto* const uri = item.is_object() ? item.get_object().if_contains("uri") : nullptr;
      if (uri && uri->is_string() && uri->get_string() == from.name) *uri = asked_for;
    }
    return replaced(response, *contents, json::serialize(value));
  }

  awaitable<std::string> complete(mcp::message asked, relay pass_on) {
    auto const type = member_at(asked.text(), "params", "ref", "type");
    bool const is_prompt = type && string_value(*type) == "ref/prompt";
    auto const written = member_at(asked.text(), "params", "ref", is_prompt ? "name" : "uri");
    auto const name = written ? string_value(*written) : std::nullopt;
    if (!name) co_return mcp::make_error(asked.id(), mcp::code::invalid_params, "params.ref must name a prompt or a resource template");
    std::vector<merged_lists::place> places;
    places.push_back({is_prompt ? listing_kind::prompts : listing_kind::resource_templates, false});
    if (!is_prompt) places.push_back({listing_kind::resources, false});
    auto const from = co_await lists_->find(std::move(places), *name);
    if (!from) co_return unknown(asked, is_prompt ? "Unknown prompt: " : "Unknown resource: ", *name);
    auto renamed = replaced(asked.text(), *written, mcp::quoted(from->name));
    co_return co_await forward(std::string(asked.id()), from->backend, std::move(renamed), std::move(pass_on));
  }

  // One backend that does it is enough; the others are asked all the same.
  awaitable<std::string> ask_all(mcp::message asked) {
    auto const ex = co_await asio::this_coro::executor;
    std::vector<pointer> joined;
    for (auto const& one : all_) {
      if (one->is_joined())
        joined.push_back(one);
      else
        one->remember(asked);
    }
    auto const answers = std::make_shared<collected>(joined.size());
    for (auto const& one : joined) scope_->spawn(ask_one(one, asked, answers));
    auto const until = joined.empty() ? clock_of(ex).now() : saturating_add(clock_of(ex).now(), deadline_);
    auto const decided = co_await answers->decided.wait(until);
    static_cast<void>(decided);  // the answers that came decide
    std::lock_guard lock(answers->mutex);
    for (auto const& answer : answers->answers)
      if (!is_error(answer)) co_return answer;
    if (!answers->answers.empty()) co_return answers->answers.front();
    co_return mcp::make_error(asked.id(), mcp::code::server_error, "No backend can be reached");
  }

  std::vector<pointer> const all_;
  std::shared_ptr<task_scope> const scope_;
  duration const deadline_;
  std::shared_ptr<merged_lists> const lists_;
};

}  // namespace

std::shared_ptr<route> make_merged_route(std::vector<std::shared_ptr<upstream>> all, std::shared_ptr<task_scope> scope, duration listing_deadline) {
  return std::make_shared<merged_route>(std::move(all), std::move(scope), listing_deadline);
}

}  // namespace mooring::gateway
