#include "stress/sessions.hpp"

#include <mooring/core/clock.hpp>

#include <chrono>
#include <stdexcept>

namespace mooring::test {

awaitable<result<opened<stressed_session>>> stressed_factory::open(session_request request) {
  if (draw(3) == 0) {
    auto const slept = co_await sleep_for(std::chrono::microseconds(draw(300)));
    if (!slept) co_return slept.error();
  }
  auto const trouble = draw(60);
  if (trouble == 0) co_return make_error_code(errc::load_failed);
  if (trouble == 1) throw std::runtime_error("a factory threw");
  hint_map hints;
  for (auto const& name : request.backends) hints[name] = std::to_string(draw(1'000'000'000));  // fresh at each connection
  ++opened_;
  co_return opened<stressed_session>(std::make_shared<stressed_session>(request.id, living_), std::move(hints));
}

awaitable<void> stressed_factory::close(std::string id, std::shared_ptr<stressed_session> session, disposal_reason) {
  seen_.expect(session->id == id, "a session is closed under its own id");
  seen_.expect(session->closed++ == 0, "a session is closed once");
  ++closed_;
  if (draw(4) == 0) {
    auto const slept = co_await sleep_for(std::chrono::microseconds(draw(300)));
    if (!slept) co_return;  // cut short: it was counted already
  }
}

}  // namespace mooring::test
