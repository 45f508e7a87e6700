#include <mooring/session/session_manager.hpp>
#include <mooring/storage/local_storage.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <iostream>

using namespace mooring;

struct conversation { int questions = 0; };  // what a session is, is up to you

struct conversations : session_factory<conversation> {  // opens one, also again from its record, and closes each once
  awaitable<result<opened<conversation>>> open(session_request) override { co_return opened(std::make_shared<conversation>()); }
  awaitable<void> close(std::string, std::shared_ptr<conversation>, disposal_reason why) override { std::cout << name_of(why) << '\n'; co_return; }
};

awaitable<void> talk() {
  auto const here = co_await asio::this_coro::executor;
  auto const sessions = session_manager<conversation>::make(here, local_storage<metadata>::make(here).value(), std::make_shared<conversations>()).value();
  auto const alice = principal::of("https://login.example", "alice").value();

  auto opened = co_await sessions->open(alice, open_parameters());
  std::string const id = opened.value().id;  // for the client; every later request names it
  auto lease = co_await sessions->get(id, alice);
  if (lease && *lease) std::cout << "question " << ++(*lease)->questions << '\n';  // an error: not known; an empty lease: gone for good

  auto const ended = co_await sessions->terminate(id, alice);
  auto const after = co_await sessions->get(id, alice);
  std::cout << (ended && after && !*after ? "gone\n" : "still there?\n");
  lease->release();  // closed now, not earlier: it was in use
  opened->lease.release();
  co_await sessions->shutdown();
}

int main() {
  asio::io_context context;
  auto done = asio::co_spawn(context, talk(), asio::use_future);
  context.run();
  done.get();
}
