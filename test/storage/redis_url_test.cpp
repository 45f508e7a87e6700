#include <mooring/storage/redis_url.hpp>

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace mooring;

namespace {

redis_storage_options parsed(std::string_view url) {
  std::string why;
  auto made = redis_options_from_url(url, &why);
  BOOST_TEST_INFO_SCOPE(url);
  BOOST_TEST_REQUIRE(made.has_value(), why);
  made->key_prefix = "test:";
  BOOST_TEST(check(*made, &why).has_value(), why);
  return *made;
}

std::string place(redis_address const& address) { return address.host + " " + address.port; }

}  // namespace

BOOST_AUTO_TEST_SUITE(redis_url_)

// RE01
BOOST_AUTO_TEST_CASE(a_url_names_a_server) {
  struct {
    std::string_view url;
    std::string_view address, username, password;
    int database;
    bool has_tls;
  } const table[] = {
      {"redis://localhost", "localhost 6379", "", "", 0, false},
      {"redis://localhost/", "localhost 6379", "", "", 0, false},
      {"redis://10.0.0.1:7000/15", "10.0.0.1 7000", "", "", 15, false},
      {"rediss://cache.example:6380/2", "cache.example 6380", "", "", 2, true},
      {"REDISS://H_1", "H_1 6379", "", "", 0, true},
      {"redis://[::1]", "::1 6379", "", "", 0, false},
      {"redis://[2001:db8::7]:6400/1", "2001:db8::7 6400", "", "", 1, false},
      {"redis://ada@h", "h 6379", "ada", "", 0, false},
      {"redis://ada:word@h", "h 6379", "ada", "word", 0, false},
      {"redis://:word@h", "h 6379", "", "word", 0, false},
      {"redis://a%3Ada:%40%2f%3a%25%20%C3%A4@[::ffff:1.2.3.4]:1/0", "::ffff:1.2.3.4 1", "a:da", "@/:% \xc3\xa4", 0, false},
      {"redis://h:65535/2147483647", "h 65535", "", "", 2147483647, false},
      {"redis://h:06379/007", "h 6379", "", "", 7, false},
  };
  for (auto const& row : table) {
    BOOST_TEST_INFO_SCOPE(row.url);
    auto const made = parsed(row.url);
    BOOST_TEST((made.address.has_value() && made.unix_socket.empty() && !made.sentinel));
    BOOST_TEST(place(*made.address) == row.address);
    BOOST_TEST(made.username == row.username);
    BOOST_TEST(made.password.text() == row.password);
    BOOST_TEST(made.database == row.database);
    BOOST_TEST(made.tls.has_value() == row.has_tls);
  }
}

// RE01, RE09
BOOST_AUTO_TEST_CASE(a_url_names_sentinels) {
  auto const plain = parsed("redis+sentinel://ada:word@h1:7001,[::1],h3/main-1/4");
  BOOST_TEST((!plain.address && plain.unix_socket.empty() && plain.sentinel.has_value()));
  BOOST_TEST_REQUIRE(plain.sentinel->addresses.size() == 3U);
  BOOST_TEST(place(plain.sentinel->addresses[0]) == "h1 7001");
  BOOST_TEST(place(plain.sentinel->addresses[1]) == "::1 26379");
  BOOST_TEST(place(plain.sentinel->addresses[2]) == "h3 26379");
  BOOST_TEST(plain.sentinel->master_name == "main-1");
  BOOST_TEST(plain.database == 4);
  BOOST_TEST(plain.username == "ada");
  BOOST_TEST(plain.password.text() == "word");
  BOOST_TEST(plain.sentinel->username.empty());
  BOOST_TEST(plain.sentinel->password.empty());
  BOOST_TEST((!plain.tls && !plain.sentinel->tls));
  auto const secure = parsed("rediss+sentinel://h/a%2Fb/");
  BOOST_TEST((secure.tls && secure.sentinel->tls));
  BOOST_TEST(secure.sentinel->master_name == "a/b");
  BOOST_TEST(secure.database == 0);
}

// RE01
BOOST_AUTO_TEST_CASE(a_url_names_a_socket) {
  auto const plain = parsed("unix:///run/redis/a%20b@c.sock");
  BOOST_TEST(plain.unix_socket == "/run/redis/a b@c.sock");
  BOOST_TEST((!plain.address && !plain.sentinel && !plain.tls));
  auto const whole = parsed("unix://ada:word@/run/redis.sock?db=3");
  BOOST_TEST(whole.unix_socket == "/run/redis.sock");
  BOOST_TEST(whole.username == "ada");
  BOOST_TEST(whole.password.text() == "word");
  BOOST_TEST(whole.database == 3);
}

// RE01: each names the part that is wrong, and none repeats what may be a password
BOOST_AUTO_TEST_CASE(a_bad_url_is_refused_by_the_name_of_its_part) {
  auto const long_name = "redis://canary:canary@" + std::string(254, 'h');
  std::vector<std::pair<std::string, std::string>> const table{
      {"", "scheme"},
      {"canary", "scheme"},
      {"canary@localhost:6379", "scheme"},
      {"redis:canary", "scheme"},
      {"redis:/canary", "scheme"},
      {"://canary", "scheme"},
      {"http://canary", "scheme"},
      {"redis+unix://canary", "scheme"},
      {"redissentinel://canary", "scheme"},
      {" redis://canary", "text"},
      {"redis://can ary", "text"},
      {"redis://canary\n", "text"},
      {std::string("redis://canary\0", 15), "text"},
      {"redis://canar\xc3\xa4", "text"},
      {"redis://\x7f", "text"},
      {"redis://h#canary", "fragment"},
      {"redis://:canary#canary@h", "fragment"},
      {"redis://h?db=1", "query"},
      {"redis://:canary?canary@h", "query"},
      {"redis+sentinel://h/m?db=1", "query"},
      {"redis://", "host"},
      {"redis:///0", "host"},
      {"redis://:6379", "host"},
      {"redis://canary@", "host"},
      {"redis://canary:canary@:6379/0", "host"},
      {"redis://::1", "host"},
      {"redis://::1/0", "host"},
      {"redis://h:1:2", "host"},
      {"redis://h%41", "host"},
      {"redis://h,i", "host"},
      {"redis://canary:can/ary@h", "port"},
      {"redis://can!ary/", "host"},
      {long_name, "host"},
      {"redis://[::1", "host"},
      {"redis://[]", "host"},
      {"redis://[h]", "host"},
      {"redis://[1.2.3.4]", "host"},
      {"redis://[::1%25eth0]", "host"},
      {"redis://[::1]6379", "port"},
      {"redis://[::1]:", "port"},
      {"redis://[::1]:1:2", "host"},
      {"redis://h:", "port"},
      {"redis://h:0", "port"},
      {"redis://h:65536", "port"},
      {"redis://h:-1", "port"},
      {"redis://h:+1", "port"},
      {"redis://h:1x", "port"},
      {"redis://h:99999999999999999999", "port"},
      {"redis://h/canary", "database"},
      {"redis://h/-1", "database"},
      {"redis://h/+1", "database"},
      {"redis://h/1/", "database"},
      {"redis://h/0/1", "database"},
      {"redis://h//", "database"},
      {"redis://h/2147483648", "database"},
      {"redis://h/%31", "database"},
      {"redis://@h", "login"},
      {"redis://:@h", "login"},
      {"redis://canary@canary@h", "login"},
      {"redis://canary:canary@canary@h", "login"},
      {"redis://canary:@h", "password"},
      {"redis://canary:canary:canary@h", "password"},
      {"redis://:canary%@h", "password"},
      {"redis://:canary%4@h", "password"},
      {"redis://:canary%4g@h", "password"},
      {"redis://:canary%00@h", "password"},
      {"redis://canary%g4:canary@h", "user"},
      {"redis://canary%00:canary@h", "user"},
      {"redis+sentinel://", "host of Sentinel 1"},
      {"redis+sentinel:///m", "host of Sentinel 1"},
      {"redis+sentinel://h,/m", "host of Sentinel 2"},
      {"redis+sentinel://h,,i/m", "host of Sentinel 2"},
      {"redis+sentinel://,h/m", "host of Sentinel 1"},
      {"redis+sentinel://h,i:x/m", "port of Sentinel 2"},
      {"redis+sentinel://h,[i]/m", "host of Sentinel 2"},
      {"redis+sentinel://canary:canary@h,canary@i/m", "login"},
      {"redis+sentinel://h", "master name"},
      {"redis+sentinel://h/", "master name"},
      {"redis+sentinel://h//0", "master name"},
      {"redis+sentinel://h/%", "master name"},
      {"redis+sentinel://h/a%20b", "master name"},
      {"redis+sentinel://h/a%00", "master name"},
      {"redis+sentinel://h/m/x", "database"},
      {"redis+sentinel://h/m/0/1", "database"},
      {"unix://", "path"},
      {"unix://canary", "path"},
      {"unix://canary:canary@", "path"},
      {"unix://host/path", "host"},
      {"unix://canary@host/path", "host"},
      {"unix:///", "path"},
      {"unix:///folder/", "path"},
      {"unix:///%00", "path"},
      {"unix:///%2", "path"},
      {"unix:///path?", "query"},
      {"unix:///path?canary=1", "query"},
      {"unix:///path?db", "query"},
      {"unix:///path?db=", "database"},
      {"unix:///path?db=x", "database"},
      {"unix:///path?db=1&db=2", "database"},
  };
  for (auto const& [url, part] : table) {
    BOOST_TEST_INFO_SCOPE(url);
    std::string why;
    auto const made = redis_options_from_url(url, &why);
    BOOST_TEST((made.has_error() && made.error() == errc::invalid_argument));
    BOOST_TEST(why.starts_with("The URL's " + part + " "), why);
    BOOST_TEST(why.ends_with("."));
    BOOST_TEST(why.find("canar") == std::string::npos);
    BOOST_TEST(redis_options_from_url(url).has_error());
  }
}

BOOST_AUTO_TEST_SUITE_END()
