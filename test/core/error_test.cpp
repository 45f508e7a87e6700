#include <mooring/core/error.hpp>

#include <boost/test/unit_test.hpp>

#include <set>
#include <string>

namespace mooring::test {
namespace {

BOOST_AUTO_TEST_SUITE(error)

struct row {
  errc value;
  unsigned status;
  retry advice;
};

// DE19, DE20, DE21, DE22, DE23, DE24, DE25, DE26, DE27, DE28, DE29, DE30
constexpr row rows[] = {
    {errc::invalid_argument, 400, retry::no},     {errc::invalid_id, 400, retry::no},
    {errc::not_found, 404, retry::no},            {errc::corrupt_record, 404, retry::no},
    {errc::wrong_owner, 403, retry::no},          {errc::exists, 409, retry::no},
    {errc::conflict, 409, retry::yes},            {errc::too_large, 413, retry::no},
    {errc::not_ready, 503, retry::yes},           {errc::busy, 503, retry::yes},
    {errc::too_many_sessions, 503, retry::yes},   {errc::storage_full, 503, retry::yes},
    {errc::queue_full, 503, retry::yes},          {errc::unavailable, 503, retry::yes},
    {errc::wrong_master, 503, retry::yes},        {errc::deadline_exceeded, 503, retry::yes},
    {errc::server_error, 503, retry::yes},        {errc::ambiguous, 503, retry::settle_first},
    {errc::auth_failed, 503, retry::no},          {errc::permission_denied, 503, retry::no},
    {errc::tls_failed, 503, retry::no},           {errc::config_error, 503, retry::no},
    {errc::protocol_error, 503, retry::no},       {errc::unsupported_version, 503, retry::elsewhere},
    {errc::closed, 503, retry::elsewhere},        {errc::disconnected, 503, retry::elsewhere},
    {errc::revoked, 503, retry::elsewhere},       {errc::load_failed, 502, retry::after_backoff},
    {errc::cancelled, 499, retry::no},            {errc::unsupported, 501, retry::no},
};

BOOST_AUTO_TEST_CASE(every_error_has_its_status_and_its_retry_advice) {
  for (auto const& r : rows) {
    BOOST_TEST_CONTEXT(name_of(r.value)) {
      BOOST_TEST(http_status(r.value) == r.status);
      BOOST_TEST(http_status(make_error_code(r.value)) == r.status);
      BOOST_TEST((retry_of(r.value) == r.advice));
      BOOST_TEST((retry_of(make_error_code(r.value)) == r.advice));
    }
  }
}

// DE31
BOOST_AUTO_TEST_CASE(every_error_has_a_name_and_a_message_of_its_own_and_zero_is_success) {
  std::set<std::string> names, messages;
  for (auto const& r : rows) {
    names.insert(name_of(r.value));
    messages.insert(make_error_code(r.value).message());
    BOOST_TEST(static_cast<int>(r.value) != 0);
  }
  BOOST_TEST(names.size() == std::size(rows));
  BOOST_TEST(messages.size() == std::size(rows));
  BOOST_TEST(static_cast<int>(errc::unsupported) == static_cast<int>(std::size(rows)));  // the table above names them all
  BOOST_TEST(names.count("unknown") == 0U);
  BOOST_TEST(name_of(static_cast<errc>(99)) == std::string("unknown"));
  BOOST_TEST(!error_code().failed());
  BOOST_TEST(http_status(error_code()) == 200U);
}

BOOST_AUTO_TEST_CASE(found_absent_not_known_and_ambiguous_are_never_confused) {
  struct { errc value; outcome kind; } const kinds[] = {
      {errc::not_found, outcome::absent},        {errc::corrupt_record, outcome::absent},       {errc::unavailable, outcome::not_known},
      {errc::deadline_exceeded, outcome::not_known}, {errc::ambiguous, outcome::ambiguous},      {errc::wrong_owner, outcome::refused},
      {errc::invalid_id, outcome::refused},      {errc::exists, outcome::refused},
  };
  for (auto const& k : kinds) {
    BOOST_TEST_CONTEXT(name_of(k.value)) {
      for (auto const candidate : {outcome::refused, outcome::absent, outcome::not_known, outcome::ambiguous})
        BOOST_TEST((make_error_code(k.value) == candidate) == (candidate == k.kind));
    }
  }
  BOOST_TEST(!(error_code() == outcome::absent));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace mooring::test
