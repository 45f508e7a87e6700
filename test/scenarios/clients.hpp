#pragma once

#include "scenarios/scenario.hpp"
#include "simulation/simulation.hpp"

#include <mooring/core/awaitable.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace mooring::test {

/** The callers of a scenario: coroutines on lanes of their own, any of which may be cancelled. At the end none may still wait (RA45). */
class clients {
 public:
  clients(simulation& sim, verdicts& found) : sim_(sim), found_(found) {}

  /** Starts a caller on the next lane. Its number names it for `cancel`. */
  std::size_t start(awaitable<void> work) {
    auto const number = all_.size();
    auto const lane = sim_.lane(static_cast<unsigned>(number) + 1);
    all_.push_back(std::make_unique<client>(lane));
    auto& mine = *all_.back();
    ++running_;
    asio::co_spawn(lane, std::move(work), asio::bind_cancellation_slot(mine.signal.slot(), [this](std::exception_ptr thrown) {
      --running_;
      if (thrown) note(thrown);
    }));
    return number;
  }

  /** Cancels a caller from its own lane, as a caller on a strand would be. Harmless when it has ended. */
  void cancel(std::size_t number, asio::cancellation_type how) {
    auto& one = *all_[number];
    asio::post(one.lane, [&one, how] { one.signal.emit(how); });
  }

  std::size_t running() const noexcept { return running_; }
  std::size_t size() const noexcept { return all_.size(); }

 private:
  struct client {
    explicit client(simulation_executor on) : lane(on) {}
    simulation_executor lane;
    asio::cancellation_signal signal;
  };

  // A cancelled caller's own awaits throw operation_aborted; nothing else may leave a caller.
  void note(std::exception_ptr const& thrown) {
    try {
      std::rethrow_exception(thrown);
    } catch (boost::system::system_error const& error) {
      if (error.code() != asio::error::operation_aborted) found_.fail(std::string("a call threw ") + error.what());
    } catch (std::exception const& error) {
      found_.fail(std::string("a call threw ") + error.what());
    }
  }

  simulation& sim_;
  verdicts& found_;
  std::vector<std::unique_ptr<client>> all_;
  std::size_t running_ = 0;
};

}  // namespace mooring::test
