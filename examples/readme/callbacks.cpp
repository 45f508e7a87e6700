// Calls of a session manager from code without coroutines: with a callback, and with a future on a thread of its own.
#include <mooring/session/session_manager.hpp>
#include <mooring/storage/local_storage.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <iostream>
#include <thread>

using namespace mooring;

struct conversation { int questions = 0; };

struct conversations : session_factory<conversation> {
  awaitable<result<opened<conversation>>> open(session_request) override { co_return opened(std::make_shared<conversation>()); }
  awaitable<void> close(std::string, std::shared_ptr<conversation>, disposal_reason) override { co_return; }
};

int main() {
  asio::io_context context;
  auto work = asio::make_work_guard(context);
  std::thread thread([&] { context.run(); });
  auto const records = local_storage<metadata>::make(context.get_executor()).value();
  auto const sessions = session_manager<conversation>::make(context.get_executor(), records, std::make_shared<conversations>()).value();
  auto const alice = principal::of("https://login.example", "alice").value();
  std::string const id = asio::co_spawn(context, sessions->open(alice, open_parameters()), asio::use_future).get().value().id;

  asio::co_spawn(context, sessions->get(id, alice), [](std::exception_ptr failure, result<session_lease<conversation>> lease) {
    if (failure) return;  // cancelled before it began, or out of memory: the lease beside it says nothing
    if (lease && *lease) std::cout << "question " << ++(*lease)->questions << '\n';
  });
  auto lease = asio::co_spawn(context, sessions->get(id, alice), asio::use_future).get();  // waits for ever on the only thread that runs the context

  bool const is_found = lease && *lease;
  lease->release();
  asio::co_spawn(context, sessions->shutdown(), asio::use_future).get();
  work.reset();
  thread.join();
  return is_found ? 0 : 1;
}
