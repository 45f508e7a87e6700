#include "http/look_up.hpp"

#include "http/signal.hpp"

#include <string>

namespace mooring::http {

struct look_up::flight {
  std::mutex mutex;  // guards `found`; leaf
  addresses found;
  signal done;
};

look_up::look_up(executor ex, endpoint server)
    : look_up(std::move(server), [ex = std::move(ex)](endpoint const& asked, std::function<void(addresses)> then) {
        auto const resolver = std::make_shared<asio::ip::tcp::resolver>(ex);
        resolver->async_resolve(asked.host, std::to_string(asked.port),
                                [resolver, then = std::move(then)](error_code const& failure, asio::ip::tcp::resolver::results_type const& found) {
                                  addresses all;
                                  if (!failure)
                                    for (auto const& each : found) all.push_back(each.endpoint());
                                  then(std::move(all));
                                });
      }) {}

awaitable<result<look_up::addresses>> look_up::find(time_point until) {
  error_code failure;
  auto const address = asio::ip::make_address(server_.host, failure);
  if (!failure) co_return addresses(1, asio::ip::tcp::endpoint(address, server_.port));
  std::shared_ptr<flight> mine;
  bool is_first = false;
  {
    std::lock_guard lock(present_->mutex);
    is_first = !present_->flying;
    if (is_first) present_->flying = std::make_shared<flight>();
    mine = present_->flying;
  }
  if (is_first) {
    ask_(server_, [shared = present_, mine](addresses found) {
      {
        std::lock_guard lock(mine->mutex);
        mine->found = std::move(found);
      }
      {
        std::lock_guard lock(shared->mutex);
        shared->flying = nullptr;  // whoever asks from now on wants to know anew
      }
      mine->done.raise();
    });
  }
  auto const waited = co_await mine->done.wait(until);
  if (!waited) co_return waited.error();
  std::lock_guard lock(mine->mutex);
  if (mine->found.empty()) co_return make_error_code(errc::unavailable);
  co_return mine->found;
}

}  // namespace mooring::http
