// A program of a user of the library: sleeps a moment on the library's clock, and makes an id.
#include <mooring/core/clock.hpp>
#include <mooring/core/entropy.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

using namespace mooring;

awaitable<result<std::string>> name_after_a_moment() {
  if (auto slept = co_await sleep_for(std::chrono::milliseconds(1)); !slept) co_return slept.error();
  auto const self = co_await asio::this_coro::executor;
  co_return random_name(entropy_of(self));
}

int main() {
  asio::io_context context;
  auto name = asio::co_spawn(context, name_after_a_moment(), asio::use_future);
  context.run();
  return name.get().has_value() ? 0 : 1;
}
