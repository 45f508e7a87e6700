#include <mooring/storage/value_traits.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <string>

using namespace mooring;

namespace {

struct labels : text_map {
  using text_map::text_map;
};

struct thing {
  virtual ~thing() = default;
};

struct handle : thing, closable {
  void close() override { ++closed; }
  int closed = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(value_traits_)

// ST15
BOOST_AUTO_TEST_CASE(null_is_refused_where_the_type_has_one) {
  std::string why;
  BOOST_TEST((value_traits<std::shared_ptr<int>>::check(nullptr, {}, &why).error() == errc::invalid_argument));
  BOOST_TEST(!why.empty());
  BOOST_TEST((value_traits<std::unique_ptr<labels>>::check(nullptr, {}).error() == errc::invalid_argument));
  BOOST_TEST((value_traits<int*>::check(nullptr, {}).error() == errc::invalid_argument));
  BOOST_TEST(value_traits<std::shared_ptr<int>>::check(std::make_shared<int>(1), {}).has_value());
  BOOST_TEST(value_traits<int>::check(0, {}).has_value());
}

// ST16
BOOST_AUTO_TEST_CASE(limits_reach_maps_of_texts_also_behind_pointers) {
  text_limits limits;
  limits.max_entries = 1;
  labels const two{{"a", ""}, {"b", ""}};
  BOOST_TEST((value_traits<labels>::check(two, limits).error() == errc::too_large));
  BOOST_TEST((value_traits<std::shared_ptr<labels const>>::check(std::make_shared<labels const>(two), limits).error() == errc::too_large));
  BOOST_TEST(value_traits<std::string>::check(std::string(1000, 'a'), limits).has_value());
}

// LO03
BOOST_AUTO_TEST_CASE(closable_values_are_closed_and_plain_ones_left_alone) {
  auto const closable_one = std::make_shared<handle>();
  std::shared_ptr<thing> mixed = closable_one;
  value_traits<std::shared_ptr<thing>>::close(mixed);
  BOOST_TEST(closable_one->closed == 1);
  std::shared_ptr<thing> plain = std::make_shared<thing>();
  value_traits<std::shared_ptr<thing>>::close(plain);
  handle direct;
  value_traits<handle>::close(direct);
  BOOST_TEST(direct.closed == 1);
  int number = 7;
  value_traits<int>::close(number);
  BOOST_TEST(number == 7);
}

BOOST_AUTO_TEST_SUITE_END()
