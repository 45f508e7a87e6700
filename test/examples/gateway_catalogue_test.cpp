// The merging of several backends' lists: gateway/catalogue.hpp.

#include "gateway/catalogue.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace json = boost::json;
using namespace mooring::gateway;

namespace {

contribution tools_of(std::string backend, std::vector<std::string> const& names) {
  json::array items;
  for (auto const& name : names) items.push_back(json::object{{"name", name}, {"inputSchema", json::object{{"type", "object"}}}});
  return contribution(std::move(backend), std::move(items));
}

contribution listed(std::string backend, char const* items) { return contribution(std::move(backend), json::parse(items).as_array()); }

std::vector<std::string> names_of(catalogue const& merged, std::string_view key = "name") {
  std::vector<std::string> names;
  auto const shown = json::parse(merged.items());
  for (auto const& item : shown.as_array()) names.emplace_back(item.as_object().at(key).as_string());
  return names;
}

using strings = std::vector<std::string>;

}  // namespace

// GW27
BOOST_AUTO_TEST_CASE(catalogue_keeps_a_name_that_one_backend_has_and_prefixes_one_that_several_have) {
  catalogue const merged(listing_kind::tools, {tools_of("beta", {"echo", "sum"}), tools_of("alpha", {"whoami", "echo"})});
  strings const expected{"whoami", "alpha_echo", "beta_echo", "sum"};
  BOOST_TEST(names_of(merged) == expected, boost::test_tools::per_element());
}

// GW27
BOOST_AUTO_TEST_CASE(catalogue_is_the_same_whatever_the_order_of_its_contributions) {
  std::vector<contribution> all{tools_of("c", {"x", "y"}), tools_of("a", {"y", "z"}), tools_of("b", {"x", "z", "w"})};
  auto const less = [](contribution const& l, contribution const& r) { return l.backend < r.backend; };
  std::sort(all.begin(), all.end(), less);
  auto const expected = catalogue(listing_kind::tools, all).items();
  while (std::next_permutation(all.begin(), all.end(), less)) BOOST_TEST(catalogue(listing_kind::tools, all).items() == expected);
}

// GW28
BOOST_AUTO_TEST_CASE(catalogue_leads_a_name_back_to_its_backend_and_to_the_name_there) {
  catalogue const merged(listing_kind::tools, {tools_of("alpha", {"echo", "one"}), tools_of("beta", {"echo"})});
  BOOST_TEST((merged.find("alpha_echo") == origin("alpha", "echo")));
  BOOST_TEST((merged.find("beta_echo") == origin("beta", "echo")));
  BOOST_TEST((merged.find("one") == origin("alpha", "one")));
  BOOST_TEST(!merged.find("echo").has_value());
  BOOST_TEST(!merged.find("gamma_echo").has_value());
  BOOST_TEST(!merged.find("").has_value());
}

BOOST_AUTO_TEST_CASE(catalogue_goes_on_knowing_a_prefixed_name_when_the_clash_is_over) {
  catalogue const merged(listing_kind::tools, {tools_of("alpha", {"echo"})});
  BOOST_TEST((merged.find("echo") == origin("alpha", "echo")));
  BOOST_TEST((merged.find("alpha_echo") == origin("alpha", "echo")));
}

// GW27
BOOST_AUTO_TEST_CASE(catalogue_shows_no_name_twice_even_if_a_backends_own_name_looks_prefixed) {
  catalogue const merged(listing_kind::tools, {tools_of("a", {"x", "a_x"}), tools_of("b", {"x"}), tools_of("c", {"b_x", "c", "c"})});
  auto names = names_of(merged);
  std::sort(names.begin(), names.end());
  BOOST_TEST((std::adjacent_find(names.begin(), names.end()) == names.end()));
  BOOST_TEST(names.size() == 5U);
  for (auto const& name : names) BOOST_TEST(merged.find(name).has_value());
  BOOST_TEST((merged.find("a_x") == origin("a", "a_x")), "a backend's own name wins over a made one");
  BOOST_TEST((merged.find("b_x") == origin("c", "b_x")));
  BOOST_TEST((merged.find("b_b_x") == origin("b", "x")));
}

// GW27
BOOST_AUTO_TEST_CASE(catalogue_changes_nothing_of_an_item_but_its_name) {
  auto const* const item = R"([{"name":"echo","title":"Echo","inputSchema":{"type":"object","properties":{"name":{"type":"string"}}},"_meta":{"k":[1,2]}}])";
  catalogue const merged(listing_kind::tools, {listed("a", item), listed("b", item)});
  auto expected = json::parse(item).as_array()[0].as_object();
  expected["name"] = "a_echo";
  BOOST_TEST((json::parse(merged.items()).as_array()[0].as_object() == expected));
}

// GW27
BOOST_AUTO_TEST_CASE(catalogue_prefixes_uris_that_clash_so_that_they_stay_uris) {
  auto const* const shared = R"([{"uri":"test://x","name":"X"},{"uri":"test://own","name":"O"}])";
  catalogue const merged(listing_kind::resources, {listed("a", shared), listed("b", R"([{"uri":"test://x","name":"X"}])")});
  strings const expected{"a+test://x", "test://own", "b+test://x"};
  BOOST_TEST(names_of(merged, "uri") == expected, boost::test_tools::per_element());
  BOOST_TEST(merged.exposed_name("b", "test://x") == "b+test://x");
  BOOST_TEST(merged.exposed_name("a", "test://own") == "test://own");
  BOOST_TEST(merged.exposed_name("a", "test://never-listed") == "test://never-listed");
}

BOOST_AUTO_TEST_CASE(catalogue_leaves_out_items_without_a_name) {
  catalogue const merged(listing_kind::tools, {listed("a", R"([{"title":"nameless"},7,{"name":8},{"name":""},{"name":"good"}])")});
  BOOST_TEST(names_of(merged) == strings{"good"}, boost::test_tools::per_element());
}

// GW28
BOOST_AUTO_TEST_CASE(catalogue_leads_a_uri_to_the_backend_with_a_template_that_it_fits) {
  catalogue const merged(listing_kind::resource_templates,
                         {listed("a", R"([{"uriTemplate":"demo://text/{id}"},{"uriTemplate":"only://{x}"}])"), listed("b", R"([{"uriTemplate":"demo://text/{id}"}])")});
  BOOST_TEST((merged.find_matching("only://1") == origin("a", "only://1")));
  BOOST_TEST((merged.find_matching("b+demo://text/7") == origin("b", "demo://text/7")));
  BOOST_TEST((merged.find_matching("a+demo://text/7") == origin("a", "demo://text/7")));
  BOOST_TEST(!merged.find_matching("demo://text/7").has_value(), "two backends could be meant");
  BOOST_TEST(!merged.find_matching("a+demo://text/7/8").has_value());
}

BOOST_AUTO_TEST_CASE(template_expressions_stand_for_text_without_a_slash_unless_they_say_so) {
  BOOST_TEST(fits_template("a://b/c", "a://b/c"));
  BOOST_TEST(!fits_template("a://b/cd", "a://b/c"));
  BOOST_TEST(fits_template("a://1/x/2", "a://{p}/x/{q}"));
  BOOST_TEST(!fits_template("a://1/y/2", "a://{p}/x/{q}"));
  BOOST_TEST(!fits_template("a://1/2", "a://{p}"));
  BOOST_TEST(fits_template("a://1/2", "a://{+p}"));
  BOOST_TEST(fits_template("a://1/2/3", "a://{p*}"));
  BOOST_TEST(fits_template("a://", "a://{p}"));
  BOOST_TEST(!fits_template("", "a"));
  BOOST_TEST(fits_template("", ""));
  BOOST_TEST(!fits_template("a{b", "a{c"));
  BOOST_TEST(fits_template("a{b", "a{b"));
}

BOOST_AUTO_TEST_CASE(template_matching_takes_no_exponential_time) {
  std::string pattern = "a://";
  for (int i = 0; i != 50; ++i) pattern += "{+x}a";
  BOOST_TEST(!fits_template("a://" + std::string(2000, 'a') + "b", pattern));
}

BOOST_AUTO_TEST_CASE(uri_too_long_to_be_matched_fits_no_template) {
  catalogue const merged(listing_kind::resource_templates, {listed("a", R"([{"uriTemplate":"a://{+x}"}])")});
  auto const of_size = [](std::size_t size) { return "a://" + std::string(size - 4, 'x'); };
  BOOST_TEST(merged.find_matching(of_size(catalogue::max_matched_uri)).has_value());
  BOOST_TEST(!merged.find_matching(of_size(catalogue::max_matched_uri + 1)).has_value());
}
