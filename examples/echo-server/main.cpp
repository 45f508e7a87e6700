// mooring-echo-server: an MCP server with a few plain tools, whose sessions live in the mooring library.

#include "options.hpp"
#include "program/service.hpp"
#include "transport.hpp"

#include <mooring/storage/local_storage.hpp>

#include <boost/asio/io_context.hpp>

#include <array>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <syncstream>

namespace mooring::echo {
namespace {

constexpr auto drain = std::chrono::seconds(10);

void write_log(severity level, std::string_view line) {
  constexpr std::array names{"debug", "info", "warning", "error"};
  std::osyncstream(std::cerr) << names[static_cast<std::size_t>(level)] << ": " << line << '\n';
}

int serve(options const& chosen) {
  asio::io_context context;
  std::string why;
  auto const fail = [&why] {
    std::cerr << "mooring-echo-server: " << why << '\n';
    return EXIT_FAILURE;
  };

  local_storage_options in_memory;
  in_memory.ttl = chosen.ttl;
  in_memory.max_entries = chosen.max_sessions;
  in_memory.log = write_log;
  auto const made_storage = local_storage<metadata>::make(context.get_executor(), in_memory, &why);
  if (!made_storage) return fail();
  auto const storage = *made_storage;

  manager_options keeping;
  keeping.ttl = chosen.ttl;
  keeping.cache_capacity = chosen.max_sessions;  // a session that leaves the cache is lost: see factory
  keeping.max_sessions = chosen.max_sessions;
  keeping.log = write_log;
  auto made_manager = manager::make(context.get_executor(), storage, std::make_shared<factory>(), keeping, &why);
  if (!made_manager) return fail();
  std::shared_ptr<manager> const sessions = std::move(*made_manager);

  auto const serving = std::make_shared<transport>(chosen, sessions, [storage] { return storage->size(); });
  http::server_options limits;
  limits.log = write_log;
  auto handler = [serving](http::request asked, http::responder answer) { return serving->serve(std::move(asked), std::move(answer)); };
  auto made_server = http::server::listen(context.get_executor(), chosen.listen, std::move(handler), limits, &why);
  if (!made_server) return fail();
  auto const& server = *made_server;

  std::cout << "listening on http://" << http::to_text(server->address()) << "/mcp" << std::endl;
  auto stop = [&]() -> awaitable<void> {
    co_await server->stop(drain);
    co_await sessions->shutdown();
  };
  return program::run(context, chosen.threads, stop, [&server] { server->force(); });
}

}  // namespace
}  // namespace mooring::echo

int main(int argc, char** argv) {
  mooring::echo::options chosen;
  if (auto const status = mooring::echo::read_options(argc, argv, chosen)) return *status;
  return mooring::echo::serve(chosen);
}
