#include "program/service.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>

#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <thread>
#include <vector>

namespace mooring::program {
namespace {

// Lives in the handlers of its signal set; ends when the service has stopped, so that the context runs out of work.
class signals : public std::enable_shared_from_this<signals> {
 public:
  signals(boost::asio::io_context& context, std::function<awaitable<void>()> stop, std::function<void()> force)
      : context_(context), set_(context, SIGTERM, SIGINT), stop_(std::move(stop)), force_(std::move(force)) {}

  void wait() {
    set_.async_wait([self = shared_from_this()](boost::system::error_code const& failure, int) {
      if (!failure) self->receive();
    });
  }

 private:
  void receive() {
    if (is_stopping_) {
      if (!force_) std::_Exit(1);
      force_();
      return wait();
    }
    is_stopping_ = true;
    wait();
    boost::asio::co_spawn(context_, stop_, [self = shared_from_this()](std::exception_ptr const& failure) {
      if (failure) std::cerr << "the graceful stop failed\n";
      self->context_.stop();  // nothing of the service is left; what remains is idle
    });
  }

  boost::asio::io_context& context_;
  boost::asio::signal_set set_;
  std::function<awaitable<void>()> stop_;
  std::function<void()> force_;
  bool is_stopping_ = false;
};

}  // namespace

int run(boost::asio::io_context& context, std::size_t threads, std::function<awaitable<void>()> stop, std::function<void()> force) {
  std::make_shared<signals>(context, std::move(stop), std::move(force))->wait();
  std::vector<std::jthread> others;
  for (std::size_t i = 1; i < threads; ++i) others.emplace_back([&context] { context.run(); });
  context.run();
  return EXIT_SUCCESS;
}

}  // namespace mooring::program
