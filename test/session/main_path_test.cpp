#include "session/session_world.hpp"

using namespace mooring;
using namespace mooring::test;

BOOST_AUTO_TEST_SUITE(session_main_path)

// SM04, SM11, SM19, SM39, SM40
BOOST_AUTO_TEST_CASE(opened_session_is_served_until_it_is_terminated_and_absent_afterwards) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    session_world w(seed);
    auto opened = w.run(w.m().open(named("alice"), open_parameters({"a", "b"})));
    BOOST_REQUIRE(opened);
    BOOST_TEST(opened->lease->id() == opened->id);
    BOOST_TEST(w.record(opened->id).has_value());
    auto const id = opened->id;
    auto first = opened->lease->serial;
    opened->lease.release();

    auto got = w.run(w.m().get(id, named("alice")));
    BOOST_REQUIRE(got);
    BOOST_REQUIRE(*got);
    BOOST_TEST((*got)->serial == first);
    got->release();
    BOOST_TEST(w.book->opened() == 1u);

    auto ended = w.run(w.m().terminate(id, named("alice")));
    BOOST_REQUIRE(ended);
    BOOST_TEST(ended->existed);
    BOOST_TEST(!w.record(id).has_value());
    w.sim.run_for(1s);
    BOOST_TEST(w.book->closed_for(disposal_reason::terminated) == 1u);

    auto again = w.run(w.m().get(id, named("alice")));
    BOOST_REQUIRE(again);
    BOOST_TEST(!*again);
    auto unknown = w.run(w.m().terminate(id, named("alice")));
    BOOST_REQUIRE(unknown);
    BOOST_TEST(!unknown->existed);
    w.end();
  }
}

// SM21, SM22, SM24, SM28, ID14
BOOST_AUTO_TEST_CASE(session_of_one_replica_is_restored_and_served_by_another) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    session_world::setup how;
    how.replicas = 2;
    session_world w(seed, how);
    auto const id = w.opened(named("alice"), open_parameters({"a", "b"}, metadata{{"key", "value"}}, "{\"opening\":1}"));
    auto got = w.run(w.m(1).get(id, named("alice")));
    BOOST_REQUIRE(got);
    BOOST_REQUIRE(*got);
    auto const& request = (*got)->request;
    BOOST_TEST(request.is_restore);
    BOOST_TEST((request.backends == std::vector<std::string>{"a", "b"}));
    BOOST_TEST(request.opening == "{\"opening\":1}");
    BOOST_TEST((request.data == metadata{{"key", "value"}}));
    BOOST_TEST((request.hints == hint_map{{"a", "r0-1"}, {"b", "r0-1"}}));
    BOOST_TEST(request.owner.is_same_as(named("alice")));
    got->release();
    auto foreign = w.run(w.m(1).get(id, named("bob")));
    BOOST_TEST(foreign.error() == errc::wrong_owner);
    w.end();
  }
}

BOOST_AUTO_TEST_SUITE_END()
