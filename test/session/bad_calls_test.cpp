#include "core/bad_ids.hpp"
#include "session/session_world.hpp"

#include <algorithm>
#include "storage/bad_utf8.hpp"

using namespace mooring;
using namespace mooring::test;

namespace {

decorator<test_session> const same = [](std::shared_ptr<test_session> s, metadata d) { return result<decoration<test_session>>(decoration<test_session>(s, d)); };

struct row {
  std::string name;
  open_parameters asked;
  errc expected;
};

metadata many(std::size_t entries, std::size_t value_bytes) {
  metadata made;
  for (std::size_t i = 0; i < entries; ++i) made.emplace("k" + std::to_string(i), std::string(value_bytes, 'v'));
  return made;
}

std::vector<row> bad_parameters() {
  std::vector<row> rows;
  auto const data = [&](std::string name, metadata bad, errc expected) { rows.push_back({std::move(name), open_parameters({"a"}, std::move(bad)), expected}); };
  for (auto const* key : {"mooring.", "mooring.state", "mooring.owner", "mooring.backends", "mooring.opening", "mooring.later", "mooring..", "mooring.\xc3\xa4"})
    data(std::string("the reserved key ") + key, metadata{{key, "v"}}, errc::invalid_argument);
  for (auto const& bad : bad_utf8()) {
    data("bad UTF-8 in a value", metadata{{"k", bad}}, errc::invalid_argument);
    data("bad UTF-8 in a key", metadata{{bad, "v"}}, errc::invalid_argument);
    data("bad UTF-8 behind good", metadata{{"a", "v"}, {"k", "good " + bad + " good"}}, errc::invalid_argument);
    rows.push_back({"bad UTF-8 in the opening parameters", open_parameters({"a"}, {}, "{\"" + bad + "\"}"), errc::invalid_argument});
  }
  text_limits const limits;
  data("a key too long", metadata{{std::string(limits.max_key_bytes + 1, 'k'), ""}}, errc::too_large);
  data("a value too long", metadata{{"k", std::string(limits.max_value_bytes + 1, 'v')}}, errc::too_large);
  data("too many entries", many(limits.max_entries + 1, 0), errc::too_large);
  data("too much in all", many(8, limits.max_total_bytes / 8), errc::too_large);
  // With the library's own four keys it is too much.
  data("too many entries for a record", many(limits.max_entries - 3, 0), errc::too_large);
  data("too much for a record", many(4, limits.max_total_bytes / 4 - 10), errc::too_large);
  rows.push_back({"opening parameters too long", open_parameters({"a"}, {}, std::string(limits.max_value_bytes + 1, 'o')), errc::too_large});
  rows.push_back({"a backend's name too long", open_parameters({std::string(limits.max_value_bytes, 'b')}), errc::too_large});
  rows.push_back({"too many backends", open_parameters(std::vector<std::string>(limits.max_value_bytes / 2 + 1, "b")), errc::too_large});
  rows.push_back({"backends whose bytes are written as three each", open_parameters({std::string(limits.max_value_bytes / 3 + 1, '\0')}), errc::too_large});
  return rows;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(session_bad_calls)

// SM05, SM16, SM40, SC05, SC06, SC09: no storage operation, no factory, nothing remembered.
BOOST_AUTO_TEST_CASE(each_bad_id_is_refused_by_every_operation_and_costs_nothing) {
  session_world w(1);
  auto const calls = w.link().calls();
  auto const rows = bad_ids();
  BOOST_TEST(rows.size() >= 300U);
  for (auto const& id : rows) {
    BOOST_TEST_INFO_SCOPE(id.substr(0, 40));
    BOOST_TEST(w.run(w.m().get(id, {})).error() == errc::invalid_id);
    BOOST_TEST(w.run(w.m().validate(id, {})).error() == errc::invalid_id);
    BOOST_TEST(w.run(w.m().terminate(id, {})).error() == errc::invalid_id);
    BOOST_TEST(w.run(w.m().create(id, {}, open_parameters())).error() == errc::invalid_id);
    BOOST_TEST(w.run(w.m().decorate(id, {}, same)).error() == errc::invalid_id);
    BOOST_TEST(w.run(w.m().notify_backend_expired(id, {}, "a")).error() == errc::invalid_id);
  }
  BOOST_TEST(w.link().calls() == calls);
  BOOST_TEST(w.f().requests.empty());
  BOOST_TEST(w.m().stats().tombstones == 0U);
  w.end();
}

// SC02, SC05: an id that is well-formed and never minted is nobody's, and stays so.
BOOST_AUTO_TEST_CASE(each_odd_id_is_an_unknown_one_and_creates_no_record) {
  session_world w(1);
  auto const own = w.opened();
  for (auto const& id : odd_ids()) {
    BOOST_TEST_INFO_SCOPE(id);
    BOOST_TEST(!*w.run(w.m().get(id, {})));
    BOOST_TEST((*w.run(w.m().validate(id, {})) == validity::gone));
    BOOST_TEST(w.run(w.m().create(id, {}, open_parameters())).error() == errc::not_found);
    BOOST_TEST(w.run(w.m().decorate(id, {}, same)).error() == errc::not_found);
    BOOST_TEST(w.run(w.m().notify_backend_expired(id, {}, "a")).has_value());
    BOOST_TEST(!w.run(w.m().terminate(id, {}))->existed);
    BOOST_TEST(!w.record(id).has_value());
  }
  BOOST_TEST(w.store->table.size(w.sim.now()) == 1U);
  BOOST_TEST(w.m().stats().tombstones == 0U);
  BOOST_TEST(static_cast<bool>(*w.run(w.m().get(own, {}))));
  w.end();
}

// SM10, ST16, ST17, DE15, ID11
BOOST_AUTO_TEST_CASE(each_bad_set_of_opening_parameters_is_refused_and_leaves_no_record) {
  session_world w(1);
  auto const rows = bad_parameters();
  BOOST_TEST(rows.size() >= 90U);
  for (auto const& bad : rows) {
    BOOST_TEST_INFO_SCOPE(bad.name);
    BOOST_TEST(w.run(w.m().open({}, bad.asked)).error() == bad.expected);
    auto const minted = *w.run(w.m().generate());
    BOOST_TEST(w.run(w.m().create(minted, {}, bad.asked)).error() == bad.expected);
    w.sim.run_for(61s);
    BOOST_TEST(w.store->table.size(w.sim.now()) == 0U);
  }
  BOOST_TEST(w.book->is_balanced());
  w.end();
}

// SM10: what a factory adds is held to the same rules, and its session is closed.
BOOST_AUTO_TEST_CASE(each_bad_set_of_a_factorys_data_is_refused_and_its_session_closed) {
  session_world w(1);
  auto const rows = bad_parameters();
  for (auto const& bad : rows) {
    if (bad.asked.data.empty()) continue;
    w.f().adorn = [&](session_request const&, opened<test_session>& made) { made.data = bad.asked.data; };
    BOOST_TEST(w.run(w.m().open({}, open_parameters({"a"}))).error() == bad.expected, bad.name);
    BOOST_TEST(w.store->table.size(w.sim.now()) == 0U);
  }
  w.sim.run_for(1s);
  BOOST_TEST(w.book->opened() >= 60U);
  BOOST_TEST(w.book->is_balanced());
  w.end();
}

// ID11, ST16: of a decoration too; storage and cache stay as they were.
BOOST_AUTO_TEST_CASE(each_bad_set_of_a_decorations_data_is_refused_and_changes_nothing) {
  session_world w(1);
  auto const id = w.opened(named("alice"));
  auto const before = *w.record(id);
  for (auto const& bad : bad_parameters()) {
    if (bad.asked.data.empty()) continue;
    decorator<test_session> const change = [&](std::shared_ptr<test_session> s, metadata) { return result<decoration<test_session>>(decoration<test_session>(s, bad.asked.data)); };
    BOOST_TEST(w.run(w.m().decorate(id, named("alice"), change)).error() == bad.expected, bad.name);
  }
  BOOST_TEST((w.record(id)->revision == before.revision));
  BOOST_TEST((w.record(id)->value == before.value));
  BOOST_TEST(w.book->opened() == 1U);
  w.end();
}

// SM06: what the user's own look-up throws is the creation's failure, and nothing stays behind
BOOST_AUTO_TEST_CASE(health_monitor_that_throws_fails_the_creation) {
  session_world::setup how;
  std::vector<std::string> lines;
  how.options.health_monitor = [](std::string_view) -> std::optional<backend_health> { throw std::runtime_error("no monitor"); };
  how.options.log = [&](severity, std::string_view line) { lines.emplace_back(line); };
  session_world w(1, how);
  auto const id = *w.run(w.m().generate());
  auto const made = w.run(w.m().create(id, {}, open_parameters({"a"})));
  BOOST_TEST((!made && made.error() == errc::load_failed));
  BOOST_TEST(!w.record(id).has_value());
  BOOST_TEST((std::count(lines.begin(), lines.end(), "a look-up of health threw: no monitor") == 1));
  w.end();
}

// SM52, RA45: at the limit of sessions a creation waits for no more than its own deadline, however many a sweep has to ask about
BOOST_AUTO_TEST_CASE(creation_at_the_limit_waits_no_longer_than_its_deadline) {
  session_world::setup how;
  how.options.max_sessions = 20;
  session_world w(1, how);
  for (int i = 0; i < 20; ++i) w.opened();
  w.link().decide([](storage_operation, std::size_t) { return storage_fault::no_request; });
  auto const begun = w.sim.now();
  auto const made = w.run(w.m().open({}, open_parameters({"a"})));
  BOOST_TEST((!made && made.error() == errc::too_many_sessions));
  BOOST_TEST((w.sim.now() - begun <= manager_deadlines().create));
  w.link().decide(nullptr);
  w.end();
}

BOOST_AUTO_TEST_SUITE_END()
