#include "storage/recent_erasures.hpp"
#include "storage/sentinel_search.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

using namespace mooring;
using namespace mooring::detail;
using namespace std::chrono_literals;
using kind = redis_reply::kind;

namespace {

redis_reply reply(kind what, std::string text = {}) {
  redis_reply made;
  made.what = what;
  made.text = std::move(text);
  return made;
}

redis_reply list(std::vector<std::string> const& texts) {
  auto made = reply(kind::list);
  for (auto const& text : texts) made.items.push_back(reply(kind::text, text));
  return made;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sentinel_search_)

// RE23, RE40, SC11
BOOST_AUTO_TEST_CASE(only_an_address_that_is_allowed_names_a_master) {
  std::vector<redis_address> const any;
  std::vector<redis_address> const some{{"10.0.0.1", "6379"}, {"Cache.Example", ""}};
  struct {
    redis_reply answer;
    std::vector<redis_address> const& allowed;
    std::string place;  // empty: it names none
    std::string cause;
  } const table[] = {
      {list({"10.0.0.1", "6379"}), any, "10.0.0.1:6379", ""},
      {list({"::1", "1"}), any, "::1:1", ""},
      {list({"10.0.0.1", "6379"}), some, "10.0.0.1:6379", ""},
      {list({"cache.example", "7000"}), some, "cache.example:7000", ""},
      {list({"10.0.0.1", "6380"}), some, "", "allowed_masters"},
      {list({"10.0.0.2", "6379"}), some, "", "allowed_masters"},
      {list({"cache.example.evil", "6379"}), some, "", "allowed_masters"},
      {reply(kind::null), any, "", "no master of this name"},
      {reply(kind::error, "ERR No such master with that name"), any, "", "says ERR"},
      {reply(kind::error, "INPROG Failover already in progress"), any, "", "says INPROG"},
      {reply(kind::error, "NOQUORUM 1 usable Sentinels. Not enough"), any, "", "says NOQUORUM"},
      {reply(kind::error, "NOAUTH Authentication required."), any, "", "says NOAUTH"},
      {reply(kind::error, "ERR unknown command 'SENTINEL', with args beginning with: 'secret'"), any, "", "says ERR unknown command"},
      {reply(kind::error, "secret"), any, "", "without a code"},
      {reply(kind::nothing), any, "", "no address"},
      {reply(kind::text, "10.0.0.1:6379"), any, "", "no address"},
      {reply(kind::list), any, "", "no address"},
      {list({"10.0.0.1"}), any, "", "no address"},
      {list({"10.0.0.1", "6379", "x"}), any, "", "no address"},
      {list({"", "6379"}), any, "", "no address"},
      {list({"a b", "6379"}), any, "", "no address"},
      {list({std::string(254, 'a'), "6379"}), any, "", "no address"},
      {list({"10.0.0.1", ""}), any, "", "no address"},
      {list({"10.0.0.1", "0"}), any, "", "no address"},
      {list({"10.0.0.1", "65536"}), any, "", "no address"},
      {list({"10.0.0.1", "-1"}), any, "", "no address"},
      {list({"10.0.0.1", "6379x"}), any, "", "no address"},
  };
  for (auto const& row : table) {
    BOOST_TEST_INFO_SCOPE(row.place + row.cause);
    auto const said = master_of_reply(row.answer, row.allowed);
    BOOST_TEST((said.master ? said.master->host + ":" + said.master->port : std::string()) == row.place);
    BOOST_TEST(said.cause.find(row.cause) != std::string::npos);
    BOOST_TEST(said.cause.empty() == said.master.has_value());
    BOOST_TEST(said.cause.find("secret") == std::string::npos);
  }
}

// SC11
BOOST_AUTO_TEST_CASE(a_server_is_a_master_by_its_own_word_only) {
  BOOST_TEST(is_master(list({"server", "redis", "mode", "standalone", "role", "master"})));
  BOOST_TEST(!is_master(list({"server", "redis", "mode", "standalone", "role", "replica"})));
  BOOST_TEST(!is_master(list({"server", "redis", "mode", "sentinel"})));
  BOOST_TEST(!is_master(list({"role"})));
  BOOST_TEST(!is_master(list({"master", "role"})));
  BOOST_TEST(!is_master(reply(kind::text, "role master")));
}

// RE23: the one that helped is kept; each of the others once before a pause
BOOST_AUTO_TEST_CASE(sentinels_are_asked_in_turn_and_the_helpful_one_is_kept) {
  sentinel_search search(3);
  BOOST_TEST(search.whom() == 0U);
  BOOST_TEST(search.next());
  BOOST_TEST(search.whom() == 1U);
  search.helped();
  BOOST_TEST(search.whom() == 1U);
  BOOST_TEST(search.next());
  BOOST_TEST(search.whom() == 2U);
  BOOST_TEST(search.next());
  BOOST_TEST(search.whom() == 0U);
  BOOST_TEST(!search.next());
  BOOST_TEST(search.whom() == 1U);
  BOOST_TEST(search.next());
  BOOST_TEST(search.next());
  BOOST_TEST(!search.next());
  sentinel_search lone(1);
  BOOST_TEST(!lone.next());
  BOOST_TEST(lone.whom() == 0U);
  lone.helped();
  BOOST_TEST(!lone.next());
}

// FA11: within the window, the newest, and not what was made anew
BOOST_AUTO_TEST_CASE(recent_erasures_are_remembered_within_their_bounds) {
  time_point const start{};
  recent_erasures erasures(60s, 3);
  using ids = std::vector<std::string>;
  erasures.erased("a", start);
  erasures.erased("b", start + 10s);
  erasures.erased("a", start + 20s);
  BOOST_TEST(erasures.due(start + 20s).ids == (ids{"b", "a"}));
  BOOST_TEST(erasures.due(start + 69s).ids == (ids{"b", "a"}));
  BOOST_TEST(erasures.due(start + 70s).ids == (ids{"a"}));
  erasures.end_making("a", true);
  erasures.end_making("unknown", true);
  BOOST_TEST(erasures.due(start + 70s).ids.empty());
  for (auto const* id : {"1", "2", "3", "4", "5"}) erasures.erased(id, start + 80s);
  BOOST_TEST(erasures.due(start + 80s).ids == (ids{"3", "4", "5"}));
}

// FA11: they age up to the loss of the server that knew of them, and again once another has carried them out
BOOST_AUTO_TEST_CASE(recent_erasures_keep_while_no_server_knows_them) {
  time_point const start{};
  recent_erasures erasures(60s, 8);
  using ids = std::vector<std::string>;
  erasures.erased("old", start);
  erasures.erased("a", start + 30s);
  erasures.lost(start + 70s);
  erasures.erased("b", start + 100s);
  erasures.lost(start + 200s);  // a connection that carried out nothing
  BOOST_TEST(erasures.due(start + 500s).ids == (ids{"a", "b"}));
  erasures.erased("c", start + 600s);
  BOOST_TEST(erasures.due(start + 700s).ids == (ids{"a", "b", "c"}));
  erasures.caught_up(start + 700s);
  BOOST_TEST(erasures.due(start + 759s).ids == (ids{"a", "b", "c"}));
  BOOST_TEST(erasures.due(start + 760s).ids.empty());
  erasures.erased("d", start + 760s);
  erasures.caught_up(start + 800s);  // of a connection like the one before
  BOOST_TEST(erasures.due(start + 820s).ids.empty());
}

// FA11: what a request may have made is not erased behind it, and what it has not made is erased later
BOOST_AUTO_TEST_CASE(an_erasure_waits_for_those_who_make_its_id_anew) {
  time_point const start{};
  recent_erasures erasures(60s, 8);
  using ids = std::vector<std::string>;
  erasures.begin_making("a");
  for (auto const* id : {"a", "b"}) erasures.erased(id, start);
  BOOST_TEST(erasures.due(start).ids == ids{"b"});
  BOOST_TEST(!erasures.due(start).is_all);
  erasures.begin_making("a");
  erasures.end_making("a", false);
  BOOST_TEST(!erasures.due(start).is_all);
  erasures.end_making("a", false);
  BOOST_TEST(erasures.due(start).ids == (ids{"a", "b"}));
  BOOST_TEST(erasures.due(start).is_all);
  erasures.begin_making("a");
  erasures.end_making("a", true);
  BOOST_TEST(erasures.due(start).ids == ids{"b"});
  BOOST_TEST(erasures.due(start).is_all);
  erasures.erased("a", start);  // by a request that came after the one that made it
  BOOST_TEST(erasures.due(start).ids == (ids{"b", "a"}));
}

BOOST_AUTO_TEST_SUITE_END()
