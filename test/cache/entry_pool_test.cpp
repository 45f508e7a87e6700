#include <mooring/cache/detail/entry_pool.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <random>
#include <set>
#include <thread>
#include <vector>

namespace mooring::test {
namespace {

using detail::cache_engine;
using detail::cache_entry;
using detail::entry_order;
using detail::entry_pool;

template <std::size_t Bytes>
struct filler {
  std::byte bytes[Bytes] = {};
};

// An entry of some size whose `cache_entry` does not stand first.
template <std::size_t Bytes>
struct padded : filler<Bytes>, cache_entry {};

// Pools hand an engine on, and never look at it.
cache_engine& some_engine() {
  static std::max_align_t place[64];
  return reinterpret_cast<cache_engine&>(place);
}

template <std::size_t Bytes>
void name_and_find() {
  using entry = padded<Bytes>;
  entry_pool pool(some_engine(), sizeof(entry), Bytes);
  std::vector<entry*> made;
  std::set<entry_pool::handle> names;
  for (int i = 0; i < 2000; ++i) made.push_back(::new (pool.take()) entry);
  for (auto* const each : made) {
    cache_entry& plain = *each;
    auto const name = pool.of(plain);
    BOOST_REQUIRE(name != entry_pool::none);
    BOOST_REQUIRE(names.insert(name).second);
    BOOST_REQUIRE(&pool.at(name) == &plain);
    BOOST_REQUIRE(&entry_pool::owner_of(plain) == &some_engine());
  }
  auto* const gone = made[1234];
  gone->~entry();
  pool.give_back(gone);
  BOOST_TEST(pool.take() == gone);
}

}  // namespace

BOOST_AUTO_TEST_CASE(each_place_of_a_pool_has_a_name_of_its_own) {
  name_and_find<8>();
  name_and_find<16>();
  name_and_find<48>();
  name_and_find<104>();
  name_and_find<entry_pool::block_bytes / 8 - sizeof(cache_entry)>();
}

BOOST_AUTO_TEST_CASE(places_come_back_from_any_thread) {
  entry_pool pool(some_engine(), sizeof(cache_entry), 0);
  std::set<void*> places;
  for (int round = 0; round < 20; ++round) {
    std::vector<void*> taken;
    for (int i = 0; i < 1000; ++i) taken.push_back(pool.take());
    places.insert(taken.begin(), taken.end());
    BOOST_REQUIRE(std::set<void*>(taken.begin(), taken.end()).size() == taken.size());
    std::thread other([&] { std::for_each(taken.begin(), taken.begin() + 500, [&](void* each) { pool.give_back(each); }); });
    std::for_each(taken.begin() + 500, taken.end(), [&](void* each) { pool.give_back(each); });
    other.join();
  }
  BOOST_TEST(places.size() == 1000U);
}

BOOST_AUTO_TEST_CASE(an_order_keeps_the_newest_first) {
  entry_pool pool(some_engine(), sizeof(cache_entry), 0);
  entry_order order(pool);
  BOOST_TEST(order.newest() == nullptr);
  BOOST_TEST(order.oldest() == nullptr);
  std::vector<cache_entry*> all;
  for (int i = 0; i < 40; ++i) all.push_back(::new (pool.take()) cache_entry);
  std::deque<cache_entry*> expected;  // the newest first
  std::mt19937 random(7);
  for (int i = 0; i < 4000; ++i) {
    auto* const one = all[random() % all.size()];
    auto const place = std::find(expected.begin(), expected.end(), one);
    if (place == expected.end()) {
      order.push_newest(*one);
      expected.push_front(one);
    } else if (random() % 2 != 0) {
      expected.erase(place);
      order.renew(*one);
      expected.push_front(one);
    } else {
      expected.erase(place);
      order.remove(*one);
    }
    auto const* seen = order.newest();
    for (auto const* each : expected) {
      BOOST_REQUIRE(seen == each);
      seen = order.older_than(*seen);
    }
    BOOST_REQUIRE(seen == nullptr);
    seen = order.oldest();
    for (auto each = expected.rbegin(); each != expected.rend(); ++each) {
      BOOST_REQUIRE(seen == *each);
      seen = order.newer_than(*seen);
    }
  }
}

}  // namespace mooring::test
