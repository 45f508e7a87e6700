#include "session/session_world.hpp"

using namespace mooring;
using namespace mooring::test;

// Two operations of one id that cross on one replica, where a reply is slow, lost or refused.

namespace {

session_world::setup replicas(std::size_t n) {
  session_world::setup how;
  how.replicas = n;
  return how;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(session_crossings)

// SM26, RA48: a restore that the storage refused to confirm is served to whoever waited for it, and made once.
BOOST_AUTO_TEST_CASE(get_serves_what_was_restored_for_it_though_the_restore_took_longer_than_max_stale) {
  auto how = replicas(2);
  how.options.max_stale = 0s;
  session_world w(1, how);
  auto const id = w.opened();
  w.f(1).exact_latency = 100ms;
  w.link(1).decide([](storage_operation o, std::size_t) {
    return o == storage_operation::touch || o == storage_operation::update_hints ? storage_fault::server_error : storage_fault::none;
  });
  for (int i = 0; i < 2; ++i) {
    auto const got = w.run(w.m(1).get(id, {}));
    BOOST_TEST((got && *got));
    BOOST_TEST(w.f(1).requests.size() == 1u);
  }
  w.end();
}

BOOST_AUTO_TEST_SUITE_END()
