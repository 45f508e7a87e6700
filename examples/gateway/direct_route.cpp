#include "json_text.hpp"
#include "route.hpp"

#include "mcp/headers.hpp"

#include <utility>

namespace mooring::gateway {

namespace {

class direct_route final : public route {
 public:
  explicit direct_route(std::shared_ptr<upstream> only) : only_(std::move(only)) {}

  std::string initialize_result(std::string version) const override {
    auto answered = only_->initialize_result();
    auto const own = member(answered, "protocolVersion");
    auto const known = own ? string_value(*own) : std::nullopt;
    // A backend may speak an older revision than the ones that have sessions over HTTP; its client speaks one of those with us.
    if (known && !mcp::is_session_version(*known)) return replaced(answered, *own, mcp::quoted(version));
    return answered;
  }

  awaitable<std::string> call(mcp::message asked, relay pass_on) override { return only_->request(std::move(asked), std::move(pass_on)); }

  awaitable<delivery> take(mcp::message sent) override {
    bool const is_response = sent.is_response();
    if (sent.method() == "notifications/cancelled") {
      co_await only_->send_cancelled(std::move(sent));
      co_return delivery::taken;
    }
    auto const is_taken = co_await only_->send(std::move(sent));
    co_return is_taken || !is_response ? delivery::taken : delivery::failed;
  }

  std::string to_client(std::string const&, mcp::message sent) override { return sent.text(); }

  std::vector<std::string> news_of_joining() override { return {}; }

 private:
  std::shared_ptr<upstream> const only_;
};

}  // namespace

std::shared_ptr<route> make_direct_route(std::shared_ptr<upstream> only) { return std::make_shared<direct_route>(std::move(only)); }

}  // namespace mooring::gateway
