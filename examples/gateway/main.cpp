#include "factory.hpp"
#include "front.hpp"
#include "options.hpp"
#include "records.hpp"
#include "storage_flags.hpp"

#include "program/command_line.hpp"
#include "program/descriptors.hpp"
#include "program/service.hpp"

#include <mooring/core/task_scope.hpp>
#include <mooring/session/session_manager.hpp>

#include <boost/asio/io_context.hpp>

#include <malloc.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <iostream>
#include <string>
#include <syncstream>
#include <utility>

namespace mooring::gateway {

namespace {

void write_log(severity level, std::string_view line) {
  constexpr std::array names{"debug", "info", "warning", "error"};
  std::osyncstream(std::cerr) << names[static_cast<std::size_t>(level)] << ": " << line << '\n';
}

int refuse(std::string const& why) {
  std::cerr << "mooring-gateway: " << why << '\n';
  return program::usage_status;
}

// Before the first session comes, so that a wrong password shows in the log and not in a client's error. The gateway goes on: the server may come later.
awaitable<void> try_storage(std::function<awaitable<result<>>()> ping) {
  auto const reached = co_await ping();
  if (reached || reached.error() == errc::cancelled) co_return;
  bool const can_mend_itself = retry_of(reached.error()) != retry::no;
  write_log(severity::warning, "sessions cannot be stored: " + reached.error().message() +
                                   (can_mend_itself ? "; trying on" : "; this stays so until --storage, its flags or its password are mended"));
}

std::size_t descriptors_for(options const& chosen) {
  constexpr std::size_t others = 64;  // the storage, the listener, the standard streams, files
  // Calls and standing streams have connections of their own.
  return chosen.server.max_connections + 2 * chosen.client.max_connections * chosen.backends.size() + others;
}

int serve(options chosen) {
  auto const wanted = descriptors_for(chosen);
  if (auto const limit = program::raise_descriptor_limit(wanted); limit < wanted)
    write_log(severity::warning, "--max-connections and --max-backend-connections may take " + std::to_string(wanted) + " file descriptors, and the system allows " +
                                     std::to_string(limit) + ": raise its hard limit or lower the flags");
  asio::io_context context;
  executor const home = context.get_executor();
  std::string why;

  front_options rules;
  rules.access.is_loopback_bind = http::is_loopback(chosen.listen.host);
  rules.access.allowed_origins = chosen.allowed_origins;
  rules.access.allowed_hosts = chosen.allowed_hosts;
  rules.retry_after = chosen.retry_after;
  rules.stream_check = std::clamp<duration>(chosen.storage.memory.ttl / 4, std::chrono::milliseconds(20), std::chrono::seconds(5));
  if (!chosen.token_file.empty()) {
    auto callers = tokens::load(chosen.token_file, &why);
    if (!callers) return refuse("--tokens: " + why);
    rules.callers = std::move(*callers);
  }

  auto const around = std::make_shared<surroundings>();
  around->home = home;
  around->deadlines = chosen.deadlines;
  around->initialize_budget = chosen.initialize_budget;
  around->backlog = chosen.backlog;
  around->counters = std::make_shared<metrics>();
  around->log = write_log;
  for (auto const& [name, where] : chosen.backends) around->backends.push_back(std::make_shared<backend>(home, name, where, chosen.client, write_log));

  auto const sweep = chosen.storage.memory.sweep_interval.value_or(chosen.storage.memory.ttl / 2);
  chosen.storage.memory.log = write_log;
  auto opened = open_records(home, std::move(chosen.storage), why);
  if (!opened) return refuse(in_flags(why));
  auto const records = opened->records;
  rules.storage_name = opened->name;
  around->is_shared = opened->at_end == factory::sessions_end::never;
  auto const sessions_factory = std::make_shared<factory>(around, records, opened->at_end, sweep);

  chosen.manager.log = write_log;
  chosen.manager.observer = [counters = around->counters](manager_event const& event) { counters->observe(event); };
  chosen.manager.health_monitor = [around](std::string_view name) -> std::optional<mooring::backend_health> {
    for (auto const& one : around->backends)
      // Unhealthy only while it is not to be contacted: a session that opens after the pause tries it, or nobody ever would.
      if (one->name() == name)
        return one->circuit().is_paused(clock_of(around->home).now()) ? mooring::backend_health::unhealthy : mooring::backend_health::healthy;
    return std::nullopt;
  };
  // Moved: what its callbacks hold leads to the storage, which has to go before the context, and `chosen` goes after it.
  auto sessions = front::manager::make(home, records, sessions_factory, std::move(chosen.manager), &why);
  if (!sessions) return refuse(in_flags(why));

  front facing(**sessions, around, std::move(rules));
  chosen.server.log = write_log;
  auto serving = http::server::listen(
      home, chosen.listen, [&facing](http::request asked, http::responder respond) { return facing.serve(std::move(asked), std::move(respond)); },
      chosen.server, &why);
  if (!serving) return refuse("--listen: " + why);
  auto& server = **serving;
  auto& manager = **sessions;
  facing.count_connections(&server);
  std::cout << "listening on http://" << http::to_text(server.address()) << "/mcp" << std::endl;

  task_scope starting(home, write_log);
  if (opened->ping) starting.spawn(try_storage(std::move(opened->ping)));

  auto stop = [&]() -> awaitable<void> {
    co_await starting.close();
    facing.begin_draining();
    auto const until = saturating_add(clock_of(home).now(), chosen.drain);
    auto const idle = co_await facing.wait_idle(until);
    // Time for what was answered to be written; what is still in work has had its time.
    auto const left = idle ? std::chrono::milliseconds(2000) : std::chrono::milliseconds(1);
    co_await server.stop(left);
    co_await manager.shutdown();
    co_await sessions_factory->finish();
    for (auto const& one : around->backends) one->close();
  };
  return program::run(context, chosen.threads, stop);
}

}  // namespace

}  // namespace mooring::gateway

int main(int argc, char** argv) {
  // A large body goes back to the system when it is done with. Left alone, the allocator learns from the first ones to keep all that a burst of them took.
  ::mallopt(M_MMAP_THRESHOLD, 1 << 20);
  mooring::gateway::options chosen;
  if (auto const status = mooring::gateway::read_options(argc, argv, chosen)) return *status;
  return mooring::gateway::serve(std::move(chosen));
}
