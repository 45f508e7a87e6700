#pragma once

#include "history/session_model.hpp"
#include "scenarios/scenario.hpp"
#include "simulation/faulty_storage.hpp"
#include "simulation/simulation.hpp"

#include <mooring/session/session_factory.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mooring::test {

/** What a factory opened: closed once, under whatever object it is known at the end. */
struct opening {
  std::string id;
  unsigned replica = 0;
  int closed = 0;
  bool is_returned = false;    // open gave it to the manager
  std::shared_ptr<int> alive;  // counts what exists
};

/** A session of the scenarios. It knows what its record said when it was made, so that a stale or mixed one shows. */
struct test_session {
  std::shared_ptr<opening> root;
  session_model::bits tags = 0;
  session_model::bits backends = 0;
};

/** Sets of bits in a record: tags as one number under a key of the caller's data, backends as one name each. */
session_model::bits read_tags(metadata const& data);
void write_tags(metadata& data, session_model::bits tags);
std::vector<std::string> names_of(session_model::bits backends);
session_model::bits bits_of(std::vector<std::string> const& names);

/** What a factory does besides what it is asked. */
struct factory_habits {
  bool has_failures = false;
  bool has_hangs = false;
};

/** One replica's factory. Each backend gives a fresh id at each connection, so that the hints of two replicas always differ (RA08). */
class test_factory final : public session_factory<test_session> {
 public:
  test_factory(simulation& sim, verdicts& found, unsigned replica, factory_habits habits, std::shared_ptr<int> alive)
      : sim_(sim), found_(found), replica_(replica), habits_(habits), alive_(std::move(alive)) {}

  awaitable<result<opened<test_session>>> open(session_request request) override;
  awaitable<void> close(std::string id, std::shared_ptr<test_session> session, disposal_reason reason) override;

  /** Told of each request, before it is served; what it returns is told of the end, and whether there is a session. */
  std::function<call_watch(session_request const&)> on_open;

  /** After this nothing may be opened or closed any more. */
  void end() noexcept { has_ended_ = true; }

  std::vector<std::shared_ptr<opening>> const& openings() const noexcept { return openings_; }

 private:
  duration pause();
  awaitable<result<opened<test_session>>> connect(session_request request);

  simulation& sim_;
  verdicts& found_;
  unsigned const replica_;
  factory_habits const habits_;
  std::shared_ptr<int> const alive_;
  std::vector<std::shared_ptr<opening>> openings_;
  std::uint64_t connections_ = 0;
  bool has_ended_ = false;
};

}  // namespace mooring::test
