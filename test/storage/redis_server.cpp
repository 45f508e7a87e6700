#include "storage/redis_server.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string_view>
#include <thread>

namespace mooring::test {
namespace {

namespace asio = boost::asio;
constexpr char const* program = "redis-server";

std::filesystem::path new_folder() {
  auto pattern = (std::filesystem::temp_directory_path() / "mooring-redis-XXXXXX").string();
  if (!::mkdtemp(pattern.data())) throw std::runtime_error("no folder for a Redis server");
  return pattern;
}

}  // namespace

bool redis_server::is_available() {
  static bool const found = [] {
    auto const* const path = std::getenv("PATH");
    std::string_view rest = path ? path : "";
    while (!rest.empty()) {
      auto const folder = rest.substr(0, rest.find(':'));
      rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
      if (std::filesystem::exists(std::filesystem::path(folder) / program)) return true;
    }
    std::cerr << "*** SKIPPED: there is no " << program << " on this machine, so nothing is tested against Redis ***\n";
    if (std::getenv("CI")) throw std::runtime_error("CI needs redis-server");
    return false;
  }();
  return found;
}

std::string redis_server::free_port() {
  asio::io_context context;
  asio::ip::tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
  return std::to_string(acceptor.local_endpoint().port());
}

redis_server::redis_server(std::vector<std::string> arguments) : folder_(new_folder()), port_(free_port()), arguments_(std::move(arguments)) { start(); }

redis_server::redis_server(std::string sentinel_configuration, std::vector<std::string> arguments)
    : folder_(new_folder()), port_(free_port()), arguments_(std::move(arguments)), is_sentinel_(true) {
  std::ofstream(folder_ / "sentinel.conf") << sentinel_configuration;
  start();
}

redis_server::~redis_server() {
  kill();
  std::error_code ignored;  // a folder that stays behind harms nobody
  std::filesystem::remove_all(folder_, ignored);
}

void redis_server::start() {
  std::vector<std::string> words{"env", "LC_ALL=C", program};  // from 7.2 on it ends where LANG names a locale that the machine does not have
  if (is_sentinel_) words.insert(words.end(), {(folder_ / "sentinel.conf").string(), "--sentinel"});
  else words.insert(words.end(), {"--save", "", "--appendonly", "no"});
  words.insert(words.end(), {"--port", port_, "--bind", "127.0.0.1", "--unixsocket", socket(), "--dir", folder_.string(), "--logfile", (folder_ / "log").string()});
  words.insert(words.end(), arguments_.begin(), arguments_.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  auto const parent = ::getpid();
  process_ = ::fork();
  if (process_ == 0) {
    // The kernel ends the server with the thread that started it: the tests' main thread, which may be killed or abort.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent) ::_exit(127);
    ::execvp(argv.front(), argv.data());
    ::_exit(127);
  }
  for (int i = 0; i < 1000; ++i) {
    asio::io_context context;
    asio::local::stream_protocol::socket probe(context);
    boost::system::error_code ec;
    probe.connect(asio::local::stream_protocol::endpoint(socket()), ec);
    if (!ec) return;
    if (::waitpid(process_, nullptr, WNOHANG) == process_) {
      process_ = 0;
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  throw std::runtime_error("the Redis server does not start");
}

void redis_server::pause() { ::kill(process_, SIGSTOP); }

void redis_server::resume() { ::kill(process_, SIGCONT); }

void redis_server::kill() {
  if (process_ == 0) return;
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  process_ = 0;
  std::error_code ignored;  // a second server replaces the file itself
  std::filesystem::remove(socket(), ignored);
}

std::string redis_server::command(std::vector<std::string> const& words) const {
  asio::io_context context;
  asio::local::stream_protocol::socket link(context);
  link.connect(asio::local::stream_protocol::endpoint(socket()));
  auto text = "*" + std::to_string(words.size()) + "\r\n";
  for (auto const& word : words) text += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  asio::write(link, asio::buffer(text));
  std::string unread;
  auto const next_line = [&] {
    auto const size = asio::read_until(link, asio::dynamic_buffer(unread), "\r\n");
    auto line = unread.substr(0, size - 2);
    unread.erase(0, size);
    return line;
  };
  auto const value = [&](std::string line) {
    if (line.front() != '$' || line.starts_with("$-1")) return line;
    auto const size = std::stoul(line.substr(1)) + 2;
    if (unread.size() < size) asio::read(link, asio::dynamic_buffer(unread), asio::transfer_exactly(size - unread.size()));
    line = unread.substr(0, size - 2);
    unread.erase(0, size);
    return line;
  };
  auto const first = next_line();
  if (first.front() != '*' || first.starts_with("*-1")) return value(first);
  std::string items;
  for (auto left = std::stoul(first.substr(1)); left > 0; --left) items += value(next_line()) + "\n";
  return items;
}

}  // namespace mooring::test
