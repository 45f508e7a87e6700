#include "session/session_world.hpp"

using namespace mooring;
using namespace mooring::test;

// A replica that does not ask at every get, and what it must find out all the same.

namespace {

session_world::setup unasking(std::size_t replicas) {
  session_world::setup how;
  how.replicas = replicas;
  how.options.check_interval = 10s;
  return how;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(session_interval)

// SM37: what is cached is behind the record, and no check says so
BOOST_AUTO_TEST_CASE(a_decoration_within_the_check_interval_follows_one_of_another_replica) {
  session_world w(1, unasking(2));
  auto const id = w.opened();
  BOOST_TEST(w.run(w.m(1).decorate(id, {}, adding("other"))).has_value());
  auto const done = w.run(w.m(0).decorate(id, {}, adding("own")));
  BOOST_REQUIRE(done.has_value());
  BOOST_TEST(w.record(id)->value.contains("other"));
  BOOST_TEST(w.record(id)->value.contains("own"));
  BOOST_TEST((*done)->request.data.contains("other"));
}

// SM37, SM33: two on one replica, neither of which the other's gets would notice
BOOST_AUTO_TEST_CASE(decorations_that_overlap_within_the_check_interval_all_succeed) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    session_world w(seed, unasking(1));
    auto const id = w.opened();
    std::vector<call<result<test_lease>>> all;
    for (auto const* what : {"x", "y", "z"}) all.push_back(w.start(w.m().decorate(id, {}, adding(what))));
    for (auto& one : all) w.finish(one);
    for (auto& one : all) BOOST_TEST(one.take().has_value(), "seed " << seed);
    for (auto const* what : {"x", "y", "z"}) BOOST_TEST(w.record(id)->value.contains(what), "seed " << seed);
    all.clear();
    w.end();
  }
}

// SM34, SM42: a replica that learns that a session is gone closes what it holds of it, whichever call told it
BOOST_AUTO_TEST_CASE(a_get_that_learns_of_the_end_at_once_closes_the_session) {
  simulation sim(1);
  auto const book = std::make_shared<ledger>();
  std::shared_ptr<local_storage<metadata>> const store = *local_storage<metadata>::make(sim.get_executor());
  auto const replica = *manager::make(sim.get_executor(), store, std::make_shared<test_factory>(sim, book, "r"));
  auto const ask = [&](auto work) {
    call running(sim.get_executor(), std::move(work));
    while (!running.is_done() && sim.step()) {}
    return running.take();
  };
  auto const id = ask(replica->open({}, open_parameters({"a"})))->id;
  sim.run_for(1s);
  BOOST_TEST(static_cast<bool>(*ask(replica->get(id, {}))));
  BOOST_TEST(*ask(store->erase(id)));
  auto const got = ask(replica->get(id, {}));
  BOOST_TEST((got && !*got));
  sim.run_for(1s);
  BOOST_TEST(book->closed() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
