#include "history/inquiries.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>

namespace mooring::test {
namespace {

using namespace std::chrono_literals;
using step = inquiries::step;
using ending = inquiries::ending;

time_point at(duration since_the_start) { return time_point(since_the_start); }

BOOST_AUTO_TEST_SUITE(inquiries_of_a_replica)

// CA14
BOOST_AUTO_TEST_CASE(a_get_rests_on_a_check_that_ran_when_it_began_and_on_none_that_had_ended) {
  inquiries all;
  auto const check = all.begin(step::check, 3, at(1ms));
  BOOST_TEST(all.oldest_for_session(5, at(2ms), 0ms) == 3u);
  all.end(check, ending::found, at(4ms));
  BOOST_TEST(all.oldest_for_session(5, at(2ms), 0ms) == 3u);
  BOOST_TEST(all.oldest_for_session(9, at(5ms), 0ms) == 9u);
}

BOOST_AUTO_TEST_CASE(a_good_check_counts_for_the_interval_and_a_failed_one_does_not) {
  inquiries all;
  all.end(all.begin(step::check, 3, at(1ms)), ending::found, at(4ms));
  all.end(all.begin(step::check, 2, at(1ms)), ending::failed, at(4ms));
  BOOST_TEST(all.oldest_for_session(9, at(9ms), 5ms) == 3u);
  BOOST_TEST(all.oldest_for_session(9, at(10ms), 5ms) == 9u);
  BOOST_TEST(all.oldest_for_absence(9, at(9ms)) == 9u);
}

BOOST_AUTO_TEST_CASE(a_restore_is_as_old_as_its_peek) {
  inquiries all;
  all.end(all.begin(step::peek, 3, at(1ms)), ending::found, at(2ms));
  auto const opening = all.begin(step::restore, 5, at(2ms));
  BOOST_TEST(all.oldest_for_session(7, at(3ms), 0ms) == 3u);
  all.end(opening, ending::found, at(6ms));
  auto const confirming = all.begin(step::confirm, 8, at(6ms));
  all.end(confirming, ending::found, at(8ms));
  BOOST_TEST(all.oldest_for_session(9, at(7ms), 0ms) == 3u);
  BOOST_TEST(all.oldest_for_session(9, at(9ms), 0ms) == 9u);
  BOOST_TEST(all.oldest_for_session(9, at(10ms), 2ms) == 3u);
}

BOOST_AUTO_TEST_CASE(a_restore_whose_record_has_gone_counts_for_nobody_who_came_later) {
  for (auto const how : {ending::found, ending::absent, ending::failed}) {
    inquiries all;
    all.end(all.begin(step::peek, 3, at(1ms)), ending::found, at(2ms));
    all.end(all.begin(step::restore, 5, at(2ms)), ending::found, at(6ms));
    all.end(all.begin(step::confirm, 8, at(6ms)), how, at(8ms));
    BOOST_TEST(all.oldest_for_session(9, at(9ms), 5ms) == (how == ending::absent ? 9u : 3u));
  }
}

BOOST_AUTO_TEST_CASE(a_read_that_is_no_part_of_an_inquiry_makes_no_session_older) {
  inquiries all;
  auto const peek = all.begin(step::peek, 3, at(1ms));
  BOOST_TEST(all.oldest_for_session(5, at(2ms), 5ms) == 5u);
  BOOST_TEST(all.oldest_for_absence(5, at(2ms)) == 3u);
  all.end(peek, ending::found, at(3ms));
  auto const touch = all.begin(step::confirm, 6, at(3ms));
  BOOST_TEST(all.oldest_for_session(7, at(4ms), 5ms) == 7u);
  all.end(touch, ending::found, at(4ms));
  all.end(all.begin(step::write, 8, at(4ms)), ending::found, at(5ms));
  BOOST_TEST(all.oldest_for_session(9, at(5ms), 5ms) == 9u);
}

BOOST_AUTO_TEST_CASE(what_a_creation_caches_is_as_old_as_its_write) {
  inquiries all;
  all.end(all.begin(step::make, 3, at(1ms)), ending::found, at(2ms));
  auto const write = all.begin(step::write, 5, at(2ms));
  all.end(write, ending::failed, at(4ms));
  all.end(all.begin(step::peek, 6, at(4ms)), ending::found, at(5ms));
  all.end(all.begin(step::confirm, 7, at(5ms)), ending::found, at(6ms));
  BOOST_TEST(all.oldest_for_session(9, at(8ms), 5ms) == 5u);
}

BOOST_AUTO_TEST_CASE(a_check_whose_read_failed_goes_on_with_another) {
  inquiries all;
  all.end(all.begin(step::check, 3, at(1ms)), ending::failed, at(2ms));
  all.end(all.begin(step::peek, 5, at(2ms)), ending::found, at(3ms));
  BOOST_TEST(all.oldest_for_session(9, at(5ms), 5ms) == 3u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace mooring::test
