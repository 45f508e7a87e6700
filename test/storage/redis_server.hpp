#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace mooring::test {

/** @brief A Redis server or Sentinel of a test's own: its process, its folder, its socket. Killed with the object. */
class redis_server {
 public:
  /** Whether there is a redis-server to start. Without one, says so loudly; where the environment has CI set, that is a failure. */
  static bool is_available();

  /** Starts one and waits until it takes connections. `arguments` come after ours and win. */
  explicit redis_server(std::vector<std::string> arguments = {});

  /** Starts a Sentinel with these lines of configuration. */
  redis_server(std::string sentinel_configuration, std::vector<std::string> arguments);
  ~redis_server();

  redis_server(redis_server const&) = delete;
  redis_server& operator=(redis_server const&) = delete;

  std::string socket() const { return (folder_ / "redis.sock").string(); }
  std::string port() const { return port_; }
  /** A port of loopback that nobody uses at the moment. */
  static std::string free_port();

  /** Stops and continues the process, so that it holds its connections and answers nothing. */
  void pause();
  void resume();
  /** Ends it at once, and starts it again on the same socket and port, with nothing stored. */
  void kill();
  void start();

  /** What a client of its own is answered, without going through the library; of a list, the items in lines. */
  std::string command(std::vector<std::string> const& words) const;

 private:
  std::filesystem::path const folder_;
  std::string const port_;
  std::vector<std::string> const arguments_;
  bool const is_sentinel_ = false;
  pid_t process_ = 0;
};

}  // namespace mooring::test
