#include <mooring/core/wall_clock.hpp>
#include <mooring/session/transport_session_manager.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <iostream>

using namespace mooring;

awaitable<void> remember(std::string uuid) {
  auto const here = co_await asio::this_coro::executor;
  auto const sessions = transport_session_manager::make(here, std::string(transport_type::streamable)).value();  // or make(here, redis_storage_options)
  auto const added = co_await sessions->add_with_id(uuid);
  transport_session_ptr const session = added.value();
  session->set_metadata("backend", "files", wall_clock_of(here).now());
  auto const stored = co_await sessions->upsert(session);

  auto const found = co_await sessions->get(uuid);
  if (stored && found) std::cout << found->type() << ' ' << found->metadata("backend").value() << '\n';
  co_await sessions->stop();
}

int main() {
  asio::io_context context;
  auto done = asio::co_spawn(context, remember("0190c7c3-41a5-7d3e-9f0b-6d1c2a7e8b54"), asio::use_future);
  context.run();
  done.get();
}
