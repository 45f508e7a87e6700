#include <mooring/storage/detail/expiry_heap.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <random>
#include <vector>

namespace {

using mooring::detail::expiring;
using mooring::detail::expiry_heap;

mooring::time_point at(std::int64_t n) { return mooring::time_point(mooring::duration(n)); }

}  // namespace

BOOST_AUTO_TEST_SUITE(expiry_heap_)

BOOST_AUTO_TEST_CASE(an_empty_heap_has_nothing_expired) {
  expiry_heap heap;
  BOOST_TEST(heap.find_expired(mooring::time_point::max()) == nullptr);
  BOOST_TEST(heap.count_expired(mooring::time_point::max()) == 0U);
}

BOOST_AUTO_TEST_CASE(a_node_that_moved_later_is_found_at_its_new_moment_only) {
  expiry_heap heap;
  expiring node{at(10)};
  heap.push(node);
  BOOST_TEST(heap.find_expired(at(9)) == nullptr);
  node.expires = at(20);
  BOOST_TEST(heap.find_expired(at(10)) == nullptr);
  BOOST_TEST(heap.count_expired(at(19)) == 0U);
  BOOST_TEST(heap.find_expired(at(19)) == nullptr);
  BOOST_TEST(heap.count_expired(at(20)) == 1U);
  BOOST_TEST(heap.find_expired(at(20)) == &node);
  heap.remove(node);
  BOOST_TEST(heap.size() == 0U);
}

// Against a plain list: pushes, removals, moves and looks in random order.
BOOST_AUTO_TEST_CASE(a_heap_finds_what_a_plain_search_finds) {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    std::deque<expiring> nodes;
    std::vector<expiring*> held;
    expiry_heap heap;
    std::int64_t now = 0;
    for (int step = 0; step < 300; ++step) {
      auto const pick = held.empty() ? 0 : random() % held.size();
      switch (random() % 6) {
        case 0:
        case 1:
          nodes.push_back(expiring{at(now + 1 + random() % 50)});
          held.push_back(&nodes.back());
          heap.make_room();
          heap.push(nodes.back());
          break;
        case 2:
          if (held.empty()) break;
          heap.remove(*held[pick]);
          held.erase(held.begin() + static_cast<std::ptrdiff_t>(pick));
          break;
        case 3:
        case 4:
          if (!held.empty()) held[pick]->expires = std::max(held[pick]->expires, at(now + 1 + random() % 50));
          break;
        default:
          now += random() % 20;
      }
      auto const expired = std::count_if(held.begin(), held.end(), [&](auto* node) { return node->expires <= at(now); });
      BOOST_REQUIRE_EQUAL(heap.count_expired(at(now)), static_cast<std::size_t>(expired));
      BOOST_REQUIRE_EQUAL(heap.size(), held.size());
      if (random() % 4 != 0) continue;
      for (auto i = expired; i > 0; --i) {
        auto* const found = heap.find_expired(at(now));
        BOOST_REQUIRE(found != nullptr);
        BOOST_REQUIRE((found->expires <= at(now)));
        heap.remove(*found);
        held.erase(std::find(held.begin(), held.end(), found));
      }
      BOOST_REQUIRE(heap.find_expired(at(now)) == nullptr);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
