#include <mooring/cache/detail/entry_index.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <limits>
#include <map>
#include <random>
#include <tuple>

namespace mooring::test {
namespace {

using detail::entry_index;  // for the type of a handle; both kinds are tried

// The index beside a map that says what it ought to hold. Handle h stands for the key h, whose hash is spread over `hashes` values.
template <class Index>
class world {
 public:
  world(std::size_t most, std::size_t hashes) : most_(most), hashes_(hashes) {}

  std::size_t hash_of(entry_index::handle key) const { return key % hashes_ * stride_; }

  void insert(entry_index::handle key) {
    index_.make_room(most_, [this](entry_index::handle each) { return hash_of(each); });
    index_.insert(hash_of(key), key);
    held_[key] = key;
  }
  void remove(entry_index::handle key) {
    index_.remove(hash_of(key), key);
    held_.erase(key);
  }
  bool holds(entry_index::handle key) const { return held_.count(key) != 0; }
  std::size_t size() const { return held_.size(); }

  entry_index::handle const* find(entry_index::handle key) const {
    return index_.find(hash_of(key), [&](entry_index::handle each) -> entry_index::handle const* {
      auto const place = held_.find(each);
      BOOST_REQUIRE((place != held_.end()));  // it names only what is in it
      return each == key ? &place->second : nullptr;
    });
  }

  void check(entry_index::handle keys) const {
    BOOST_TEST(index_.size() == held_.size());
    for (entry_index::handle key = 0; key < keys; ++key) {
      auto const* const found = find(key);
      BOOST_REQUIRE((found != nullptr) == holds(key));
      if (found) BOOST_REQUIRE(*found == key);
    }
  }

 private:
  static constexpr std::size_t stride_ = 0x5851f42d4c957f2dU;
  std::size_t const most_;
  std::size_t const hashes_;
  Index index_;
  std::map<entry_index::handle, entry_index::handle> held_;
};

// Comes and goes at random, never more than `most` at once.
template <class Index>
void come_and_go(std::size_t most, entry_index::handle keys, std::size_t hashes, int steps) {
  world<Index> w(most, hashes);
  std::mt19937 random(7);
  for (int i = 0; i < steps; ++i) {
    auto const key = static_cast<entry_index::handle>(random() % keys);
    if (w.holds(key)) w.remove(key);
    else if (w.size() < most) w.insert(key);
    if (i % 997 == 0) w.check(keys);
  }
  w.check(keys);
}

}  // namespace

using index_kinds = std::tuple<detail::basic_entry_index<true>, detail::basic_entry_index<false>>;

BOOST_AUTO_TEST_CASE_TEMPLATE(an_empty_index_finds_nothing, Index, index_kinds) {
  world<Index> const w(10, 10);
  BOOST_TEST(w.find(3) == nullptr);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_index_holds_what_came_and_did_not_go, Index, index_kinds) {
  come_and_go<Index>(1000, 2000, 100'000, 40'000);
  come_and_go<Index>(1, 10, 100, 2'000);
  come_and_go<Index>(std::numeric_limits<std::size_t>::max(), 3000, 100'000, 40'000);  // unbounded
}

// CA08: equal hashes are told apart by the caller, however many share one
BOOST_AUTO_TEST_CASE_TEMPLATE(an_index_bears_keys_of_one_hash, Index, index_kinds) {
  come_and_go<Index>(1000, 1500, 1, 20'000);  // more than a bucket counts of those that passed it
  come_and_go<Index>(1000, 1500, 3, 20'000);
}

}  // namespace mooring::test
