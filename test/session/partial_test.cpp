#include "session/session_world.hpp"

using namespace mooring;
using namespace mooring::test;

BOOST_AUTO_TEST_SUITE(session_partial)

// SM27
BOOST_AUTO_TEST_CASE(partial_restore_keeps_the_record_and_is_tried_again_later) {
  session_world w(1, with_replicas(2));
  auto const id = w.opened();
  auto const before = w.record(id)->value;
  w.f(1).adorn = [](session_request const&, opened<test_session>& made) { made.is_partial = true; };
  BOOST_TEST(static_cast<bool>(*w.run(w.m(1).get(id, {}))));
  BOOST_TEST(static_cast<bool>(*w.run(w.m(1).get(id, {}))));
  BOOST_TEST(w.f(1).requests.size() == 1u);
  w.f(1).adorn = nullptr;
  w.sim.run_for(31s);
  BOOST_TEST(static_cast<bool>(*w.run(w.m(1).get(id, {}))));
  BOOST_TEST(w.f(1).requests.size() == 2u);
  BOOST_TEST((w.f(1).requests.at(1).backends == std::vector<std::string>{"a", "b"}));
  w.sim.run_for(1min);
  BOOST_TEST(static_cast<bool>(*w.run(w.m(1).get(id, {}))));
  BOOST_TEST(w.f(1).requests.size() == 2u);
  BOOST_TEST((w.record(id)->value == before));
  w.end();
}

// SM34, RA33, FA06: one that is due for its rebuilding is what there is to serve while the storage is away
BOOST_AUTO_TEST_CASE(partial_session_serves_on_while_the_storage_is_away) {
  session_world w(1, with_replicas(2));
  auto const id = w.opened();
  w.f(1).adorn = [](session_request const&, opened<test_session>& made) { made.is_partial = true; };
  BOOST_TEST(static_cast<bool>(*w.run(w.m(1).get(id, {}))));
  w.f(1).adorn = nullptr;
  w.sim.run_for(20s);
  BOOST_TEST(static_cast<bool>(*w.run(w.m(1).get(id, {}))));
  w.sim.run_for(9s);
  w.link(1).cut_off(true);
  w.sim.run_for(2s);  // the rebuilding is due at the 30th second
  auto const served = w.run(w.m(1).get(id, {}));
  BOOST_TEST((served && *served));
  w.link(1).cut_off(false);
  BOOST_TEST(static_cast<bool>(*w.run(w.m(1).get(id, {}))));
  BOOST_TEST(w.f(1).requests.size() == 2u);
}

BOOST_AUTO_TEST_SUITE_END()
