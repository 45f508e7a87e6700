#pragma once

#include "simulation/faulty_storage.hpp"
#include "simulation/simulation.hpp"
#include "transport/printing.hpp"

#include <mooring/session/sse_session.hpp>
#include <mooring/session/transport_session_manager.hpp>
#include <mooring/storage/local_storage.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mooring::test {

using namespace std::chrono_literals;

using manager_pointer = std::unique_ptr<transport_session_manager>;
using local_sessions = local_storage<transport_session_ptr>;
using linked_sessions = faulty_storage<transport_session_ptr>;

inline constexpr char const* id_a = "0190f3c2-7c1e-7abc-8def-0123456789ab";
inline constexpr char const* id_b = "00000000-0000-0000-0000-000000000000";
inline constexpr char const* id_c = "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF";

inline std::shared_ptr<sse_session> sse_of(transport_session_ptr const& session) { return std::dynamic_pointer_cast<sse_session>(session); }

/** Managers on virtual time. */
struct transport_world {
  explicit transport_world(std::uint64_t seed = 1) : sim(seed) {}
  // Whatever is stopped leaves nothing behind that would run for ever.
  ~transport_world() {
    for (auto const& manager : managers) done(manager->stop());
    BOOST_TEST(sim.run(10'000));
  }

  executor get_executor() { return sim.get_executor(); }

  transport_session_manager& keep(result<manager_pointer> made) {
    BOOST_REQUIRE(made.has_value());
    return *managers.emplace_back(std::move(*made));
  }

  template <class X>
  std::shared_ptr<std::optional<X>> start(awaitable<X> work) {
    auto answer = std::make_shared<std::optional<X>>();
    asio::co_spawn(sim.get_executor(), std::move(work), [answer](std::exception_ptr failure, X outcome) {
      if (failure) std::rethrow_exception(failure);
      answer->emplace(std::move(outcome));
    });
    return answer;
  }

  template <class X>
  X ask(awaitable<X> work) {
    auto const answer = start(std::move(work));
    while (!*answer) BOOST_REQUIRE(sim.step());
    return std::move(**answer);
  }

  void done(awaitable<void> work) {
    bool is_done = false;
    asio::co_spawn(sim.get_executor(), std::move(work), [&is_done](std::exception_ptr failure) {
      is_done = true;
      if (failure) std::rethrow_exception(failure);
    });
    while (!is_done) BOOST_REQUIRE(sim.step());
  }

  transport_session_ptr session(std::string id, std::string type = "mcp") { return make_transport_session(std::move(id), std::move(type), sim.wall_now()); }

  simulation sim;
  std::vector<manager_pointer> managers;
};

}  // namespace mooring::test
