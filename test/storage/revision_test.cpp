#include <mooring/storage/revision.hpp>

#include "simulation/simulation.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using namespace mooring;

BOOST_AUTO_TEST_SUITE(revision_)

BOOST_AUTO_TEST_CASE(the_text_of_a_revision_reads_back) {
  test::simulation sim(1);
  for (int i = 0; i < 100; ++i) {
    auto const made = revision::fresh(entropy_of(sim));
    BOOST_REQUIRE(made.has_value());
    BOOST_TEST(!made->is_none());
    BOOST_TEST(made->text().size() == 32U);
    auto const read = revision::parse(made->text());
    BOOST_REQUIRE(read.has_value());
    BOOST_TEST((*read == *made));
  }
  BOOST_TEST(revision(1, 0xabc).text() == "00000000000000010000000000000abc");
}

BOOST_AUTO_TEST_CASE(other_texts_are_no_revisions) {
  std::string const good(32, 'a');
  BOOST_TEST(revision::parse(good).has_value());
  for (auto const& bad : {std::string(), std::string(31, 'a'), std::string(33, 'a'), std::string(32, 'A'), std::string(32, 'g'), std::string(31, 'a') + ' ', std::string(32, '\0')})
    BOOST_TEST((revision::parse(bad).error() == errc::corrupt_record));
}

BOOST_AUTO_TEST_CASE(no_revision_comes_from_a_failing_source) {
  test::simulation sim(1);
  sim.fail_entropy(true);
  BOOST_TEST((revision::fresh(entropy_of(sim)).error() == errc::unavailable));
}

BOOST_AUTO_TEST_SUITE_END()
