#include "redis_target.hpp"

#include "storage/redis_server.hpp"

#include <mooring/storage/redis_url.hpp>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <stdexcept>

extern char** environ;

namespace mooring::bench {
namespace {

std::string output_of(std::vector<std::string> words) {
  int ends[2];
  if (::pipe(ends) != 0) throw std::runtime_error("no pipe for " + words.front());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  ::posix_spawn_file_actions_addclose(&actions, ends[0]);
  ::posix_spawn_file_actions_addclose(&actions, ends[1]);
  pid_t child = 0;
  int const failure = ::posix_spawnp(&child, argv.front(), &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  std::string text;
  char part[4096];
  for (ssize_t size = 0; failure == 0 && (size = ::read(ends[0], part, sizeof part)) > 0;) text.append(part, static_cast<std::size_t>(size));
  ::close(ends[0]);
  int status = 0;
  if (failure == 0) ::waitpid(child, &status, 0);
  if (failure != 0 || status != 0) throw std::runtime_error(words.front() + " failed");
  return text;
}

// The n-th number of the last line of `"test","rps","avg_latency_ms","min","p50","p95","p99","max"`.
double column(std::string const& csv, std::size_t n) {
  auto const end = csv.find_last_not_of("\r\n");
  auto const start = csv.rfind('\n', end);
  auto at = start == std::string::npos ? 0 : start + 1;
  // The name is the command, commas and all: count from the end.
  std::vector<std::string> fields;
  for (std::string_view line(csv.data() + at, end + 1 - at); !line.empty();) {
    auto const comma = line.rfind(',');
    fields.emplace_back(line.substr(comma == std::string_view::npos ? 0 : comma + 1));
    line = line.substr(0, comma == std::string_view::npos ? 0 : comma);
  }
  constexpr std::size_t columns = 8;
  if (fields.size() < columns || fields[columns - 1 - n].size() < 3) throw std::runtime_error("redis-benchmark printed no figures");
  return std::strtod(fields[columns - 1 - n].c_str() + 1, nullptr);
}

}  // namespace

redis_target::redis_target(bench_options const& options) {
  if (options.redis_url.empty()) {
    own_ = std::make_unique<test::redis_server>();
    options_.address = redis_address{"127.0.0.1", own_->port()};
  } else {
    std::string why;
    auto made = redis_options_from_url(options.redis_url, &why);
    if (!made) throw std::runtime_error("--redis: " + why);
    options_ = std::move(*made);
    if (options_.sentinel || options_.tls) throw std::runtime_error("--redis: a server without TLS, named by its address or socket");
  }
  options_.key_prefix = "mooring-bench:";
  options_.ttl = std::chrono::minutes(10);  // what is left behind on somebody's server goes by itself
  // Contestants rest while others run, and probes would find the connection dead.
  options_.health_check = std::chrono::hours(24);
}

redis_target::~redis_target() = default;

run_result redis_target::benchmark(std::vector<std::string> const& command, std::size_t clients, std::uint64_t requests, std::size_t keys) const {
  std::vector<std::string> words{"redis-benchmark", "--csv", "--precision", "3", "-P", "1", "-c", std::to_string(clients), "-n", std::to_string(requests), "-r", std::to_string(keys)};
  if (options_.unix_socket.empty()) words.insert(words.end(), {"-h", options_.address->host, "-p", options_.address->port});
  else words.insert(words.end(), {"-s", options_.unix_socket});
  if (!options_.username.empty()) words.insert(words.end(), {"--user", options_.username});
  if (!options_.password.empty()) words.insert(words.end(), {"-a", std::string(options_.password.text())});
  if (options_.database != 0) words.insert(words.end(), {"--dbnum", std::to_string(options_.database)});
  words.insert(words.end(), command.begin(), command.end());
  auto const csv = output_of(std::move(words));
  auto const rate = column(csv, 1);
  if (rate <= 0) throw std::runtime_error("redis-benchmark reached nothing");
  run_result done;
  done.cost.operations = requests;
  done.cost.wall = std::chrono::nanoseconds(static_cast<std::int64_t>(double(requests) / rate * 1e9));
  constexpr double microseconds_of_a_millisecond = 1000;
  done.facts["p50 us, its own clock"] = column(csv, 4) * microseconds_of_a_millisecond;
  done.facts["p99 us, its own clock"] = column(csv, 6) * microseconds_of_a_millisecond;
  return done;
}

std::vector<std::size_t> redis_depths(bench_options const& options) {
  bool const is_wanted = options.threads <= 1;
  if (!is_wanted || (options.redis_url.empty() && !test::redis_server::is_available())) return {};
  if (options.tasks != 0) return {options.tasks};
  if (options.is_quick) return {1, 64};
  return {1, 16, 64, 256, 1024};
}

}  // namespace mooring::bench
