#include "storage/redis_backoff.hpp"
#include "storage/redis_errors.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

using namespace mooring;
using namespace mooring::detail;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(redis_errors_)

// RE26 to RE41
BOOST_AUTO_TEST_CASE(an_error_reply_is_known_by_its_first_words) {
  struct {
    std::string_view text;
    errc error;
  } const table[] = {
      {"READONLY You can't write against a read only replica.", errc::wrong_master},
      {"READONLY You can't write against a read only replica. script: 0123, on @user_script:1.", errc::wrong_master},
      {"LOADING Redis is loading the dataset in memory", errc::unavailable},
      {"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", errc::unavailable},
      {"BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", errc::unavailable},
      {"TRYAGAIN Multiple keys request during rehashing of slot", errc::unavailable},
      {"NOREPLICAS Not enough good replicas to write.", errc::unavailable},
      {"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.", errc::unavailable},
      {"OOM command not allowed when used memory > 'maxmemory'.", errc::storage_full},
      {"NOAUTH Authentication required.", errc::auth_failed},
      {"NOAUTH HELLO must be called with the client already authenticated", errc::auth_failed},
      {"WRONGPASS invalid username-password pair or user is disabled.", errc::auth_failed},
      {"NOPERM User mooring has no permissions to run the 'set' command", errc::permission_denied},
      {"WRONGTYPE Operation against a key holding the wrong kind of value", errc::corrupt_record},
      {"MOVED 3999 127.0.0.1:6381", errc::config_error},
      {"ASK 3999 127.0.0.1:6381", errc::config_error},
      {"CLUSTERDOWN Hash slot not served", errc::config_error},
      {"CROSSSLOT Keys in request don't hash to the same slot", errc::config_error},
      {"NOPROTO unsupported protocol version", errc::protocol_error},
      {"ERR unknown command 'GETEX', with args beginning with: 'secret'", errc::protocol_error},
      {"ERR syntax error", errc::protocol_error},
      {"ERR invalid expire time in 'set' command", errc::config_error},
      {"ERR value is not an integer or out of range", errc::config_error},
      {"ERR DB index is out of range", errc::config_error},
      {"ERR max number of clients reached", errc::unavailable},
      {"ERR Protocol error: unbalanced quotes in request", errc::protocol_error},
      {"ERR something new", errc::server_error},
      // As servers before 7 wrap what a script met.
      {"ERR Error running script (call to f_6b1bf486c81ceb7e): @user_script:13: @user_script: 13: -READONLY You can't write against a read only replica.", errc::wrong_master},
      {"ERR Error running script (call to f_6b1bf486c81ceb7e): @user_script:13: @user_script: 13: -NOREPLICAS Not enough good replicas to write.", errc::unavailable},
      {"ERR Error running script (call to f_6b1bf486c81ceb7e): @user_script:13: @user_script: 13: -MISCONF Redis is configured to save RDB snapshots", errc::unavailable},
      {"ERR Error running script (call to f_6b1bf486c81ceb7e): @user_script:13: @user_script: 13: -OOM command not allowed when used memory > 'maxmemory'.", errc::storage_full},
      {"ERR Error running script (call to f_6b1bf486c81ceb7e): @user_script:13: WRONGTYPE Operation against a key holding the wrong kind of value", errc::corrupt_record},
      {"ERR Error running script (call to f_6b1bf486c81ceb7e): @user_script:13: @user_script: 13: NOPERM this user has no permissions", errc::permission_denied},
      {"ERR Error running script (call to f_6b1bf486c81ceb7e): @user_script:13: user_script:13: attempt to index a nil value", errc::server_error},
      {"ERR Error running script (call to f_6b1bf486c81ceb7e)", errc::server_error},
      {"ERR Error running script", errc::server_error},
      {"ERR Error running script (call to f_6b1bf486c81ceb7e): @", errc::server_error},
      {"ERR Error running script (call to f_6b1bf486c81ceb7e): -", errc::server_error},
      {"", errc::server_error},
      {"READ", errc::server_error},
      {"BUSYKEY Target key name already exists.", errc::server_error},
      {"ASKING is no error", errc::server_error},
  };
  for (auto const& [text, error] : table) {
    BOOST_TEST_INFO_SCOPE(text);
    BOOST_TEST((error_of_reply(text) == error));
  }
}

// RE41: nothing of the text but what decided
BOOST_AUTO_TEST_CASE(the_log_is_told_what_decided_and_nothing_else) {
  BOOST_TEST(cause_of_reply("READONLY canary") == "the server says READONLY");
  BOOST_TEST(cause_of_reply("ERR Error running script (call to f_01): @user_script:13: @user_script: 13: -READONLY canary") == "the server says READONLY");
  BOOST_TEST(cause_of_reply("ERR Error running script (call to f_01): @user_script:13: canary").find("canary") == std::string::npos);
  BOOST_TEST(cause_of_reply("NEWCODE canary") == "the server says NEWCODE");
}

// RE20, FA07
BOOST_AUTO_TEST_CASE(pauses_grow_and_keep_within_three_attempts_a_second) {
  for (std::uint64_t random : {0ULL, 1ULL, 63ULL, 12345ULL}) {
    redis_backoff backoff;
    duration before{};
    for (int i = 0; i < 20; ++i) {
      auto const pause = backoff.next(0s, false, random);
      BOOST_TEST((pause >= 1000ms / 3));
      BOOST_TEST((pause <= 900ms));
      BOOST_TEST((pause >= before));
      before = pause;
    }
    BOOST_TEST((backoff.next(1s, false, random) == 0s));    // a good connection was lost: at once
    BOOST_TEST((backoff.next(10ms, false, random) < 450ms));  // one that was not worth having: as after a failure
    BOOST_TEST((backoff.next(0s, true, random) >= 25s));    // DE05: wrong credentials
  }
}

BOOST_AUTO_TEST_SUITE_END()
